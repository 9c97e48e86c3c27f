//! What becomes of orders: parcels, returns, refunds, notes, cancellation.

use serde_json::{Value, json};
use shoal_testkit::{Client, Item};

use super::{NOTHING, Talk};

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let flag = talk.item("flag", 30).await;
    let jan = talk.customer("jan").await;
    let orders = buys_some(talk, &jan, &flag).await;
    reads_lists(talk, &jan).await;
    reads_one(talk, &jan, &orders[0]).await;
    sends_and_takes_back(talk, &jan, &orders[0]).await;
    gives_money_back(talk, &jan, &orders[1]).await;
    cancels(talk, &jan, &orders[2], &orders[0]).await;
    talk.ask(talk.guest.get("/v1/stock/FLAG"), 200).await;
}

async fn buys_some(talk: &mut Talk<'_>, jan: &Client, flag: &Item) -> Vec<String> {
    let mut orders = Vec::new();
    for number in 1..=3 {
        let bought = talk.ask(jan.buy(&[(flag, number)]).key(format!("flags-{number}")).request(), 201).await;
        orders.push(bought.text("/order/id"));
    }
    orders
}

async fn reads_lists(talk: &mut Talk<'_>, jan: &Client) {
    let staff = talk.staff.clone();
    talk.refuse(talk.guest.get("/v1/orders"), 401, "unauthenticated").await;
    let page = talk.ask(jan.get("/v1/orders?limit=2"), 200).await;
    talk.ask(jan.get(format!("/v1/orders?limit=2&cursor={}", page.text("/next"))), 200).await;
    talk.ask(staff.get("/v1/orders"), 200).await;
    let page = talk.ask(staff.get("/v1/orders?limit=3&status=paid"), 200).await;
    talk.ask(staff.get(format!("/v1/orders?limit=3&status=paid&cursor={}", page.text("/next"))), 200).await;
    let number = page.text("/orders/0/number");
    talk.ask(staff.get(format!("/v1/orders?number={number}")), 200).await;
    talk.ask(staff.get("/v1/orders?source=elsewhere"), 200).await;
    let me = talk.ask(jan.get("/v1/me"), 200).await.text("/id");
    talk.ask(staff.get(format!("/v1/orders?customer={me}")), 200).await;
    for query in ["limit=0", "status=lost", "cursor=nonsense", "placed_from=yesterday"] {
        talk.refuse(staff.get(format!("/v1/orders?{query}")), 422, "invalid_request").await;
    }
}

async fn reads_one(talk: &mut Talk<'_>, jan: &Client, order: &str) {
    let (path, kim) = (format!("/v1/orders/{order}"), talk.customer("kim").await);
    let seen = talk.ask(jan.get(&path), 200).await;
    talk.ask(jan.get(&path).header("if-none-match", seen.header("etag")), 304).await;
    talk.ask(talk.staff.get(&path), 200).await;
    talk.ask(jan.get(format!("{path}/timeline")), 200).await;
    talk.ask(talk.staff.get(format!("{path}/payments")), 200).await;
    talk.only_for_staff(jan, |who| who.get(format!("{path}/payments"))).await;
    for what in ["", "/timeline"] {
        talk.refuse(kim.get(format!("{path}{what}")), 404, "unknown_order").await;
        talk.refuse(talk.guest.get(format!("{path}{what}")), 404, "unknown_order").await;
        let nothing = format!("/v1/orders/order_{NOTHING}{what}");
        talk.refuse(talk.staff.get(nothing), 404, "unknown_order").await;
    }
    let nothing = format!("/v1/orders/order_{NOTHING}/payments");
    talk.refuse(talk.staff.get(nothing), 404, "unknown_order").await;
}

fn of_line(line: i64, quantity: i64) -> Value {
    json!({"lines": [{"line": line, "quantity": quantity}]})
}

async fn sends_and_takes_back(talk: &mut Talk<'_>, jan: &Client, order: &str) {
    let (staff, path) = (talk.staff.clone(), format!("/v1/orders/{order}"));
    let (parcels, returns) = (format!("{path}/fulfilments"), format!("{path}/returns"));
    talk.only_for_staff(jan, |who| who.post(&parcels, &json!({}))).await;
    talk.refuse(staff.post(&returns, &of_line(1, 1)), 409, "order_state").await;
    talk.refuse(staff.post(&parcels, &of_line(1, 2)), 409, "quantity_too_large").await;
    talk.refuse(staff.post(&parcels, &of_line(9, 1)), 404, "unknown_line").await;
    let parcel = json!({"carrier": "Gull", "tracking": "G1"});
    let sent = talk.ask(staff.post(&parcels, &parcel).key("parcel"), 201).await;
    let again = talk.ask(staff.post(&parcels, &parcel).key("parcel"), 201).await;
    assert_eq!(again.body, sent.body, "a key gives the first answer");
    talk.ask(jan.get(&path), 200).await;
    talk.refuse(staff.post(&parcels, &parcel), 409, "order_state").await;
    talk.refuse(staff.post(format!("{path}/cancel"), &json!({})), 409, "order_state").await;

    talk.only_for_staff(jan, |who| who.post(&returns, &of_line(1, 1)).key("r")).await;
    talk.refuse(staff.post(&returns, &of_line(1, 5)), 409, "quantity_too_large").await;
    let mut back = of_line(1, 1);
    back["reason"] = "too loud".into();
    back["restock"] = true.into();
    let taken = talk.ask(staff.post(&returns, &back).key("return"), 201).await;
    let again = talk.ask(staff.post(&returns, &back).key("return"), 201).await;
    assert_eq!(again.body, taken.body, "a key gives the first answer");
    talk.ask(jan.get(&path), 200).await;
    talk.ask(talk.guest.get("/v1/stock/FLAG"), 200).await;
    talk.ask(jan.get(format!("{path}/timeline")), 200).await;
    let nothing = |what: &str| format!("/v1/orders/order_{NOTHING}/{what}");
    talk.refuse(staff.post(nothing("fulfilments"), &json!({})), 404, "unknown_order").await;
    talk.refuse(staff.post(nothing("returns"), &of_line(1, 1)), 404, "unknown_order").await;
}

async fn gives_money_back(talk: &mut Talk<'_>, jan: &Client, order: &str) {
    let (staff, path) = (talk.staff.clone(), format!("/v1/orders/{order}"));
    let refunds = format!("{path}/refunds");
    let amount = |cents: i64| json!({"amount": {"amount": cents, "currency": "EUR"}, "reason": "a scratch"});
    talk.only_for_staff(jan, |who| who.post(&refunds, &amount(500))).await;
    let refunded = talk.ask(staff.post(&refunds, &amount(500)).key("refund"), 201).await;
    let again = talk.ask(staff.post(&refunds, &amount(500)).key("refund"), 201).await;
    assert_eq!(again.body, refunded.body, "a key gives the first answer");
    talk.ask(jan.get(&path), 200).await;
    talk.ask(staff.get(format!("{path}/payments")), 200).await;
    talk.refuse(staff.post(&refunds, &amount(1_000_000)).key("more"), 409, "refund_too_large").await;
    talk.refuse(staff.post(&refunds, &amount(0)).key("none"), 422, "invalid_request").await;
    let nothing = format!("/v1/orders/order_{NOTHING}/refunds");
    talk.refuse(staff.post(nothing, &amount(1)).key("nothing"), 404, "unknown_order").await;
    let notes = format!("{path}/notes");
    talk.only_for_staff(jan, |who| who.post(&notes, &json!({"message": "called"}))).await;
    talk.ask(staff.post(&notes, &json!({"message": "called the buyer"})).key("note"), 201).await;
    talk.ask(staff.post(&notes, &json!({"message": "called the buyer"})).key("note"), 201).await;
    talk.refuse(staff.post(&notes, &json!({"message": ""})), 422, "invalid_request").await;
    let nothing = format!("/v1/orders/order_{NOTHING}/notes");
    talk.refuse(staff.post(nothing, &json!({"message": "x"})), 404, "unknown_order").await;
    talk.ask(staff.get(format!("{path}/timeline")), 200).await;
}

async fn cancels(talk: &mut Talk<'_>, jan: &Client, order: &str, sent: &str) {
    let (guest, path) = (talk.guest.clone(), format!("/v1/orders/{order}"));
    let cancel = |who: &Client, order: &str| {
        who.post(format!("/v1/orders/{order}/cancel"), &json!({"reason": "changed my mind"}))
    };
    talk.refuse(cancel(&guest, order), 404, "unknown_order").await;
    talk.refuse(cancel(jan, sent), 409, "order_state").await;
    talk.refuse(cancel(jan, &format!("order_{NOTHING}")), 404, "unknown_order").await;
    let cancelled = talk.ask(cancel(jan, order).key("cancel"), 200).await;
    let again = talk.ask(cancel(jan, order).key("cancel"), 200).await;
    assert_eq!(again.body, cancelled.body, "a key gives the first answer");
    talk.ask(jan.get(&path), 200).await;
    talk.ask(jan.get(format!("{path}/timeline")), 200).await;
    talk.ask(talk.staff.get(format!("{path}/payments")), 200).await;
    talk.ask(talk.staff.get("/v1/orders?status=cancelled"), 200).await;
}
