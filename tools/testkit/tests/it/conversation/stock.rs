//! Pieces on the shelf.

use serde_json::json;

use super::Talk;

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let (staff, guest) = (talk.staff.clone(), talk.guest.clone());
    let customer = talk.customer("gus").await;
    talk.item("rope", 5).await;
    talk.item("sail", 0).await;
    talk.ask(guest.get("/v1/stock/ROPE"), 200).await;
    talk.ask(guest.get("/v1/stock?sku=ROPE,SAIL,NOTHING"), 200).await;
    talk.refuse(guest.get("/v1/stock"), 422, "invalid_request").await;
    talk.refuse(guest.get("/v1/stock/NOTHING"), 404, "unknown_sku").await;

    let adjustments = "/v1/stock/ROPE/adjustments";
    let receive = json!({"change": {"receive": 10}, "reason": "from the ropewalk"});
    talk.only_for_staff(&customer, |who| who.post(adjustments, &receive)).await;
    let first = talk.ask(staff.post(adjustments, &receive).key("ropes"), 201).await;
    let again = talk.ask(staff.post(adjustments, &receive).key("ropes"), 201).await;
    assert_eq!(again.body, first.body, "a key gives the first answer");
    talk.ask(guest.get("/v1/stock/ROPE"), 200).await;
    for change in [json!({"correct": -3}), json!({"count": 4}), json!({"receive": 1})] {
        talk.ask(staff.post(adjustments, &json!({"change": change})), 201).await;
        talk.ask(guest.get("/v1/stock/ROPE"), 200).await;
    }
    let too_many = json!({"change": {"correct": -6}});
    talk.refuse(staff.post(adjustments, &too_many), 409, "stock_too_low").await;
    talk.refuse(staff.post(adjustments, &json!({"change": {"steal": 1}})), 422, "invalid_request").await;
    talk.refuse(staff.post("/v1/stock/NOTHING/adjustments", &receive), 404, "unknown_sku").await;

    let movements = "/v1/stock/ROPE/movements";
    talk.only_for_staff(&customer, |who| who.get(movements)).await;
    talk.ask(staff.get(movements), 200).await;
    let page = talk.ask(staff.get(format!("{movements}?limit=2")), 200).await.text("/next");
    talk.ask(staff.get(format!("{movements}?limit=2&cursor={page}")), 200).await;
    talk.refuse(staff.get(format!("{movements}?limit=x")), 422, "invalid_request").await;
    talk.refuse(staff.get("/v1/stock/NOTHING/movements"), 404, "unknown_sku").await;
}
