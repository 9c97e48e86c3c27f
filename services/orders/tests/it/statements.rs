use shoal_contract::orders::{CartRef, ListRates, NewCart, Orders as _};
use shoal_sql::Engine;

use crate::shop::{Shop, line, payment, ready};

/// What it costs to know that the rates are the present ones: where other nodes may set them, one statement.
fn rates(shop: &Shop) -> u64 {
    u64::from(shop.orders.database().engine() == Engine::Postgres)
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let shop = Shop::open().await;
    let checked = shop.orders.database().check(shoal_orders::STATEMENTS).await;
    assert_eq!(checked, Ok(()));
}

#[tokio::test]
async fn a_purchase_takes_the_same_statements_for_one_line_and_for_a_hundred() {
    let mut counts = Vec::new();
    for lines in [1, 100] {
        let shop = Shop::open().await;
        for number in 0..lines {
            shop.catalogue.sell(shop.offer(&format!("SKU-{number}"), 100 + number));
        }
        let body = (0..lines).map(|number| line(&format!("SKU-{number}"), 1)).collect();
        let new = NewCart { currency: None, lines: body, details: ready() };
        let cart = shop.orders.create_cart(&shop.guest(), new).await.expect("a cart");

        let start = shop.statements();
        let create = shop.frozen(cart.id).await;
        let frozen = shop.statements();
        let order = shop.orders.create_order(&shop.system(), create).await.expect("an order");
        let created = shop.statements();
        shop.orders.mark_paid(&shop.system(), payment(&order)).await.expect("paid");
        counts.push([frozen - start - rates(&shop), created - frozen, shop.statements() - created]);
    }
    assert_eq!(counts, [[1, 4, 2], [1, 4, 2]]);
}

#[tokio::test]
async fn adding_to_a_cart_takes_the_same_statements_however_much_is_in_it() {
    let shop = Shop::open().await;
    let cart = shop.cart(&shop.guest(), &[]).await.id;
    let mut counts = Vec::new();
    for number in 0..100 {
        let sku = format!("SKU-{number}");
        shop.catalogue.sell(shop.offer(&sku, 100));
        let before = shop.statements();
        shop.add(&shop.guest(), cart, &sku, 1).await.expect("added");
        counts.push(shop.statements() - before - rates(&shop));
    }
    assert_eq!(counts, [2; 100]);
}

#[tokio::test]
async fn rates_cost_no_statement_where_nobody_else_can_set_them() {
    let shop = Shop::open().await;
    let cart = shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    let before = shop.statements();
    shop.orders.list_tax_rates(&shop.guest(), ListRates {}).await.expect("rates");
    shop.orders.list_shipping_zones(&shop.guest(), ListRates {}).await.expect("zones");
    assert_eq!(shop.statements() - before, 2 * rates(&shop));
    shop.orders.get_cart(&shop.guest(), CartRef { cart: cart.id }).await.expect("a cart");
    assert_eq!(shop.statements() - before, 1 + 3 * rates(&shop));
}
