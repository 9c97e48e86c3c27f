use std::time::Duration;

use shoal_contract::orders::{ListOrders, Order, OrderStatus, Orders as _};
use shoal_types::{Fact, Kind, Limit, PageRequest};

use crate::shop::Shop;

/// Seven orders of one customer, a second apart, the third one cancelled; newest first.
async fn seven(shop: &Shop) -> Vec<Order> {
    let (_, cx) = shop.customer();
    let mut orders = Vec::new();
    for number in 0..7 {
        shop.clock.advance(Duration::from_secs(1));
        let mut order = shop.placed(&cx, &[("MUG", number + 1), ("BOWL", 1)]).await;
        if number == 2 {
            let cancel = shoal_contract::orders::CancelOrder { order: order.id, reason: None };
            order = shop.orders.cancel_order(&shop.system(), cancel).await.expect("cancelled");
        }
        orders.insert(0, order);
    }
    orders
}

#[tokio::test]
async fn pages_show_every_order_once_newest_first() {
    let shop = Shop::open().await;
    let orders = seven(&shop).await;
    let mut seen = Vec::new();
    let mut page = PageRequest { limit: Limit::new(3).expect("in range"), cursor: None };
    loop {
        let request = ListOrders { page: page.clone(), ..ListOrders::default() };
        let found = shop.orders.list_orders(&shop.staff(), request).await.expect("a page");
        assert!(found.items.len() <= 3);
        seen.extend(found.items);
        match found.next {
            None => break,
            next => page.cursor = next,
        }
    }
    assert_eq!(seen, orders);
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let shop = Shop::open().await;
    let orders = seven(&shop).await;
    let list = async |request: ListOrders| -> Vec<Order> {
        shop.orders.list_orders(&shop.staff(), request).await.expect("a page").items
    };
    let all = ListOrders::default();
    let cancelled = ListOrders { status: Some(OrderStatus::Cancelled), ..all.clone() };
    assert_eq!(list(cancelled).await, orders[4..5]);
    let (from, until) = (Some(orders[5].placed_at), Some(orders[3].placed_at));
    assert_eq!(
        list(ListOrders { placed_from: from, placed_until: until, ..all.clone() }).await,
        orders[4..6]
    );
    let customer = orders[0].customer;
    let both = ListOrders { customer, status: Some(OrderStatus::Placed), placed_until: until, ..all.clone() };
    assert_eq!(list(both).await, orders[5..7]);
    assert_eq!(
        list(ListOrders { number: Some(orders[1].number.clone()), ..all.clone() }).await,
        orders[1..2]
    );
    let elsewhere =
        ListOrders { customer: Some(shop.env.id()), number: Some(orders[1].number.clone()), ..all.clone() };
    assert_eq!(list(elsewhere).await, []);
    assert_eq!(list(ListOrders { source: Some("web".into()), ..all.clone() }).await, orders);
    assert_eq!(list(ListOrders { source: Some("old-shop".into()), ..all }).await, []);
}

#[tokio::test]
async fn a_page_of_orders_takes_the_same_statements_however_long_it_is() {
    let shop = Shop::open().await;
    seven(&shop).await;
    let mut counts = Vec::new();
    // The first time a list is read PostgreSQL learns that it takes more than one statement, at the price of one.
    for limit in [1, 1, 7] {
        let before = shop.statements();
        let page = PageRequest { limit: Limit::new(limit).expect("in range"), cursor: None };
        let request = ListOrders { page, ..ListOrders::default() };
        shop.orders.list_orders(&shop.staff(), request).await.expect("a page");
        counts.push(shop.statements() - before);
    }
    assert_eq!(counts[1..], [4, 4]);
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let shop = Shop::open().await;
    let cursor = Some(shoal_types::Cursor::after(&["yesterday", "order_x"]));
    let request =
        ListOrders { page: PageRequest { cursor, ..PageRequest::default() }, ..ListOrders::default() };
    let refused = shop.orders.list_orders(&shop.staff(), request).await.expect_err("strange");
    assert_eq!(refused.kind(), Kind::Invalid);
}
