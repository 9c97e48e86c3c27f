//! What staff see of it: figures of sales, carts that were left.

use serde_json::json;

use super::Talk;

pub(super) async fn tell(talk: &mut Talk<'_>) {
    if !talk.fleet.knows("get", "/v1/sales") {
        return;
    }
    let keel = talk.item("keel", 30).await;
    let wim = talk.customer("wim").await;
    let staff = talk.staff.clone();
    talk.ask(wim.buy(&[(&keel, 2)]).key("keel-1").request(), 201).await;
    let second = talk.ask(wim.buy(&[(&keel, 1)]).key("keel-2").request(), 201).await.text("/order/id");
    talk.ask(wim.post(format!("/v1/orders/{second}/cancel"), &json!({})).key("keel-3"), 200).await;
    let of_keel = |group: &str| staff.get(format!("/v1/sales?group={group}&product={}", keel.product));
    let counted = "the figures follow the orders";
    talk.until(counted, &of_keel("total"), |sales| sales.at("/sales/0/refunded/amount") == 1999).await;
    for group in ["total", "product", "sku"] {
        let sales = talk.ask(of_keel(group), 200).await;
        assert_eq!((sales.number("/sales/0/units"), sales.number("/sales/0/units_back")), (3, 1), "{sales}");
        assert_eq!(sales.number("/sales/0/net/amount"), 2 * 1999, "{sales}");
    }
    let page = talk.ask(staff.get("/v1/sales?limit=2&group=sku"), 200).await;
    talk.ask(staff.get(format!("/v1/sales?limit=2&group=sku&cursor={}", page.text("/next"))), 200).await;
    for query in
        ["limit=0", "group=month", "from=yesterday", "from=2024-01-01&to=2026-01-01", "cursor=nonsense"]
    {
        talk.refuse(staff.get(format!("/v1/sales?{query}")), 422, "invalid_request").await;
    }
    talk.only_for_staff(&wim, |who| who.get("/v1/sales")).await;
    talk.ask(staff.post("/v1/sales/recount", &json!({})).key("recount"), 202).await;
    talk.only_for_staff(&wim, |who| who.post("/v1/sales/recount", &json!({})).key("recount")).await;
    talk.until("nothing has changed", &of_keel("total"), |sales| sales.at("/sales/0/units") == 3).await;

    talk.ask(staff.get("/v1/carts?state=abandoned"), 200).await;
    for query in ["", "?state=lost", "?state=abandoned&cursor=nonsense"] {
        talk.refuse(staff.get(format!("/v1/carts{query}")), 422, "invalid_request").await;
    }
    talk.only_for_staff(&wim, |who| who.get("/v1/carts?state=abandoned")).await;
}
