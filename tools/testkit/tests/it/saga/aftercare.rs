//! Cancellation, return and refund, with every step spoiled.

use futures::future::join_all;
use serde_json::{Value, json};
use shoal_testkit::{Answer, Item, Mishap, Request, Shop, fresh_key};

use super::assert_problem;

const CANCELLATION: [&str; 5] =
    ["orders.cancel_order", "provider.find", "provider.refund", "orders.mark_refunded", "products.restock"];
const RETURN: [&str; 4] =
    ["orders.record_return", "provider.refund", "orders.mark_refunded", "products.restock"];
const REFUND: [&str; 2] = ["provider.refund", "orders.mark_refunded"];

/// What can be done with a paid order.
#[derive(Debug, Clone, Copy)]
enum Care {
    Cancel,
    TakeBack,
    Refund,
}

impl Care {
    const ALL: [(Self, &[&str]); 3] =
        [(Self::Cancel, &CANCELLATION), (Self::TakeBack, &RETURN), (Self::Refund, &REFUND)];

    /// The request, by staff, under `key`.
    fn request(self, shop: &Shop, order: &str, key: &str) -> Request {
        let (what, body) = match self {
            Self::Cancel => ("cancel", json!({"reason": "changed my mind"})),
            Self::TakeBack => ("returns", json!({"lines": [{"line": 1, "quantity": 1}]})),
            Self::Refund => ("refunds", json!({"amount": {"amount": 500, "currency": "EUR"}})),
        };
        shop.staff().post(format!("/v1/orders/{order}/{what}"), &body).key(key)
    }

    /// Buys two mugs, and sends them where goods shall come back.
    async fn prepare(self, shop: &Shop, mug: &Item) -> String {
        let order = shop.checkout(mug, 2).await.expect(201).text("/order/id");
        if matches!(self, Self::TakeBack) {
            let sent = shop.staff().post(format!("/v1/orders/{order}/fulfilments"), &json!({}));
            sent.await.expect(201);
        }
        order
    }

    /// What of 2 x 19.99 + 4.90 went back, and how many pieces.
    fn back(self) -> (i64, i64) {
        match self {
            Self::Cancel => (2 * 1999 + 490, 2),
            Self::TakeBack => (1999, 1),
            Self::Refund => (500, 0),
        }
    }

    fn done(self) -> u16 {
        if matches!(self, Self::Cancel) { 200 } else { 201 }
    }
}

async fn went_back(shop: &Shop, order: &str) -> i64 {
    shop.staff().get(format!("/v1/orders/{order}")).await.expect(200).number("/refunded/amount")
}

/// Each step of each saga suffers `mishap`, `times` in a row.
async fn all_is_done_once_with(mishap: Mishap, times: u64) {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(100).create().await;
    for (care, steps) in Care::ALL {
        for step in steps {
            let order = care.prepare(&shop, &mug).await;
            let left = shop.stock(&mug).await;
            let calls = shop.mishaps().calls(step);
            shop.mishaps().times(step, mishap.clone(), times);
            let answer = care.request(&shop, &order, &fresh_key()).await;
            assert_eq!(answer.status, care.done(), "{care:?}, {step}: {answer}");
            assert!(shop.mishaps().calls(step) > calls, "{care:?} does not call {step}");
            shop.mishaps().clear();
            let back = (went_back(&shop, &order).await, shop.stock(&mug).await - left);
            assert_eq!(back, care.back(), "{care:?}, {step}");
        }
    }
    shop.audit().await;
}

#[tokio::test]
async fn a_step_that_fails_is_tried_again() {
    all_is_done_once_with(Mishap::Fails, 2).await;
}

#[tokio::test]
async fn a_step_whose_answer_is_lost_is_not_done_twice() {
    all_is_done_once_with(Mishap::AnswerLost, 2).await;
}

#[tokio::test]
async fn a_step_run_twice_counts_once() {
    all_is_done_once_with(Mishap::Repeated, 1).await;
}

async fn a_crash_at_each_step_loses_nothing(mishap: Mishap) {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(100).create().await;
    for (care, steps) in Care::ALL {
        for step in steps {
            let order = care.prepare(&shop, &mug).await;
            let (left, key) = (shop.stock(&mug).await, fresh_key());
            shop.mishaps().once(step, mishap.clone());
            let sent = tokio::spawn(care.request(&shop, &order, &key).send());
            tokio::select! {
                () = shop.mishaps().killed() => {}
                answer = sent => panic!("{care:?} does not call {step}: {answer:?}"),
            }
            shop.abandon().await;
            shop.reopen().await;
            let answer = care.request(&shop, &order, &key).await;
            assert_eq!(answer.status, care.done(), "{care:?}, {step}: {answer}");
            let back = (went_back(&shop, &order).await, shop.stock(&mug).await - left);
            assert_eq!(back, care.back(), "{care:?}, {step}");
        }
    }
    shop.audit().await;
}

#[tokio::test]
async fn a_crash_before_a_step_is_recovered_from() {
    a_crash_at_each_step_loses_nothing(Mishap::KilledBefore).await;
}

#[tokio::test]
async fn a_crash_after_a_step_is_recovered_from() {
    a_crash_at_each_step_loses_nothing(Mishap::KilledAfter).await;
}

#[tokio::test]
async fn racing_with_one_key_all_get_the_same_answer() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(100).create().await;
    for (care, _) in Care::ALL {
        let (order, key) = (care.prepare(&shop, &mug).await, fresh_key());
        let racing = join_all((0..6).map(|_| care.request(&shop, &order, &key).into_future())).await;
        assert!(racing.iter().all(|answer| answer.status == care.done()), "{care:?}: {racing:?}");
        assert_eq!(went_back(&shop, &order).await, care.back().0, "{care:?}");
    }
    shop.audit().await;
}

#[tokio::test]
async fn an_order_is_cancelled_once_whatever_the_key() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(2).create().await;
    let order = shop.checkout(&mug, 2).await.expect(201).text("/order/id");
    let racing =
        join_all((0..6).map(|_| Care::Cancel.request(&shop, &order, &fresh_key()).into_future())).await;
    assert!(racing.iter().all(|answer| answer.status == 200), "{racing:?}");
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.money(), books.shelf("MUG")), (0, 0, (2, 0)));
}

async fn refund(shop: &Shop, order: &str, cents: i64, key: &str) -> Answer {
    let body = json!({"amount": {"amount": cents, "currency": "EUR"}});
    shop.staff().post(format!("/v1/orders/{order}/refunds"), &body).key(key).await
}

#[tokio::test]
async fn no_more_goes_back_than_was_paid() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let order = shop.checkout(&mug, 1).await.expect(201).text("/order/id");
    let many = join_all((0..5).map(|n| {
        let (shop, order) = (&shop, &order);
        async move { refund(shop, order, 1000, &format!("r{n}")).await.status }
    }));
    let mut statuses = many.await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 201, 409, 409, 409]);
    let rest = refund(&shop, &order, 490, "rest").await;
    assert_problem(&rest, (409, "refund_too_large"), "one cent more than is left");
    refund(&shop, &order, 489, "rest2").await.expect(201);
    let books = shop.audit().await;
    assert_eq!((books.money(), books.orders()), (0, 1));
}

#[tokio::test]
async fn a_shipped_order_cannot_be_cancelled() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let order = shop.checkout(&mug, 1).await.expect(201).text("/order/id");
    shop.staff().post(format!("/v1/orders/{order}/fulfilments"), &json!({})).await.expect(201);
    let cancel = Care::Cancel.request(&shop, &order, "c").await;
    assert_problem(&cancel, (409, "order_state"), "shipped");
    assert_eq!(shop.audit().await.orders(), 1);
}

#[tokio::test]
async fn no_more_comes_back_than_was_sent() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(3).create().await;
    let order = shop.checkout(&mug, 3).await.expect(201).text("/order/id");
    let parcel = json!({"lines": [{"line": 1, "quantity": 2}], "carrier": "Gull", "tracking": "G1"});
    let staff = shop.staff();
    staff.post(format!("/v1/orders/{order}/fulfilments"), &parcel).await.expect(201);
    let back = |quantity: i64, restock: bool| -> Value {
        json!({"lines": [{"line": 1, "quantity": quantity}], "restock": restock})
    };
    let returns = format!("/v1/orders/{order}/returns");
    assert_problem(&staff.post(&returns, &back(3, true)).await, (409, "quantity_too_large"), "three of two");
    staff.post(&returns, &back(1, false)).await.expect(201);
    staff.post(&returns, &back(1, true)).await.expect(201);
    assert_problem(
        &staff.post(&returns, &back(1, true)).await,
        (409, "quantity_too_large"),
        "a third of two",
    );
    let books = shop.audit().await;
    assert_eq!((books.shelf("MUG"), books.money()), ((1, 0), 1999 + 490));
}

#[tokio::test]
async fn a_refund_in_the_middle_of_a_cancellation_leaves_no_cent_behind() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(2).create().await;
    let order = Care::Cancel.prepare(&shop, &mug).await;
    shop.mishaps().once("provider.refund", Mishap::Waits);
    let cancelling = tokio::spawn(Care::Cancel.request(&shop, &order, "c").send());
    shop.mishaps().waiting().await;
    refund(&shop, &order, 500, "r").await.expect(201);
    shop.mishaps().go_on();
    cancelling.await.expect("no panic").expect("an answer").expect(200);
    let books = shop.audit().await;
    assert_eq!((books.money(), books.shelf("MUG")), (0, (2, 0)));
}

#[tokio::test]
async fn a_refund_in_the_middle_of_a_return_sends_back_what_is_left() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(2).create().await;
    let order = Care::TakeBack.prepare(&shop, &mug).await;
    shop.mishaps().once("provider.refund", Mishap::Waits);
    let returning = tokio::spawn(Care::TakeBack.request(&shop, &order, "t").send());
    shop.mishaps().waiting().await;
    refund(&shop, &order, 2_488 + 1_000, "r").await.expect(201);
    shop.mishaps().go_on();
    returning.await.expect("no panic").expect("an answer").expect(201);
    let books = shop.audit().await;
    assert_eq!((books.money(), books.shelf("MUG")), (0, (1, 0)));
    assert_eq!(went_back(&shop, &order).await, 2 * 1999 + 490);
}

#[tokio::test]
async fn an_order_is_cancelled_or_sent_never_both() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(20).create().await;
    for _ in 0..5 {
        let order = Care::Cancel.prepare(&shop, &mug).await;
        let parcel = shop.staff().post(format!("/v1/orders/{order}/fulfilments"), &json!({}));
        let cancel = Care::Cancel.request(&shop, &order, &fresh_key());
        let (sent, cancelled) = futures::join!(parcel.into_future(), cancel.into_future());
        let both = [(201, 409), (409, 200)].contains(&(sent.status, cancelled.status));
        assert!(both, "{sent}\n{cancelled}");
    }
    shop.audit().await;
}
