//! Closing a cart and making its order are two commits, each under one id: what races and crashes leave of them.

use shoal_contract::checkout::order_of;
use shoal_contract::orders::{
    CancelOrder, CartId, CartStatus, CreateOrder, Error, FreezeCart, ListOrders, OrderRef, OrderStatus,
    Orders as _, Quote,
};
use shoal_sql::{Tx, params, statements};
use shoal_types::Id;

use crate::shop::Shop;

statements! {
    mod sql {
        CLOSE = "update carts set status = 'ordered' where cart_id = $1";
    }
}

/// A crash after the cart was closed and before the order was made.
async fn closed(shop: &Shop) -> (CartId, CreateOrder) {
    let cart = shop.cart(&shop.guest(), &[("MUG", 1)]).await.id;
    let create = shop.frozen(cart).await;
    let close = async move |tx: &mut Tx| tx.execute(sql::CLOSE, params![cart]).await;
    assert_eq!(shop.orders.database().write(&shop.system(), close).await, Ok(1));
    (cart, create)
}

async fn status(shop: &Shop, cart: CartId) -> CartStatus {
    shop.get(&shop.guest(), cart).await.expect("a cart").status
}

/// The state of the order of a checkout, if there is one.
async fn ordered(shop: &Shop, create: &CreateOrder) -> Option<OrderStatus> {
    let order = OrderRef { order: order_of(create.checkout), token: None };
    shop.orders.get_order(&shop.system(), order).await.ok().map(|order| order.status)
}

async fn thaw(shop: &Shop, cart: CartId, create: &CreateOrder) {
    let thaw = FreezeCart { cart, checkout: create.checkout };
    shop.orders.thaw_cart(&shop.system(), thaw).await.expect("thawed, or nothing to thaw");
}

#[tokio::test]
async fn a_cart_closed_before_a_crash_becomes_an_order_when_it_is_asked_again() {
    let shop = Shop::open().await;
    let (cart, create) = closed(&shop).await;
    let order = shop.orders.create_order(&shop.system(), create.clone()).await.expect("an order");
    assert_eq!((order.cart, status(&shop, cart).await), (Some(cart), CartStatus::Ordered));
    assert_eq!(shop.orders.create_order(&shop.system(), create).await, Ok(order));
}

#[tokio::test]
async fn a_cart_closed_before_a_crash_is_given_back_and_never_becomes_an_order() {
    let shop = Shop::open().await;
    let (cart, create) = closed(&shop).await;
    for _ in 0..2 {
        thaw(&shop, cart, &create).await;
        assert_eq!(status(&shop, cart).await, CartStatus::Open);
    }
    // Whoever was about to make the order comes too late.
    let late = CreateOrder { quote: Quote { cart: None, ..create.quote.clone() }, ..create.clone() };
    assert!(shop.orders.create_order(&shop.system(), late).await.is_err());
    let late = shop.orders.create_order(&shop.system(), create.clone()).await;
    assert!(matches!(late, Err(Error::CartChanged { .. })), "{late:?}");
    assert_eq!(ordered(&shop, &create).await, None);
    let again = shop.frozen(cart).await;
    shop.orders.create_order(&shop.system(), again).await.expect("another checkout buys it");
}

#[tokio::test]
async fn a_cart_is_not_given_back_while_its_order_stands() {
    let shop = Shop::open().await;
    let cart = shop.cart(&shop.guest(), &[("MUG", 1)]).await.id;
    let create = shop.frozen(cart).await;
    let order = shop.orders.create_order(&shop.system(), create.clone()).await.expect("an order");
    thaw(&shop, cart, &create).await;
    assert_eq!(status(&shop, cart).await, CartStatus::Ordered);
    let cancel = CancelOrder { order: order.id, reason: None };
    shop.orders.cancel_order(&shop.system(), cancel).await.expect("cancelled");
    thaw(&shop, cart, &create).await;
    assert_eq!(status(&shop, cart).await, CartStatus::Open);
}

#[tokio::test]
async fn of_ordering_and_giving_back_at_once_one_happens() {
    let shop = Shop::open().await;
    let mut given_back = 0;
    for round in 0..60 {
        // Half of them start after the cart was closed.
        let (cart, create) = match round % 2 {
            0 => closed(&shop).await,
            _ => {
                let cart = shop.cart(&shop.guest(), &[("MUG", 1)]).await.id;
                (cart, shop.frozen(cart).await)
            }
        };
        let system = shop.system();
        let (made, ()) =
            tokio::join!(shop.orders.create_order(&system, create.clone()), thaw(&shop, cart, &create),);
        // The undo of a checkout is repeated until it is through.
        thaw(&shop, cart, &create).await;
        let order = ordered(&shop, &create).await;
        match made {
            Ok(_) => assert_eq!(
                (order, status(&shop, cart).await),
                (Some(OrderStatus::Placed), CartStatus::Ordered)
            ),
            Err(_) => {
                assert_eq!((order, status(&shop, cart).await), (None, CartStatus::Open));
                given_back += 1;
            }
        }
    }
    println!("{given_back} of 60 carts were given back");
}

#[tokio::test]
async fn orders_that_share_a_number_are_both_found_by_it() {
    let shop = Shop::open().await;
    let mut numbers = Vec::new();
    for first in [1, 2] {
        // The time of an id is in its first bits, the number in its last.
        let mut bits = [7; 16];
        bits[0] = first;
        let quote = shop.frozen(shop.cart(&shop.guest(), &[("MUG", 1)]).await.id).await.quote;
        let quote = Quote { cart: None, ..quote };
        let create = CreateOrder { checkout: Id::from_digest(bits), token_hash: None, quote };
        numbers.push(shop.orders.create_order(&shop.system(), create).await.expect("an order").number);
    }
    numbers.dedup();
    assert_eq!(numbers.len(), 1);
    let list = ListOrders { number: numbers.pop(), ..ListOrders::default() };
    assert_eq!(shop.orders.list_orders(&shop.system(), list).await.expect("a page").items.len(), 2);
}
