//! Buying: what goes well, what is refused, and payments that take their time.

use serde_json::json;
use shoal_testkit::{Answer, Client, Item, address};

use super::{NOTHING, Talk};

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let tent = talk.item("tent", 20).await;
    buys(talk, &tent).await;
    is_refused(talk, &tent).await;
    pays_by_detour(talk, &tent).await;
    refuses_to_pay(talk, &tent).await;
}

async fn cart(talk: &mut Talk<'_>, who: &Client, lines: &[(&Item, i64)]) -> String {
    talk.ask(who.open_cart(lines), 201).await.text("/id")
}

async fn buys(talk: &mut Talk<'_>, tent: &Item) {
    let (guest, ida) = (talk.guest.clone(), talk.customer("ida").await);
    let own = cart(talk, &ida, &[(tent, 2)]).await;
    let purchase = ida.pay(&own).key("idas").request();
    let bought = talk.ask(purchase.clone(), 201).await;
    for _ in 0..2 {
        let again = talk.ask(purchase.clone(), 201).await;
        assert_eq!(again.body, bought.body, "a key gives the first answer");
    }
    talk.ask(ida.get(bought.header("location")), 200).await;
    talk.ask(ida.get(format!("/v1/checkouts/{}", bought.text("/id"))), 200).await;
    talk.ask(guest.get("/v1/stock/TENT"), 200).await;
    talk.ask(ida.get(format!("/v1/carts/{own}")), 200).await;
    talk.refuse(ida.pay(&own).key("idas-second").request(), 409, "cart_ordered").await;
    let line = json!({"sku": tent.sku, "quantity": 1});
    talk.refuse(ida.post(format!("/v1/carts/{own}/lines"), &line), 409, "cart_ordered").await;
    talk.refuse(ida.get("/v1/carts/current"), 404, "unknown_cart").await;
    talk.ask(ida.get("/v1/orders"), 200).await;

    let lines = [(tent, 1)];
    for (number, card) in ["tok_success", "tok_lost_answer", "tok_capture_lost"].iter().enumerate() {
        let purchase = guest.buy(&lines).card(card).key(format!("guests-{number}"));
        let bought = talk.ask(purchase.request(), 201).await;
        talk.ask(guest.follow(&bought), 200).await;
        talk.refuse(guest.get(bought.header("location")), 404, "unknown_order").await;
        let own = guest.get(bought.header("location")).header("order-token", bought.text("/order_token"));
        talk.ask(own, 200).await;
        talk.ask(guest.get("/v1/stock/TENT"), 200).await;
    }
}

async fn is_refused(talk: &mut Talk<'_>, tent: &Item) {
    let guest = talk.guest.clone();
    let lines = [(tent, 1)];
    let buy = |key: &str| guest.buy(&lines).key(key);
    talk.ask(buy("once").request(), 201).await;
    let other = guest.buy(&[(tent, 2)]).key("once").request();
    talk.refuse(other, 422, "idempotency_key_reused").await;
    let own =
        talk.ask(guest.post("/v1/carts", &json!({"lines": [{"sku": "TENT", "quantity": 1}]})), 201).await;
    let body = json!({"cart": own.text("/id"), "payment": {"token": "tok_success"}});
    talk.refuse(guest.post("/v1/checkouts", &body), 400, "idempotency_key_missing").await;
    talk.refuse(guest.post("/v1/checkouts", &body).key("two words"), 400, "idempotency_key_invalid").await;
    talk.refuse(guest.post("/v1/checkouts", &body).key("bare"), 409, "cart_incomplete").await;
    for card in ["tok_declined", "tok_insufficient_funds", "tok_capture_declined"] {
        talk.refuse(buy(card).card(card).request(), 402, "payment_declined").await;
        talk.refuse(buy(card).card(card).request(), 402, "payment_declined").await;
    }
    talk.refuse(guest.buy(&[(tent, 100)]).key("many").request(), 409, "stock_too_low").await;
    let nowhere = buy("by-balloon").with("shipping_method", json!("balloon"));
    talk.refuse(nowhere.request(), 409, "no_shipping").await;
    let unknown = buy("provider").with("payment", json!({"provider": "bank", "token": "tok_success"}));
    talk.refuse(unknown.request(), 422, "unknown_provider").await;
    let cheaper = buy("cheaper").with("expected_total", json!({"amount": 1, "currency": "EUR"}));
    talk.refuse(cheaper.request(), 409, "total_changed").await;
    let mut away = address();
    away["country"] = "de".into();
    talk.refuse(buy("away").with("shipping_address", away).request(), 422, "invalid_request").await;
    let huge = json!([{"sku": "TENT", "quantity": 1_000_001}]);
    talk.refuse(buy("huge").with("lines", huge).request(), 422, "invalid_request").await;
    let empty = talk.ask(guest.post("/v1/carts", &json!({})), 201).await.text("/id");
    talk.refuse(guest.pay(&empty).key("empty").request(), 409, "cart_empty").await;
    talk.refuse(guest.pay(&format!("cart_{NOTHING}")).key("none").request(), 404, "unknown_cart").await;
    talk.refuse(guest.get(format!("/v1/checkouts/checkout_{NOTHING}")), 404, "unknown_checkout").await;
    talk.ask(guest.get("/v1/stock/TENT"), 200).await;
}

/// A purchase that waits for its buyer at the provider.
async fn redirected(talk: &mut Talk<'_>, cart: &str, key: &str) -> Answer {
    let purchase = talk.guest.pay(cart).card("tok_redirect").key(key).request();
    talk.ask(purchase, 202).await
}

async fn ends_as(talk: &mut Talk<'_>, begun: &Answer, end: &str) {
    let follow = talk.guest.follow(begun);
    talk.until(end, &follow, |answer| answer.at("/status") == end).await;
    talk.ask(follow, 200).await;
}

async fn pays_by_detour(talk: &mut Talk<'_>, tent: &Item) {
    let guest = talk.guest.clone();
    let own = cart(talk, &guest, &[(tent, 3)]).await;
    let begun = redirected(talk, &own, "detour").await;
    talk.ask(guest.follow(&begun), 200).await;
    talk.ask(guest.get("/v1/stock/TENT"), 200).await;
    let line = json!({"sku": tent.sku, "quantity": 1});
    talk.refuse(guest.post(format!("/v1/carts/{own}/lines"), &line), 409, "cart_busy").await;
    talk.refuse(guest.patch(format!("/v1/carts/{own}"), &json!({"note": "x"})), 409, "cart_busy").await;
    talk.refuse(guest.pay(&own).key("another").request(), 409, "cart_busy").await;
    let of_nobody = format!("/v1/checkouts/{}", begun.text("/id"));
    talk.refuse(guest.get(&of_nobody), 404, "unknown_checkout").await;
    talk.refuse(guest.post(format!("{of_nobody}/resume"), &json!({})), 404, "unknown_checkout").await;
    holds_its_variant(talk, tent).await;
    let forged = guest.notice(&shoal_types::Secret::new("guessed"), "evt-1", "payment.authorised", &begun);
    talk.refuse(forged, 401, "bad_signature").await;
    talk.refuse(guest.post("/v1/webhooks/payments/bank", &json!({})), 422, "unknown_provider").await;
    for event in ["evt-1", "evt-1", "evt-2"] {
        let notice = guest.notice(&talk.secret, event, "payment.authorised", &begun);
        talk.ask(notice, 204).await;
        ends_as(talk, &begun, "completed").await;
    }
    talk.ask(guest.resume(&begun), 200).await;
    talk.ask(guest.get(format!("/v1/carts/{own}")), 200).await;
    talk.ask(guest.get("/v1/stock/TENT"), 200).await;
}

/// What is held by a checkout cannot be taken out of its product.
async fn holds_its_variant(talk: &mut Talk<'_>, tent: &Item) {
    let path = format!("/v1/products/{}", tent.product);
    let tag = talk.ask(talk.guest.get(&path), 200).await.header("etag").to_owned();
    let other = super::product("pavilion", 0);
    talk.refuse(talk.staff.put(&path, &other).header("if-match", tag), 409, "variant_in_use").await;
}

async fn refuses_to_pay(talk: &mut Talk<'_>, tent: &Item) {
    let guest = talk.guest.clone();
    let own = cart(talk, &guest, &[(tent, 1)]).await;
    let begun = redirected(talk, &own, "refused").await;
    let notice = guest.notice(&talk.secret, "evt-3", "payment.failed", &begun);
    talk.ask(notice, 204).await;
    ends_as(talk, &begun, "failed").await;
    talk.refuse(guest.resume(&begun), 402, "payment_declined").await;
    talk.ask(guest.get(format!("/v1/carts/{own}")), 200).await;
    talk.ask(guest.get("/v1/stock/TENT"), 200).await;
    talk.ask(guest.pay(&own).key("another-card").request(), 201).await;
    let outage = guest.buy(&[(tent, 1)]).card("tok_outage").key("outage").request();
    talk.refuse(outage, 503, "payment_unavailable").await;
    talk.ask(guest.get("/v1/stock/TENT"), 200).await;
}
