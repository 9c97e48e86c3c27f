//! Each step refused, failed, done without an answer, done twice.

use shoal_contract::orders;
use shoal_testkit::{Mishap, Shop, eventually, fresh_key};

use super::{STEPS, assert_for_sale, assert_problem, refusals};

#[tokio::test]
async fn a_refused_step_undoes_all_before_it() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    for (step, refusal, told) in refusals(&mug) {
        let cart = shop.cart(&[(&mug, 1)]).await;
        let left = shop.stock(&mug).await;
        shop.mishaps().once(step, refusal.clone());
        assert_problem(&shop.pay(&cart).await, told, step);
        assert!(shop.mishaps().all_happened(), "{step} was not called");
        assert_eq!(shop.stock(&mug).await, left, "{step}: stock");
        assert_for_sale(&shop, &cart, step).await;
        shop.mishaps().once(step, refusal);
        assert_problem(&shop.checkout(&mug, 1).await, told, &format!("{step} without a cart"));
    }
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.shelf("MUG")), (5, (5, 0)));
}

#[tokio::test]
async fn a_refused_checkout_answers_its_key_as_before() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    for (step, refusal, told) in refusals(&mug) {
        let key = fresh_key();
        shop.mishaps().once(step, refusal);
        for _ in 0..2 {
            assert_problem(&shop.buy(&[(&mug, 1)]).key(&key).await, told, step);
        }
    }
    assert_eq!(shop.audit().await.orders(), 0);
}

#[tokio::test]
async fn a_step_that_fails_is_tried_again() {
    completes_with(Mishap::Fails).await;
}

#[tokio::test]
async fn a_step_whose_answer_is_lost_is_not_done_twice() {
    completes_with(Mishap::AnswerLost).await;
}

#[tokio::test]
async fn a_repeated_step_counts_once() {
    completes_with(Mishap::Repeated).await;
}

/// Every step suffers `mishap` once, then three times in a row; each time the buyer gets their one order.
async fn completes_with(mishap: Mishap) {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(100).create().await;
    for step in STEPS {
        for times in [1, 3] {
            let cart = shop.cart(&[(&mug, 1)]).await;
            shop.mishaps().times(step, mishap.clone(), times);
            let answer = shop.pay(&cart).await;
            assert_eq!(answer.status, 201, "{step}, {times} times: {answer}");
            assert_eq!(answer.text("/order/status"), "paid", "{step}");
            shop.mishaps().clear();
        }
    }
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.orders_ever(), books.shelf("MUG")), (12, 12, (88, 0)));
    assert_eq!(books.payments("captured"), 12);
}

#[tokio::test]
async fn a_service_that_stays_away_before_the_order_is_a_503_and_the_same_key_buys_later() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    for (step, code) in [("products.reserve", "unavailable"), ("provider.authorise", "payment_unavailable")] {
        let cart = shop.cart(&[(&mug, 1)]).await;
        let key = fresh_key();
        shop.mishaps().always(step, Mishap::Fails);
        assert_problem(&shop.pay(&cart).key(&key).await, (503, code), step);
        shop.mishaps().clear();
        shop.pay(&cart).key(&key).await.expect(201);
    }
    assert_eq!(shop.audit().await.orders(), 2);
}

#[tokio::test]
async fn a_service_that_stays_away_after_the_payment_delays_the_order_and_nothing_more() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    for step in ["orders.create_order", "products.confirm", "provider.capture", "orders.mark_paid"] {
        let key = fresh_key();
        shop.mishaps().always(step, Mishap::Fails);
        let waiting = shop.buy(&[(&mug, 1)]).key(&key).await.expect(202);
        assert_eq!(waiting.text("/status"), "processing", "{step}");
        shop.mishaps().clear();
        // The saga's lease runs out, and the next look for such sagas takes it up.
        shop.advance(shop.lease());
        eventually(step, async || shop.follow(&waiting).await.text("/status") == "completed").await;
        shop.buy(&[(&mug, 1)]).key(&key).await.expect(201);
    }
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.shelf("MUG")), (4, (6, 0)));
}

#[tokio::test]
async fn a_repeat_takes_up_an_order_that_was_delayed() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    shop.mishaps().always("provider.capture", Mishap::AnswerLost);
    shop.buy(&[(&mug, 1)]).key("k").await.expect(202);
    shop.mishaps().clear();
    shop.buy(&[(&mug, 1)]).key("k").await.expect(201);
    assert_eq!(shop.audit().await.payments("captured"), 1);
}

#[tokio::test]
async fn paid_money_is_told_to_the_order_until_it_takes_it() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let refusal = Mishap::refused(orders::Error::OrderState { status: "cancelled".into() });
    shop.mishaps().always("orders.mark_paid", refusal);
    shop.buy(&[(&mug, 1)]).key("k").await.expect(202);
    shop.mishaps().clear();
    shop.buy(&[(&mug, 1)]).key("k").await.expect(201);
    assert_eq!(shop.audit().await.orders(), 1);
}
