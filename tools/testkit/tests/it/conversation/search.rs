//! Search, once every node has heard of what it shall find.

use serde_json::json;

use super::Talk;

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let (staff, guest) = (talk.staff.clone(), talk.guest.clone());
    let names = ["lantern", "lanterns two", "oil lantern"];
    let mut first = None;
    for (number, name) in names.iter().enumerate() {
        let lantern = json!({"title": name, "description": "A light, for ships & piers.", "brand": "Gull",
            "category": "jugs", "variants": [{"sku": format!("LANTERN-{number}"), "stock": 1,
            "prices": [{"amount": 1000 * (number + 1), "currency": "EUR"}]}]});
        let made = talk.ask(staff.post("/v1/products", &lantern), 201).await;
        first.get_or_insert((made, lantern));
    }
    let all = guest.get("/v1/search?q=lantern");
    talk.until("three lanterns are found", &all, |answer| answer.number("/total") == 3).await;
    for query in [
        "q=lantern&sort=price_low&currency=EUR",
        "q=lantern&sort=price_low&currency=EUR&limit=1&offset=1",
        "q=lantern&price_min=1500&price_max=2500&currency=EUR",
        "q=lantern&brand=Gull&sort=price_low&currency=EUR",
        "q=lantern&category=jugs&sort=price_low&currency=EUR",
        "q=lantren&sort=price_low&currency=EUR",
        "q=nothing-like-it",
    ] {
        talk.ask(guest.get(format!("/v1/search?{query}")), 200).await;
    }
    for query in ["limit=101&q=x", "q=x&sort=wild", "q=x&price_min=-1"] {
        talk.refuse(guest.get(format!("/v1/search?{query}")), 422, "invalid_request").await;
    }
    // What is found is shown as it is now, and what is gone is not found.
    let (made, mut lantern) = first.expect("there is a first one");
    let path = made.header("location").to_owned();
    lantern["variants"][0]["prices"][0]["amount"] = 1234.into();
    talk.ask(staff.put(&path, &lantern).header("if-match", made.header("etag")), 200).await;
    talk.until("a price as it is now", &all, |answer| answer.to_string().contains("1234")).await;
    talk.ask(staff.delete(&path), 204).await;
    talk.until("two lanterns are left", &all, |answer| answer.number("/total") == 2).await;
    talk.ask(guest.get("/v1/search?q=lantern&sort=price_low&currency=EUR"), 200).await;
}
