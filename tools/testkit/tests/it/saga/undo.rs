//! Each undo failed, done without an answer, done twice.

use shoal_testkit::{Mishap, Shop};

use super::{assert_for_sale, assert_problem};

/// What makes a checkout fail late, and the calls that undo it.
const FAILURES: [(&str, &[&str]); 3] = [
    ("provider.authorise", &["provider.void", "products.release", "orders.thaw_cart"]),
    (
        "orders.create_order",
        &["provider.void", "orders.cancel_order", "products.release", "orders.thaw_cart"],
    ),
    (
        "provider.capture",
        &["provider.void", "orders.cancel_order", "products.release", "products.restock", "orders.thaw_cart"],
    ),
];

/// After each failure each undo suffers `mishap`, `times` in a row.
async fn all_is_undone_with(mishap: Mishap, times: u64) {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(100).create().await;
    let mut bought = 0;
    for (failure, undos) in FAILURES {
        for undo in undos {
            let when = format!("{undo} after {failure}");
            let cart = shop.cart(&[(&mug, 1)]).await;
            let left = shop.stock(&mug).await;
            shop.mishaps().once(failure, refusal(failure));
            shop.mishaps().times(undo, mishap.clone(), times);
            let told = if failure.starts_with("provider") {
                (402, "payment_declined")
            } else {
                (409, "cart_ordered")
            };
            assert_problem(&shop.pay(&cart).await, told, &when);
            shop.mishaps().clear();
            assert_eq!(shop.stock(&mug).await, left, "{when}");
            assert_for_sale(&shop, &cart, &when).await;
            bought += 1;
        }
    }
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.payments("captured")), (bought, bought));
}

fn refusal(call: &str) -> Mishap {
    match call {
        "orders.create_order" => Mishap::refused(shoal_contract::orders::Error::CartOrdered {}),
        _ => Mishap::Declined,
    }
}

#[tokio::test]
async fn an_undo_that_fails_is_tried_again() {
    all_is_undone_with(Mishap::Fails, 2).await;
}

#[tokio::test]
async fn an_undo_whose_answer_is_lost_is_not_done_twice() {
    all_is_undone_with(Mishap::AnswerLost, 2).await;
}

#[tokio::test]
async fn an_undo_run_twice_counts_once() {
    all_is_undone_with(Mishap::Repeated, 1).await;
}

#[tokio::test]
async fn a_service_that_stays_away_delays_the_undo_and_nothing_more() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    for undo in
        ["provider.void", "orders.cancel_order", "products.release", "products.restock", "orders.thaw_cart"]
    {
        let cart = shop.cart(&[(&mug, 1)]).await;
        shop.mishaps().once("provider.capture", Mishap::Declined);
        shop.mishaps().always(undo, Mishap::Fails);
        let key = shoal_testkit::fresh_key();
        shop.pay(&cart).key(&key).await.expect(202);
        shop.mishaps().clear();
        assert_problem(&shop.pay(&cart).key(&key).await, (402, "payment_declined"), undo);
        assert_for_sale(&shop, &cart, undo).await;
    }
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.payments("captured"), books.payments("voided")), (5, 5, 5));
}

#[tokio::test]
async fn a_refused_reservation_gives_the_cart_back_even_if_that_fails_at_first() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let cart = shop.cart(&[(&mug, 2)]).await;
    shop.mishaps().times("orders.thaw_cart", Mishap::Fails, 2);
    assert_problem(&shop.pay(&cart).await, (409, "stock_too_low"), "two of one");
    let one = serde_json::json!({"quantity": 1});
    shop.put(format!("/v1/carts/{cart}/lines/{}", mug.sku), &one).await.expect(200);
    assert_for_sale(&shop, &cart, "one of one").await;
    assert_eq!(shop.audit().await.orders(), 1);
}
