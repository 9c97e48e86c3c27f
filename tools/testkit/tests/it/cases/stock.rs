use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use shoal_contract::products::{Error, Products as _, ReservationKey, ReservationRef, Reserve, StockLine};
use shoal_testkit::{Item, Shop, eventually, tamper};

fn sorted_statuses<const N: usize>(answers: [shoal_testkit::Answer; N]) -> [u16; N] {
    let mut statuses = answers.map(|answer| answer.status);
    statuses.sort_unstable();
    statuses
}

#[tokio::test]
async fn two_carts_racing_for_the_last_piece_make_one_order_and_one_refusal() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let (first, second) = (shop.cart(&[(&mug, 1)]).await, shop.cart(&[(&mug, 1)]).await);
    let (one, other) = futures::join!(shop.pay(&first).into_future(), shop.pay(&second).into_future());
    assert_eq!(sorted_statuses([one, other]), [201, 409]);
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.orders_ever(), books.shelf("MUG")), (1, 1, (0, 0)));
    assert_eq!(books.payments("captured") + books.payments("authorised") + books.payments("voided"), 1);
}

#[tokio::test]
async fn lines_of_one_sku_are_summed_before_the_check() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(3).create().await;
    let refused = shop.buy(&[(&mug, 2), (&mug, 2)]).await;
    assert_eq!(refused.problem(), (409, "stock_too_low".into()), "{refused}");
    assert_eq!((refused.number("/requested"), refused.number("/available")), (4, 3));
    shop.buy(&[(&mug, 2), (&mug, 1)]).await.expect(201);
    assert_eq!(shop.audit().await.shelf("MUG"), (0, 0));
}

fn hold(shop: &Shop, lines: &[(&Item, i64)]) -> Reserve {
    let line = |(item, quantity): &(&Item, i64)| StockLine { variant: item.variant, quantity: *quantity };
    Reserve {
        key: shop.id(),
        lines: lines.iter().map(line).collect(),
        expires_at: shop.now().plus(Duration::from_secs(60)),
    }
}

#[tokio::test]
async fn calling_the_service_directly_cannot_oversell() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(50).create().await;
    let (products, cx) = (shop.houses().products.clone(), shop.context());
    let rush = join_all((0..100).map(|_| products.reserve(&cx, hold(&shop, &[(&mug, 1)])))).await;
    let held: Vec<_> = rush.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(held.len(), 50);
    assert!(rush.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Error::StockTooLow { .. }))), "{rush:?}");
    let twice = products.reserve(&cx, hold(&shop, &[(&mug, 1), (&mug, 1)])).await;
    assert!(matches!(twice, Err(Error::StockTooLow { requested: 2, .. })), "{twice:?}");
    for hold in held {
        products.release(&cx, ReservationRef { key: hold.key }).await.expect("a hold can be given back");
    }
    assert_eq!(shop.audit().await.shelf("MUG"), (50, 0));
}

#[tokio::test]
async fn the_store_itself_refuses_stock_below_zero() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(2).create().await;
    for oversell in ["update stock set reserved = 3", "update stock set on_hand = -1"] {
        let refused = tamper(shop.data(), "products", oversell).expect_err("the schema has a check");
        assert!(refused.contains("stock_covers_reserved"), "{refused}");
    }
    assert_eq!(shop.stock(&mug).await, 2);
}

#[tokio::test]
async fn no_booking_takes_stock_below_zero_or_below_what_is_held() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    let (products, cx) = (shop.houses().products.clone(), shop.context());
    let held = products.reserve(&cx, hold(&shop, &[(&mug, 4)])).await.expect("ten are there");
    let book = |change| shop.staff().post("/v1/stock/MUG/adjustments", &json!({"change": change}));
    for change in [json!({"correct": -7}), json!({"count": 3})] {
        let refused = book(change.clone()).await;
        assert_eq!(refused.problem(), (409, "stock_too_low".into()), "{change}: {refused}");
    }
    for change in
        [json!({"receive": -1}), json!({"count": -1}), json!({"correct": 0}), json!({"receive": i64::MAX})]
    {
        let refused = book(change.clone()).await;
        assert_eq!(refused.status, 422, "{change}: {refused}");
    }
    // Ten at once want one each of the six that are free.
    let rush = join_all((0..10).map(|_| book(json!({"correct": -1})).into_future())).await;
    assert_eq!(rush.iter().filter(|answer| answer.status == 201).count(), 6);
    products.release(&cx, ReservationRef { key: held.key }).await.expect("it is held");
    assert_eq!(shop.audit().await.shelf("MUG"), (4, 0));
}

#[tokio::test]
async fn who_comes_too_late_is_never_asked_for_money() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    shop.checkout(&mug, 1).await.expect(201);
    let asked = shop.mishaps().calls("provider.authorise");
    assert_eq!(shop.checkout(&mug, 1).await.status, 409);
    assert_eq!(shop.mishaps().calls("provider.authorise"), asked);
}

#[tokio::test]
async fn a_hold_that_is_lost_while_the_buyer_pays_gives_the_money_back() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let waiting = shop.buy(&[(&mug, 1)]).card("tok_redirect").await.expect(202);
    let checkout = waiting.text("/id");
    let key: ReservationKey = checkout.parse::<shoal_contract::checkout::CheckoutId>().expect("an id").cast();
    shop.houses().products.release(&shop.context(), ReservationRef { key }).await.expect("it is held");
    shop.checkout(&mug, 1).await.expect(201);
    shop.notice("evt_1", "payment.authorised", &waiting).await.expect(204);
    let status = async || shop.follow(&waiting).await.text("/status");
    eventually("the checkout ends", async || status().await == "failed").await;
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.payments("voided"), books.payments("captured")), (1, 1, 1));
}

#[tokio::test]
async fn a_hold_that_runs_out_returns_its_stock() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let (products, cx) = (shop.houses().products.clone(), shop.context());
    let held = products.reserve(&cx, hold(&shop, &[(&mug, 1)])).await.expect("one is there");
    assert_eq!(shop.checkout(&mug, 1).await.status, 409);
    shop.advance(Duration::from_secs(61));
    let cx = shop.context();
    products.expire_holds(&cx).await.expect("holds can be looked for");
    shop.checkout(&mug, 1).await.expect(201);
    let late = products.confirm(&cx, ReservationRef { key: held.key }).await;
    assert!(matches!(late, Err(Error::ReservationGone {})), "{late:?}");
    assert_eq!(shop.audit().await.shelf("MUG"), (0, 0));
}

#[tokio::test]
async fn what_was_checked_is_what_is_taken_when_prices_and_shelves_move_meanwhile() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(5).create().await;
    let cart = shop.cart(&[(&mug, 2)]).await;
    let waiting = shop.pay(&cart).card("tok_redirect").await.expect(202);
    let dearer = json!({"title": "mug", "variants": [{"sku": "MUG", "stock": 0,
        "prices": [{"amount": 9999, "currency": "EUR"}], "weight_g": 100}]});
    shop.staff().put(format!("/v1/products/{}", mug.product), &dearer).await.expect(200);
    let counted = json!({"change": {"count": 2}});
    shop.staff().post("/v1/stock/MUG/adjustments", &counted).await.expect(201);
    shop.notice("evt_1", "payment.authorised", &waiting).await.expect(204);
    let books = shop.audit_when(|books| books.orders() == 1).await;
    assert_eq!((books.money(), books.shelf("MUG")), (2 * 1999 + 490, (0, 0)));
}
