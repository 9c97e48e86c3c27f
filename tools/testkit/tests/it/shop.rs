//! The harness itself: that a shop opens, sells, survives and is audited.

use shoal_testkit::Shop;

#[tokio::test]
async fn a_shop_sells_survives_a_restart_and_a_crash() {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(3).create().await;
    shop.checkout(&mug, 1).await.expect(201);
    shop.restart().await;
    shop.checkout(&mug, 1).await.expect(201);
    shop.abandon().await;
    shop.reopen().await;
    shop.checkout(&mug, 1).await.expect(201);
    assert_eq!(shop.checkout(&mug, 1).await.problem(), (409, "stock_too_low".into()));
    let books = shop.audit().await;
    assert_eq!((books.orders(), books.money(), books.shelf(&mug.sku)), (3, 3 * (1999 + 490), (0, 0)));
}
