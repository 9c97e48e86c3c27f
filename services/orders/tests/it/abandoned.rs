//! Carts that were left: each is found once for each time it was touched.

use std::time::Duration;

use futures::future::join_all;
use shoal_contract::events::{CartAbandoned, kinds};
use shoal_contract::orders::{
    Cart, CartChange, CartId, CartState, FreezeCart, ListCarts, NewCart, Orders as _,
};
use shoal_orders::Orders;
use shoal_sql::{ReadTx, params};
use shoal_types::{Context, Fact, Kind, Limit, PageRequest};

use crate::shop::{Shop, line, skus};

const HOUR: Duration = Duration::from_secs(60 * 60);

shoal_sql::statements! {
    mod sql {
        LIST_TOLD = "select aggregate, sequence, kind, data from outbox order by aggregate, sequence limit $1";
    }
}

/// A shop that has looked before.
async fn watching() -> Shop {
    let shop = Shop::open().await;
    assert_eq!(look(&shop, &shop.orders).await, 0);
    shop
}

async fn look(shop: &Shop, house: &Orders) -> u64 {
    house.find_abandoned_carts(&shop.system()).await.expect("looked")
}

async fn told(shop: &Shop) -> Vec<(CartId, u64, String, String)> {
    let read = async |tx: &mut ReadTx| tx.list(sql::LIST_TOLD, params![1_000]).await;
    shop.orders.database().read(&shop.system(), read).await.expect("read")
}

async fn abandoned(shop: &Shop, cx: &Context) -> Vec<Cart> {
    let request = ListCarts { page: PageRequest::default(), state: CartState::Abandoned };
    shop.orders.list_carts(cx, request).await.expect("a page").items
}

#[tokio::test]
async fn a_cart_that_was_left_is_told_of_once_and_shown_until_it_is_touched() {
    let shop = watching().await;
    let cart = shop.cart(&shop.guest(), &[("MUG", 2), ("BOWL", 1)]).await;
    shop.clock.advance(4 * HOUR - Duration::from_secs(1));
    assert_eq!(look(&shop, &shop.orders).await, 0);
    shop.clock.advance(Duration::from_secs(1));
    assert_eq!(look(&shop, &shop.orders).await, 1);
    shop.clock.advance(HOUR);
    assert_eq!(look(&shop, &shop.orders).await, 0);

    let events = told(&shop).await;
    let [(aggregate, sequence, kind, data)] = &events[..] else { panic!("one event, not {events:?}") };
    assert_eq!((*aggregate, *sequence, kind.as_str()), (cart.id, cart.version, kinds::CART_ABANDONED));
    assert!(!data.contains("ada"), "an e-mail is in {data}");
    let data: CartAbandoned = serde_json::from_str(data).expect("typed");
    assert_eq!((data.customer, data.left_at), (None, cart.updated_at));
    let pieces: Vec<_> = data.lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect();
    assert_eq!(pieces, [("MUG", 2), ("BOWL", 1)]);

    let shown = abandoned(&shop, &shop.staff()).await;
    assert_eq!(shown, [shop.get(&shop.staff(), cart.id).await.expect("a cart")]);
    assert_eq!((skus(&shown[0]), shown[0].version), (skus(&cart), cart.version));

    shop.add(&shop.guest(), cart.id, "MUG", 1).await.expect("added");
    assert_eq!(abandoned(&shop, &shop.staff()).await, []);
    shop.clock.advance(4 * HOUR);
    assert_eq!(look(&shop, &shop.orders).await, 1);
    let events: Vec<_> = told(&shop).await.into_iter().map(|event| (event.0, event.1)).collect();
    assert_eq!(events, [(cart.id, 1), (cart.id, 2)]);
}

#[tokio::test]
async fn carts_that_nobody_could_be_reminded_of_are_left_alone() {
    let shop = watching().await;
    let guest = shop.guest();
    let nobodys = NewCart { currency: None, lines: vec![line("MUG", 1)], details: CartChange::default() };
    shop.orders.create_cart(&guest, nobodys.clone()).await.expect("a cart");
    shop.cart(&guest, &[]).await;
    let paying = shop.cart(&guest, &[("MUG", 1)]).await;
    let freeze = shop.freeze(paying.id);
    shop.orders.freeze_cart(&shop.system(), freeze.clone()).await.expect("frozen");
    shop.placed(&guest, &[("MUG", 1)]).await;
    let (_, ada) = shop.customer();
    let hers = shop.orders.create_cart(&ada, nobodys).await.expect("a cart");
    shop.clock.advance(5 * HOUR);
    assert_eq!(look(&shop, &shop.orders).await, 1);
    assert_eq!(told(&shop).await[0].0, hers.id);
    // Given back, it is the buyer's to forget.
    let FreezeCart { cart, .. } = freeze.clone();
    shop.orders.thaw_cart(&shop.system(), freeze).await.expect("thawed");
    shop.clock.advance(5 * HOUR);
    assert_eq!(look(&shop, &shop.orders).await, 1);
    assert!(told(&shop).await.iter().any(|event| event.0 == cart));
}

#[tokio::test]
async fn carts_that_were_old_when_the_watch_began_are_not_told_of() {
    let shop = Shop::open().await;
    shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    shop.clock.advance(30 * HOUR);
    assert_eq!(look(&shop, &shop.orders).await, 0);
    shop.clock.advance(30 * HOUR);
    assert_eq!(look(&shop, &shop.orders).await, 0);
}

#[tokio::test]
async fn many_who_look_at_once_find_each_cart_once_even_those_touched_in_one_instant() {
    let shop = watching().await;
    let mut carts = Vec::new();
    for _ in 0..450 {
        carts.push(shop.cart(&shop.guest(), &[("MUG", 1)]).await.id);
    }
    shop.clock.advance(4 * HOUR);
    let other = shop.neighbour().await;
    let mut found = 0;
    for _ in 0..10 {
        let houses = [&shop.orders, other.as_ref().unwrap_or(&shop.orders)];
        let looks = houses.iter().cycle().take(4).map(|house| look(&shop, house));
        found += join_all(looks).await.into_iter().sum::<u64>();
    }
    assert_eq!(found, 450);
    let mut told: Vec<_> = told(&shop).await.into_iter().map(|event| event.0).collect();
    carts.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, carts);
}

#[tokio::test]
async fn abandoned_carts_are_listed_in_pages_and_for_staff() {
    let shop = watching().await;
    let mut carts = Vec::new();
    for _ in 0..5 {
        carts.push(shop.cart(&shop.guest(), &[("MUG", 1), ("EBOOK", 2)]).await.id);
        shop.clock.advance(4 * HOUR);
        look(&shop, &shop.orders).await;
    }
    carts.reverse();
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let page = PageRequest { limit: Limit::new(2).expect("a limit"), cursor };
        let request = ListCarts { page, state: CartState::Abandoned };
        let page = shop.orders.list_carts(&shop.staff(), request).await.expect("a page");
        listed.extend(page.items.iter().map(|cart| cart.id));
        assert!(page.items.iter().all(|cart| cart.totals.subtotal.amount == 2999));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, carts);
    for (cx, expected) in [(shop.guest(), Kind::Unauthenticated), (shop.customer().1, Kind::Forbidden)] {
        let request = ListCarts { page: PageRequest::default(), state: CartState::Abandoned };
        let refused = shop.orders.list_carts(&cx, request).await.expect_err("for staff only");
        assert_eq!(refused.kind(), expected);
    }
}

#[tokio::test]
async fn looking_writes_nothing_when_nothing_was_left() {
    let shop = watching().await;
    let before = shop.statements();
    for _ in 0..5 {
        shop.clock.advance(HOUR);
        look(&shop, &shop.orders).await;
    }
    // How far the walk has come, and the carts after that; on PostgreSQL what the first look left to be tidied up.
    assert!((10..=11).contains(&(shop.statements() - before)));
}
