//! The process dies before and after each step and each undo; the next one goes on.

use shoal_testkit::{Mishap, Shop, fresh_key};

use super::{STEPS, assert_for_sale, assert_problem};

/// The calls that undo a purchase whose money could not be taken.
const UNDOS: [&str; 5] =
    ["provider.void", "orders.cancel_order", "products.release", "products.restock", "orders.thaw_cart"];

/// Sends a checkout that the shop does not survive.
async fn die_in(shop: &mut Shop, cart: &str, key: &str, call: &str, mishap: Mishap) {
    shop.mishaps().once(call, mishap);
    let sent = tokio::spawn(shop.pay(cart).key(key).send());
    tokio::select! {
        () = shop.mishaps().killed() => {}
        answer = sent => panic!("{call} was never made: {answer:?}"),
    }
    shop.abandon().await;
    shop.reopen().await;
}

async fn a_crash_at_each_step_loses_nothing(mishap: Mishap) {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(100).create().await;
    for step in STEPS {
        let cart = shop.cart(&[(&mug, 1)]).await;
        let key = fresh_key();
        die_in(&mut shop, &cart, &key, step, mishap.clone()).await;
        let answer = shop.pay(&cart).key(&key).await;
        assert_eq!(answer.status, 201, "{step}: {answer}");
    }
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.orders_ever(), books.shelf("MUG")), (6, 6, (94, 0)));
    assert_eq!(books.payments("captured"), 6);
}

#[tokio::test]
async fn a_crash_before_a_step_is_recovered_from() {
    a_crash_at_each_step_loses_nothing(Mishap::KilledBefore).await;
}

#[tokio::test]
async fn a_crash_after_a_step_is_recovered_from() {
    a_crash_at_each_step_loses_nothing(Mishap::KilledAfter).await;
}

async fn a_crash_at_each_undo_is_undone_all_the_same(mishap: Mishap) {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(100).create().await;
    for undo in UNDOS {
        let cart = shop.cart(&[(&mug, 1)]).await;
        let key = fresh_key();
        shop.mishaps().once("provider.capture", Mishap::Declined);
        die_in(&mut shop, &cart, &key, undo, mishap.clone()).await;
        assert_problem(&shop.pay(&cart).key(&key).await, (402, "payment_declined"), undo);
        assert_for_sale(&shop, &cart, undo).await;
    }
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.orders_ever(), books.shelf("MUG")), (5, 10, (95, 0)));
    assert_eq!((books.payments("captured"), books.payments("voided")), (5, 5));
}

#[tokio::test]
async fn a_crash_before_an_undo_is_recovered_from() {
    a_crash_at_each_undo_is_undone_all_the_same(Mishap::KilledBefore).await;
}

#[tokio::test]
async fn a_crash_after_an_undo_is_recovered_from() {
    a_crash_at_each_undo_is_undone_all_the_same(Mishap::KilledAfter).await;
}

#[tokio::test]
async fn a_crash_needs_no_client_to_be_recovered_from() {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    for step in STEPS {
        let cart = shop.cart(&[(&mug, 1)]).await;
        die_in(&mut shop, &cart, &fresh_key(), step, Mishap::KilledAfter).await;
    }
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.shelf("MUG")), (6, (4, 0)));
}

#[tokio::test]
async fn a_crash_while_recovering_is_recovered_from() {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    shop.mishaps().once(STEPS[0], Mishap::KilledAfter);
    let sent = tokio::spawn(shop.pay(&cart).key("k").send());
    for step in &STEPS[1..] {
        shop.mishaps().killed().await;
        shop.abandon().await;
        // The next run gets one step further.
        shop.mishaps().once(step, Mishap::KilledBefore);
        shop.reopen().await;
    }
    shop.mishaps().killed().await;
    shop.abandon().await;
    assert!(sent.await.expect("no panic").is_err(), "an answer came from a shop that had died");
    shop.reopen().await;
    shop.pay(&cart).key("k").await.expect(201);
    assert_eq!(shop.audit().await.orders(), 1);
}
