//! The audit finds what is wrong: each test spoils good books in one place.

use shoal_testkit::{Books, Shop, tamper};

/// A shop that was left after one sale and one cancelled order.
async fn left() -> Shop {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    let cart = shop.cart(&[(&mug, 2)]).await;
    shop.pay(&cart).await.expect(201);
    let cancelled = shop.checkout(&mug, 1).await.expect(201).text("/order/id");
    let cancel = format!("/v1/orders/{cancelled}/cancel");
    shop.staff().post(cancel, &serde_json::json!({})).await.expect(200);
    shop.quiet().await;
    assert_eq!(shop.audit().await.discrepancies(), [""; 0]);
    shop.abandon().await;
    shop
}

/// What the audit says of a copy of its data, after `spoil` was run on that of `house`.
async fn found(shop: &Shop, house: &str, spoil: &str) -> Vec<String> {
    let copy = shop.copy_of_data().await;
    let changed = tamper(copy.address(), house, spoil).expect("the statement is valid");
    assert!(changed > 0, "nothing was spoilt");
    Books::open(copy.address()).discrepancies()
}

/// Each fact must be named after its own spoiling.
#[tokio::test]
async fn whatever_does_not_fit_is_found() {
    let shop = left().await;
    for (house, spoil, fact) in [
        ("products", "update stock set on_hand = on_hand + 1", "pieces on hand"),
        ("products", "update stock set reserved = 1", "pieces reserved"),
        ("products", "update holds set state = 'held'", "a hold is open"),
        ("products", "delete from movements where kind = 'restock'", "pieces of failed and cancelled"),
        ("orders", "delete from orders where status = 'paid'", "money was taken without an order"),
        ("orders", "update orders set paid = paid - 1 where status = 'paid'", "one captured payment"),
        ("orders", "update orders set status = 'placed' where status = 'paid'", "waits for its money"),
        ("orders", "update order_lines set quantity = quantity + 1", "other pieces from the shelf"),
        ("orders", "update carts set status = 'paying'", "a cart is frozen"),
        ("orders", "delete from order_events where sequence = 1", "history has gaps"),
        ("orders", "delete from refunds", "refunds do not sum up"),
        ("orders", "update sales set units = units + 1 where sku <> ''", "orders that were paid"),
        ("orders", "update sales set day = day - 1", "money that came and went back"),
        ("orders", "update sales set units_back = units_back * 2 where sku <> ''", "pieces that came back"),
        (
            "test-provider",
            "update payments set amount = amount - 1 where refunded = 0",
            "one captured payment",
        ),
        ("test-provider", "update payments set status = 'authorised'", "money is held"),
        ("test-provider", "update payments set refunded = 0", "disagree about what went back"),
        ("checkout", "update sagas set stage = '\"failed\"'", "or failed with one"),
    ] {
        let found = found(&shop, house, spoil).await;
        assert!(found.iter().any(|line| line.contains(fact)), "{spoil}: {found:?}");
    }
}

#[tokio::test]
async fn a_saga_without_an_end_is_found() {
    let mut shop = Shop::start().await;
    let mug = shop.product("mug").stock(10).create().await;
    shop.checkout(&mug, 1).await.expect(201);
    shop.abandon().await;
    let spoil = "update sagas set done = 0, stage = '\"capturing\"'";
    tamper(shop.data(), "checkout", spoil).expect("the statement is valid");
    assert_eq!(Books::open(shop.data()).sagas_under_way(), 1);
}
