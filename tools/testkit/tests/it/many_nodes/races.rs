//! Both nodes are asked at once, and it happens once.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use shoal_contract::checkout::{CheckoutStatus, Checkouts as _, Notice, PlaceOrder};
use shoal_testkit::{Answer, Mishap, Shop, eventually, fresh_key};
use shoal_types::{Context, Deadline, Idempotency, Secret};

use super::two;

#[tokio::test]
async fn one_key_at_both_nodes_is_one_order_and_one_answer() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(1_000).create().await;
    for card in ["tok_success", "tok_success", "tok_slow", "tok_lost_answer", "tok_capture_lost"] {
        let (cart, key) = (one.cart(&[(&mug, 1)]).await, fresh_key());
        let ask = |shop: &Shop| shop.pay(&cart).card(card).key(&key).into_future();
        let answers = join_all([ask(&one), ask(&two), ask(&one), ask(&two)]).await;
        for answer in &answers {
            assert_eq!(answer.status, 201, "{card}: {answer}");
            assert_eq!(answer.json(), answers[0].json(), "{card}");
        }
    }
    let books = one.audit().await;
    assert_eq!((books.orders(), books.orders_ever(), books.payments("captured")), (5, 5, 5));
}

#[tokio::test]
async fn one_key_at_both_nodes_is_refused_alike() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(10).create().await;
    for round in 0..5 {
        let (cart, key) = (one.cart(&[(&mug, 1)]).await, fresh_key());
        let ask = |shop: &Shop| shop.pay(&cart).card("tok_declined").key(&key).into_future();
        let (first, second) = futures::join!(ask(&one), ask(&two));
        assert_eq!((first.problem(), second.problem()), (refused(), refused()), "round {round}");
    }
    assert_eq!((one.audit().await.orders(), one.stock(&mug).await), (0, 10));
}

fn refused() -> (u16, String) {
    (402, "payment_declined".to_owned())
}

#[tokio::test]
async fn two_keys_for_one_cart_at_two_nodes_make_one_order() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(100).create().await;
    for round in 0..10 {
        let cart = one.cart(&[(&mug, 1)]).await;
        let (first, second) = futures::join!(one.pay(&cart).into_future(), two.pay(&cart).into_future());
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "round {round}: {first} {second}");
    }
    assert_eq!(one.audit().await.orders(), 10);
}

#[tokio::test]
async fn a_cart_changed_through_both_loses_no_change() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(1).create().await;
    let cart = one.post("/v1/carts", &json!({})).await.expect(201).text("/id");
    let line = json!({"sku": mug.sku, "quantity": 1});
    let add =
        |shop: &Shop| shop.post(format!("/v1/carts/{cart}/lines"), &line).key(fresh_key()).into_future();
    let added = join_all((0..20).flat_map(|_| [add(&one), add(&two)])).await;
    assert!(added.iter().all(|answer| answer.status < 300), "{:?}", added.iter().map(|a| a.status).max());
    for shop in [&one, &two] {
        let seen = shop.get(format!("/v1/carts/{cart}")).await.expect(200);
        assert_eq!((seen.number("/lines/0/quantity"), seen.number("/version")), (40, 41));
    }
}

#[tokio::test]
async fn a_customer_has_one_cart_whichever_node_opens_it() {
    let Some((one, two)) = two().await else { return };
    for round in 0..10 {
        let here = one.register(&format!("ada{round}")).await;
        let there = two.at_home(&here);
        let open = |client: &shoal_testkit::Client| client.post("/v1/carts", &json!({})).into_future();
        let opened = join_all([open(&here), open(&there), open(&here), open(&there)]).await;
        let ids: Vec<String> = opened.iter().map(|answer| answer.text("/id")).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "round {round}: {ids:?}");
    }
}

#[tokio::test]
async fn a_hot_item_sold_through_both_is_sold_out_to_the_piece() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(30).create().await;
    let buy = |shop: &Shop| shop.buy(&[(&mug, 1)]).into_future();
    let answers = join_all((0..25).flat_map(|_| [buy(&one), buy(&two)])).await;
    let sold = answers.iter().filter(|answer| answer.status == 201).count();
    let short = answers.iter().filter(|answer| answer.code() == "stock_too_low").count();
    assert_eq!((sold, short), (30, 20));
    assert_eq!(one.audit().await.shelf("MUG"), (0, 0));
}

async fn redirected(shop: &Shop, cart: &str) -> Answer {
    shop.pay(cart).card("tok_redirect").await.expect(202)
}

async fn completes(shop: &Shop, checkout: &Answer) {
    let status = async || shop.follow(checkout).await.expect(200).text("/status");
    eventually("completed", async || status().await == "completed").await;
}

#[tokio::test]
async fn a_payment_begun_at_one_node_is_reported_to_the_other() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(10).create().await;
    for round in 0..5 {
        let checkout = redirected(&one, &one.cart(&[(&mug, 1)]).await).await;
        // The buyer is back at one node before the report reaches the other.
        assert_eq!(one.resume(&checkout).await.expect(200).text("/status"), "awaiting_payment");
        let event = format!("event {round}");
        let (here, there, back) = futures::join!(
            one.notice(&event, "payment.authorised", &checkout),
            two.notice(&event, "payment.authorised", &checkout),
            two.resume(&checkout).into_future()
        );
        assert_eq!((here.status, there.status), (204, 204), "round {round}: {here} {there}");
        assert_eq!(back.status, 200, "round {round}: {back}");
        completes(&one, &checkout).await;
    }
    let books = one.audit().await;
    assert_eq!((books.orders(), books.payments("captured")), (5, 5));
}

#[tokio::test]
async fn a_report_that_reaches_the_other_node_before_the_answer_is_not_lost() {
    let Some((one, two)) = two().await else { return };
    let mug = one.product("mug").stock(10).create().await;
    let cart = one.cart(&[(&mug, 1)]).await;
    one.mishaps().once("provider.authorise", Mishap::AnswerWaits);
    let purchase = json!({"cart": cart, "payment": {"provider": "test", "token": "tok_redirect"}});
    let purchase: PlaceOrder = serde_json::from_value(purchase).expect("a purchase");
    let idempotency = Some(Idempotency { key: "k".into(), fingerprint: [0; 32] });
    let soon = Deadline::at(one.now().plus(Duration::from_millis(700)));
    let cx = Context { idempotency, ..one.context().with_deadline(soon) };
    let begun = one.houses().checkout.place(&cx, purchase).await.expect("begun");
    assert_eq!(begun.status, CheckoutStatus::Processing);

    let payment = format!("{}/authorise", begun.id);
    let body = json!({"id": "event", "type": "payment.authorised", "payment": payment}).to_string();
    let signature = Some(shoal_checkout::sign(&Secret::new("the test provider's own"), &body));
    let notice = Notice { provider: "test".to_owned(), body, signature };
    let (there, cx) = (two.houses().checkout.clone(), two.context());
    let told = tokio::spawn(async move { there.notify(&cx, notice).await });
    one.mishaps().go_on();
    assert_eq!(told.await.expect("no panic"), Ok(()));
    let books = two.audit_when(|books| books.orders() == 1).await;
    assert_eq!(books.payments("captured"), 1);
}
