//! Cards, redirects, the provider's notices, and the same key twice.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use shoal_testkit::{Answer, Mishap, Shop, eventually};

use super::assert_problem;

const CONFIRMED: &str = "payment.authorised";
const REFUSED: &str = "payment.failed";

/// A purchase that waits for its buyer at the provider.
async fn redirected(shop: &Shop, cart: &str) -> Answer {
    let waiting = shop.pay(cart).card("tok_redirect").await.expect(202);
    assert_eq!(waiting.text("/status"), "awaiting_payment");
    assert!(waiting.text("/redirect_url").starts_with("https://"));
    waiting
}

async fn status(shop: &Shop, checkout: &Answer) -> String {
    shop.follow(checkout).await.expect(200).text("/status")
}

async fn ends_as(shop: &Shop, checkout: &Answer, end: &str) {
    eventually(end, async || status(shop, checkout).await == end).await;
}

#[tokio::test]
async fn every_card_of_the_test_provider_does_as_it_says() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    for card in ["tok_success", "tok_slow", "tok_lost_answer", "tok_capture_lost", "tok_capture_outage"] {
        let answer = shop.buy(&[(&mug, 1)]).card(card).await;
        assert_eq!(answer.status, 201, "{card}: {answer}");
    }
    for card in ["tok_declined", "tok_insufficient_funds", "tok_capture_declined", "tok_nonsense"] {
        assert_problem(&shop.buy(&[(&mug, 1)]).card(card).await, (402, "payment_declined"), card);
    }
    assert_problem(&shop.buy(&[(&mug, 1)]).card("tok_outage").await, (503, "payment_unavailable"), "outage");
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.shelf("MUG")), (5, (5, 0)));
}

#[tokio::test]
async fn the_webhook_alone_finishes_a_redirected_payment() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let checkout = redirected(&shop, &shop.cart(&[(&mug, 1)]).await).await;
    assert_eq!((shop.stock(&mug).await, status(&shop, &checkout).await.as_str()), (0, "awaiting_payment"));
    shop.notice("evt_1", CONFIRMED, &checkout).await.expect(204);
    ends_as(&shop, &checkout, "completed").await;
    assert_eq!(shop.audit().await.orders(), 1);
}

#[tokio::test]
async fn the_webhook_finishes_an_order_after_a_crash_too() {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let checkout = redirected(&shop, &shop.cart(&[(&mug, 1)]).await).await;
    shop.abandon().await;
    shop.reopen().await;
    assert_eq!(status(&shop, &checkout).await, "awaiting_payment");
    shop.notice("evt_1", CONFIRMED, &checkout).await.expect(204);
    ends_as(&shop, &checkout, "completed").await;
    assert_eq!(shop.audit().await.orders(), 1);
}

#[tokio::test]
async fn webhook_and_client_at_once_make_one_order_and_one_capture() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(5).create().await;
    for round in 0..5 {
        let checkout = redirected(&shop, &shop.cart(&[(&mug, 1)]).await).await;
        let captured = shop.mishaps().calls("provider.capture");
        let event = format!("evt_{round}");
        let (notices, resumes) = futures::join!(
            join_all((0..3).map(|_| shop.notice(&event, CONFIRMED, &checkout))),
            join_all((0..3).map(|_| shop.resume(&checkout).into_future())),
        );
        assert!(notices.iter().all(|notice| notice.status == 204), "{notices:?}");
        assert!(resumes.iter().all(|resumed| resumed.status == 200), "{resumes:?}");
        ends_as(&shop, &checkout, "completed").await;
        assert_eq!(shop.mishaps().calls("provider.capture"), captured + 1);
    }
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.orders_ever(), books.payments("captured")), (5, 5, 5));
}

#[tokio::test]
async fn a_notice_that_comes_again_and_again_settles_once() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let checkout = redirected(&shop, &shop.cart(&[(&mug, 1)]).await).await;
    for _ in 0..3 {
        shop.notice("evt_1", CONFIRMED, &checkout).await.expect(204);
        ends_as(&shop, &checkout, "completed").await;
    }
    shop.notice("evt_2", CONFIRMED, &checkout).await.expect(204);
    shop.notice("evt_3", REFUSED, &checkout).await.expect(204);
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.money(), shop.mishaps().calls("provider.capture")), (1, 2489, 1));
}

#[tokio::test]
async fn a_payment_the_buyer_refuses_gives_stock_and_cart_back() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    let checkout = redirected(&shop, &cart).await;
    shop.notice("evt_1", REFUSED, &checkout).await.expect(204);
    ends_as(&shop, &checkout, "failed").await;
    assert_eq!(shop.stock(&mug).await, 1);
    shop.pay(&cart).await.expect(201);
    assert_eq!(shop.audit().await.orders(), 1);
}

#[tokio::test]
async fn a_forged_notice_changes_nothing() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let checkout = redirected(&shop, &shop.cart(&[(&mug, 1)]).await).await;
    let body =
        json!({"id": "evt_1", "type": CONFIRMED, "payment": format!("{}/authorise", checkout.text("/id"))});
    let unsigned = || shop.post("/v1/webhooks/payments/test", &body);
    for forged in [unsigned(), unsigned().header("webhook-signature", "00".repeat(32))] {
        assert_problem(&forged.await, (401, "bad_signature"), "forged");
    }
    assert_eq!(status(&shop, &checkout).await, "awaiting_payment");
}

#[tokio::test]
async fn a_payment_confirmed_too_late_is_voided() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    let checkout = redirected(&shop, &cart).await;
    shop.advance(Duration::from_secs(31 * 60));
    ends_as(&shop, &checkout, "failed").await;
    let failed = shop.follow(&checkout).await;
    assert_eq!((failed.text("/failure/code").as_str(), shop.stock(&mug).await), ("payment_timed_out", 1));
    shop.notice("evt_1", CONFIRMED, &checkout).await.expect(204);
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.payments("voided"), books.money()), (0, 1, 0));
}

#[tokio::test]
async fn a_cart_being_paid_cannot_be_changed_nor_paid_twice() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(9).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    let checkout = redirected(&shop, &cart).await;
    let line = json!({"sku": mug.sku, "quantity": 5});
    let busy = (409, "cart_busy");
    assert_problem(&shop.post(format!("/v1/carts/{cart}/lines"), &line).await, busy, "add");
    assert_problem(&shop.patch(format!("/v1/carts/{cart}"), &json!({"note": "x"})).await, busy, "change");
    assert_problem(&shop.delete(format!("/v1/carts/{cart}/lines/MUG")).await, busy, "remove");
    assert_problem(&shop.pay(&cart).await, busy, "pay");
    shop.notice("evt_1", CONFIRMED, &checkout).await.expect(204);
    ends_as(&shop, &checkout, "completed").await;
    assert_problem(&shop.pay(&cart).await, (409, "cart_ordered"), "pay again");
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.money()), (1, 2489));
}

#[tokio::test]
async fn a_declined_card_leaves_the_cart_for_another_card() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    assert_problem(&shop.pay(&cart).card("tok_declined").await, (402, "payment_declined"), "first card");
    shop.pay(&cart).card("tok_success").await.expect(201);
    assert_eq!(shop.audit().await.payments("captured"), 1);
}

#[tokio::test]
async fn a_key_with_another_body_is_refused_and_buys_nothing() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(9).create().await;
    let first = shop.buy(&[(&mug, 1)]).key("k").await.expect(201);
    assert_problem(&shop.buy(&[(&mug, 2)]).key("k").await, (422, "idempotency_key_reused"), "other body");
    let again = shop.buy(&[(&mug, 1)]).key("k").await.expect(201);
    assert_eq!(again.at("/order/id"), first.at("/order/id"));
    assert_eq!(shop.audit().await.orders(), 1);
}

#[tokio::test]
async fn a_checkout_without_a_key_is_refused() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    let body = json!({"cart": cart, "payment": {"token": "tok_success"}});
    assert_problem(&shop.post("/v1/checkouts", &body).await, (400, "idempotency_key_missing"), "no key");
    assert_eq!(shop.audit().await.orders_ever(), 0);
}

fn orders_of(answers: &[Answer]) -> Vec<String> {
    let mut orders: Vec<_> = answers.iter().map(|answer| answer.text("/order/id")).collect();
    orders.dedup();
    orders
}

#[tokio::test]
async fn racing_with_one_key_all_get_the_same_order() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(9).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    let racing = join_all((0..8).map(|_| shop.pay(&cart).key("k").card("tok_slow").into_future())).await;
    assert!(racing.iter().all(|answer| answer.status == 201), "{racing:?}");
    assert_eq!(orders_of(&racing).len(), 1);
    let books = shop.audit().await;
    assert_eq!(
        (books.orders(), books.payments("captured"), shop.mishaps().calls("provider.authorise")),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn a_key_that_failed_in_passing_buys_once_when_many_try_it_again() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(9).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    shop.mishaps().always("provider.authorise", Mishap::Fails);
    for _ in 0..2 {
        assert_problem(&shop.pay(&cart).key("k").await, (503, "payment_unavailable"), "the provider is away");
    }
    shop.mishaps().clear();
    let racing = join_all((0..8).map(|_| shop.pay(&cart).key("k").card("tok_slow").into_future())).await;
    assert!(racing.iter().all(|answer| answer.status == 201), "{racing:?}");
    assert_eq!(orders_of(&racing).len(), 1);
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.payments("captured")), (1, 1));
}

#[tokio::test]
async fn a_buyer_who_hangs_up_gets_the_order_by_asking_again() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    let sent = tokio::spawn(shop.pay(&cart).key("k").card("tok_slow").send());
    eventually("the payment is asked for", async || shop.mishaps().calls("provider.authorise") == 1).await;
    sent.abort();
    shop.pay(&cart).key("k").card("tok_slow").await.expect(201);
    assert_eq!(shop.audit().await.orders(), 1);
}

#[tokio::test]
async fn a_total_that_has_changed_is_told_before_anything_is_paid() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    let shown = |cents: i64| json!({"amount": cents, "currency": "EUR"});
    let dearer = shop.pay(&cart).with("expected_total", shown(1)).await;
    assert_problem(&dearer, (409, "total_changed"), "another total");
    assert_eq!((dearer.number("/total"), shop.mishaps().calls("provider.authorise")), (2489, 0));
    shop.pay(&cart).with("expected_total", shown(2489)).await.expect(201);
}

#[tokio::test]
async fn an_order_that_costs_nothing_needs_no_payment() {
    let shop = Shop::start().await;
    let free = json!({"title": "Catalogue", "variants": [{
        "sku": "CATALOGUE", "prices": [{"amount": 0, "currency": "EUR"}], "shippable": false, "stock": 3}]});
    shop.staff().post("/v1/products", &free).await.expect(201);
    let body = json!({"lines": [{"sku": "CATALOGUE", "quantity": 1}], "email": "ada@example.com",
        "payment": {"token": "tok_declined"}});
    let answer = shop.post("/v1/checkouts", &body).key("k").await.expect(201);
    assert_eq!(
        (answer.text("/order/status").as_str(), shop.mishaps().calls("provider.authorise")),
        ("paid", 0)
    );
    let cancel = format!("/v1/orders/{}/cancel", answer.text("/order/id"));
    shop.staff().post(cancel, &json!({})).await.expect(200);
    assert_eq!(shop.audit().await.shelf("CATALOGUE"), (3, 0));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_by_key_not_repeated() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    shop.mishaps().once("provider.authorise", Mishap::AnswerLost);
    shop.checkout(&mug, 1).await.expect(201);
    let asked = |call: &str| shop.mishaps().calls(call);
    assert_eq!((asked("provider.authorise"), asked("provider.find")), (1, 1));
}
