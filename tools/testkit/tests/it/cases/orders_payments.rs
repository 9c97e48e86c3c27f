use serde_json::json;
use shoal_contract::orders;
use shoal_testkit::{Mishap, Shop};

#[tokio::test]
async fn two_keys_racing_for_one_cart_make_one_order() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(9).create().await;
    let cart = shop.cart(&[(&mug, 1)]).await;
    let (one, other) = futures::join!(shop.pay(&cart).into_future(), shop.pay(&cart).into_future());
    let (won, lost) = if one.status == 201 { (one, other) } else { (other, one) };
    won.expect(201);
    assert_eq!(lost.status, 409, "{lost}");
    assert!(["cart_busy", "cart_ordered"].contains(&&*lost.code()), "{lost}");
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.payments("captured")), (1, 1));
}

#[tokio::test]
async fn an_order_that_is_not_made_is_not_told_of() {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(9).create().await;
    shop.mishaps().once("orders.create_order", Mishap::refused(orders::Error::CartOrdered {}));
    assert_eq!(shop.checkout(&mug, 1).await.status, 409);
    assert_eq!(shop.audit().await.events_of_orders(), 0);
    shop.mishaps().once("orders.create_order", Mishap::KilledBefore);
    let sent = tokio::spawn(shop.buy(&[(&mug, 1)]).key("k").send());
    shop.mishaps().killed().await;
    shop.abandon().await;
    drop(sent.await);
    assert_eq!(shoal_testkit::Books::open(shop.data()).events_of_orders(), 0);
    shop.reopen().await;
    shop.buy(&[(&mug, 1)]).key("k").await.expect(201);
    // Placed and paid, each told once.
    assert_eq!(shop.audit().await.events_of_orders(), 2);
}

#[tokio::test]
async fn goods_that_cannot_be_shipped_are_found_before_the_card_is_charged() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(1).create().await;
    let refused = shop.buy(&[(&mug, 1)]).with("shipping_method", json!("by-gull")).await;
    assert_eq!(refused.problem(), (409, "no_shipping".into()), "{refused}");
    let asked = shop.mishaps().calls("provider.authorise");
    assert_eq!((asked, shop.stock(&mug).await), (0, 1));
}

#[tokio::test]
async fn an_order_whose_shipping_fails_keeps_its_money_or_gives_it_back() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(2).create().await;
    let order = shop.checkout(&mug, 1).await.expect(201).text("/order/id");
    let parcel = json!({"lines": [{"line": 7, "quantity": 1}]});
    let sent = shop.staff().post(format!("/v1/orders/{order}/fulfilments"), &parcel).await;
    assert_eq!(sent.problem(), (404, "unknown_line".into()), "{sent}");
    assert_eq!(shop.audit().await.orders(), 1);
    shop.staff().post(format!("/v1/orders/{order}/cancel"), &json!({})).await.expect(200);
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.money(), books.shelf("MUG")), (0, 0, (2, 0)));
}

#[tokio::test]
async fn an_order_remembers_what_was_bought_when_the_product_changes() {
    let shop = Shop::start().await;
    let mug = shop.product("mug").stock(2).create().await;
    let bought = shop.checkout(&mug, 1).await.expect(201);
    let order = format!("/v1/orders/{}", bought.text("/order/id"));
    let other = json!({"title": "Tankard", "variants": [{"sku": "MUG", "prices": [{"amount": 5, "currency": "EUR"}]}]});
    shop.staff().put(format!("/v1/products/{}", mug.product), &other).await.expect(200);
    shop.staff().delete(format!("/v1/products/{}", mug.product)).await.expect(204);
    let kept = shop.staff().get(order).await.expect(200);
    assert_eq!(kept.at("/lines"), bought.at("/order/lines"));
    assert_eq!((kept.text("/lines/0/title").as_str(), kept.number("/totals/total/amount")), ("mug", 2489));
}
