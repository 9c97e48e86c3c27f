//! A node dies, or is taken to be dead; the other brings its checkouts to their end.

use std::time::Duration;

use shoal_testkit::{Books, Mishap, Setup, fresh_key};

use super::{two, two_with};

/// The steps of a purchase, by the call that each makes.
const STEPS: [&str; 6] = [
    "products.reserve",
    "provider.authorise",
    "orders.create_order",
    "products.confirm",
    "provider.capture",
    "orders.mark_paid",
];

#[tokio::test]
async fn what_a_dead_node_left_the_other_takes_up_once_its_lease_is_over() {
    for mishap in [Mishap::KilledBefore, Mishap::KilledAfter] {
        let Some((mut one, two)) = two().await else { return };
        let mug = two.product("mug").stock(100).create().await;
        for step in STEPS {
            let (cart, key) = (two.cart(&[(&mug, 1)]).await, fresh_key());
            one.mishaps().once(step, mishap.clone());
            let sent = tokio::spawn(one.pay(&cart).key(&key).send());
            one.mishaps().killed().await;
            one.abandon().await;
            drop(sent.await);
            // Whoever asks is told that it goes on; nobody takes it before its time.
            two.houses().checkout.sweep_once().await.expect("looked");
            assert_eq!(Books::open(two.data()).sagas_under_way(), 1, "{step}");
            two.advance(two.lease());
            let answer = two.pay(&cart).key(&key).await;
            assert_eq!(answer.status, 201, "{step}: {answer}");
            one.reopen().await;
        }
        let books = two.audit().await;
        assert_eq!((books.orders(), books.orders_ever(), books.shelf("MUG")), (6, 6, (94, 0)));
        assert_eq!(books.payments("captured"), 6);
    }
}

#[tokio::test]
async fn a_dead_nodes_checkout_needs_no_client() {
    let Some((mut one, two)) = two().await else { return };
    let mug = two.product("mug").stock(10).create().await;
    let cart = two.cart(&[(&mug, 1)]).await;
    one.mishaps().once("provider.capture", Mishap::KilledBefore);
    let sent = tokio::spawn(one.pay(&cart).send());
    one.mishaps().killed().await;
    one.abandon().await;
    drop(sent.await);
    two.advance(two.lease());
    let books = two.audit_when(|books| books.orders() == 1).await;
    assert_eq!(books.payments("captured"), 1);
}

#[tokio::test]
async fn an_owner_that_comes_back_late_changes_nothing() {
    let Some((one, two)) = two().await else { return };
    let mug = two.product("mug").stock(100).create().await;
    for step in STEPS {
        let (cart, key) = (two.cart(&[(&mug, 1)]).await, fresh_key());
        // It is held up in a step for longer than its lease, and does not know.
        one.mishaps().once(step, Mishap::Waits);
        let late = tokio::spawn(one.pay(&cart).key(&key).send());
        one.mishaps().waiting().await;
        two.advance(two.lease());
        let answer = two.pay(&cart).key(&key).await;
        assert_eq!(answer.status, 201, "{step}: {answer}");
        one.mishaps().go_on();
        let late = late.await.expect("no panic").expect("an answer");
        assert!([201, 202].contains(&late.status), "{step}: {late}");
        // Both say the same from now on.
        let again = one.pay(&cart).key(&key).await.expect(201);
        assert_eq!(again.json(), answer.json(), "{step}");
    }
    let books = two.audit().await;
    assert_eq!((books.orders(), books.orders_ever(), books.shelf("MUG")), (6, 6, (94, 0)));
    assert_eq!(books.payments("captured"), 6);
}

#[tokio::test]
async fn what_the_other_has_undone_a_late_owner_does_not_do_again() {
    let Some((one, two)) = two().await else { return };
    let mug = two.product("mug").stock(100).create().await;
    for step in ["products.reserve", "provider.authorise", "orders.create_order", "products.confirm"] {
        let (cart, key) = (two.cart(&[(&mug, 1)]).await, fresh_key());
        one.mishaps().once(step, Mishap::Waits);
        let late = tokio::spawn(one.pay(&cart).key(&key).send());
        one.mishaps().waiting().await;
        two.advance(two.lease());
        // The other one's money is refused at the end, so that it undoes all.
        two.mishaps().once("provider.capture", Mishap::Declined);
        assert_eq!(two.pay(&cart).key(&key).await.code(), "payment_declined", "{step}");
        one.mishaps().go_on();
        drop(late.await.expect("no panic").expect("an answer"));
        let bought = two.pay(&cart).await;
        assert_eq!(bought.status, 201, "{step}: the cart is for sale again: {bought}");
    }
    let books = two.audit().await;
    assert_eq!((books.orders(), books.shelf("MUG")), (4, (96, 0)));
    assert_eq!(books.payments("captured"), 4);
}

#[tokio::test]
async fn what_a_lost_node_left_is_looked_for_at_once_and_taken_up_when_its_lease_ends() {
    // Nobody looks by himself.
    let setup = Setup { sweep_every: Duration::from_secs(60 * 60), ..Setup::default() };
    let Some((mut one, two)) = two_with(setup).await else { return };
    let mug = two.product("mug").stock(10).create().await;
    let cart = two.cart(&[(&mug, 1)]).await;
    one.mishaps().once("provider.capture", Mishap::KilledBefore);
    let sent = tokio::spawn(one.pay(&cart).send());
    one.mishaps().killed().await;
    one.abandon().await;
    drop(sent.await);
    two.houses().checkout.node_lost();
    two.advance(two.lease());
    let books = two.audit_when(|books| books.orders() == 1).await;
    assert_eq!(books.payments("captured"), 1);
}

#[tokio::test]
async fn a_node_that_is_wrongly_taken_for_lost_keeps_its_checkouts() {
    let Some((one, two)) = two().await else { return };
    let mug = two.product("mug").stock(100).create().await;
    for step in STEPS {
        let (cart, key) = (two.cart(&[(&mug, 1)]).await, fresh_key());
        one.mishaps().once(step, Mishap::Waits);
        let slow = tokio::spawn(one.pay(&cart).key(&key).send());
        one.mishaps().waiting().await;
        two.houses().checkout.node_lost();
        // It holds the lease, so it is left to work, however lost it looks.
        assert_eq!(two.houses().checkout.sweep_once().await.expect("looked"), 0, "{step}");
        let waits = tokio::spawn(two.pay(&cart).key(&key).send());
        one.mishaps().go_on();
        let (slow, waits) = (slow.await.expect("no panic"), waits.await.expect("no panic"));
        let (slow, waits) = (slow.expect("an answer").expect(201), waits.expect("an answer").expect(201));
        assert_eq!(slow.json(), waits.json(), "{step}");
    }
    let books = two.audit().await;
    assert_eq!((books.orders(), books.orders_ever(), books.shelf("MUG")), (6, 6, (94, 0)));
    assert_eq!(books.payments("captured"), 6);
}
