use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use shoal_contract::orders::{
    CartChange, CartRef, CartStatus, Error, FindCart, LineChange, NewCart, Orders as _, SetLine,
};
use shoal_contract::products::Offer;
use shoal_types::{Currency, Fact, Kind, Money};

use crate::shop::{Shop, address, eur, line, ready, skus};

fn set(cart: shoal_contract::orders::CartId, sku: &str, quantity: i64) -> SetLine {
    let change = LineChange { quantity, note: None };
    SetLine { cart, sku: sku.into(), expected_version: None, change }
}

#[tokio::test]
async fn a_cart_shows_its_lines_at_present_prices() {
    let shop = Shop::open().await;
    let cx = shop.guest();
    let cart = shop.cart(&cx, &[("MUG", 2), ("BOWL", 1), ("MUG", 1)]).await;
    assert_eq!(skus(&cart), [("MUG", 3), ("BOWL", 1)]);
    assert_eq!((cart.totals.subtotal, cart.totals.total, cart.version), (eur(6997), eur(6997), 1));
    assert_eq!(cart.email.as_deref(), Some("ada@example.com"));

    shop.catalogue.sell(shop.offer("MUG", 2000));
    let cart = shop.get(&cx, cart.id).await.expect("a cart");
    assert_eq!((cart.totals.total, cart.lines[0].unit_price), (eur(7000), eur(2000)));
}

#[tokio::test]
async fn what_cannot_be_bought_is_flagged_and_adds_nothing() {
    let shop = Shop::open().await;
    let cx = shop.guest();
    let cart = shop.cart(&cx, &[("MUG", 1), ("BOWL", 2)]).await;
    shop.catalogue.withdraw("MUG");
    let cart = shop.get(&cx, cart.id).await.expect("a cart");
    let flags: Vec<_> = cart.lines.iter().map(|line| (line.available, line.total)).collect();
    assert_eq!((flags, cart.totals.total), (vec![(false, eur(0)), (true, eur(2000))], eur(2000)));
    let cart = shop.orders.set_line(&cx, set(cart.id, "MUG", 0)).await.expect("it can be taken out");
    assert_eq!(skus(&cart), [("BOWL", 2)]);
}

#[tokio::test]
async fn fifty_people_adding_different_things_at_once_lose_none() {
    let shop = Arc::new(Shop::open().await);
    let cart = shop.cart(&shop.guest(), &[]).await.id;
    for number in 0..50 {
        shop.catalogue.sell(shop.offer(&format!("SKU-{number}"), 100));
    }
    let adds = (0..50).map(|number| {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move { shop.add(&shop.guest(), cart, &format!("SKU-{number}"), 1).await })
    });
    for added in join_all(adds).await {
        added.expect("no panic").expect("added");
    }
    let cart = shop.get(&shop.guest(), cart).await.expect("a cart");
    assert_eq!((cart.lines.len(), cart.totals.total, cart.version), (50, eur(5_000), 51));
}

#[tokio::test]
async fn fifty_people_adding_the_same_thing_at_once_add_fifty() {
    let shop = Arc::new(Shop::open().await);
    let cart = shop.cart(&shop.guest(), &[]).await.id;
    let adds = (0..50).map(|_| {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move { shop.add(&shop.guest(), cart, "MUG", 1).await })
    });
    for added in join_all(adds).await {
        added.expect("no panic").expect("added");
    }
    assert_eq!(skus(&shop.get(&shop.guest(), cart).await.expect("a cart")), [("MUG", 50)]);
}

#[tokio::test]
async fn an_edit_of_an_older_version_is_refused() {
    let shop = Shop::open().await;
    let cx = shop.guest();
    let cart = shop.cart(&cx, &[("MUG", 1)]).await;
    let edit = SetLine { expected_version: Some(cart.version), ..set(cart.id, "MUG", 2) };
    assert_eq!(shop.orders.set_line(&cx, edit.clone()).await.map(|cart| cart.version), Ok(2));
    let late = shop.orders.set_line(&cx, edit).await.expect_err("late");
    assert_eq!((&late, late.kind()), (&Error::CartChanged { version: 2 }, Kind::Stale));
}

#[tokio::test]
async fn bad_lines_are_refused_and_nothing_is_written() {
    let shop = Shop::open().await;
    let cx = shop.guest();
    let cart = shop.cart(&cx, &[("MUG", 1)]).await;
    let dollars = Offer { prices: vec![Money::new(1, Currency::USD)], ..shop.offer("DOLLARS", 1) };
    shop.catalogue.sell(dollars);
    shop.catalogue.sell(shop.offer("GOLD", 100_000_000_000));
    let no_price = Error::NoPrice { sku: "DOLLARS".into(), currency: "EUR".into() };
    assert_eq!(shop.add(&cx, cart.id, "DOLLARS", 1).await, Err(no_price));
    assert_eq!(shop.add(&cx, cart.id, "NONE", 1).await, Err(Error::UnknownSku { sku: "NONE".into() }));
    assert_eq!(shop.add(&cx, cart.id, "GOLD", 2).await, Err(Error::AmountTooLarge {}));
    for (sku, quantity) in [("MUG", 0), ("MUG", -1), ("MUG", 1_000_001), ("MUG", 1_000_000), (" ", 1)] {
        let refused = shop.add(&cx, cart.id, sku, quantity).await.expect_err("bad");
        assert_eq!(refused.kind(), Kind::Invalid, "{sku:?} {quantity}");
    }
    assert_eq!(shop.orders.set_line(&cx, set(cart.id, "BOWL", 1)).await, Err(Error::UnknownLine {}));
    let bad = CartChange { email: Some("nobody".into()), ..CartChange::default() };
    assert_eq!(shop.update(&cx, cart.id, bad).await.expect_err("bad").kind(), Kind::Invalid);
    assert_eq!(shop.get(&cx, cart.id).await, Ok(cart));
}

#[tokio::test]
async fn a_customer_has_one_cart() {
    let shop = Shop::open().await;
    let (id, cx) = shop.customer();
    assert_eq!(shop.orders.find_cart(&cx, FindCart {}).await, Ok(None));
    let first = shop.cart(&cx, &[("MUG", 1)]).await;
    let second = shop.cart(&cx, &[("BOWL", 1)]).await;
    assert_eq!((first.id, first.customer), (second.id, Some(id)));
    assert_eq!(skus(&second), [("MUG", 1), ("BOWL", 1)]);
    assert_eq!(shop.orders.find_cart(&cx, FindCart {}).await, Ok(Some(second.clone())));
    assert_eq!(shop.orders.find_cart(&shop.guest(), FindCart {}).await, Ok(None));

    shop.orders.remove_cart(&cx, CartRef { cart: second.id }).await.expect("gone");
    shop.orders.remove_cart(&cx, CartRef { cart: second.id }).await.expect("gone already");
    assert_eq!(shop.orders.find_cart(&cx, FindCart {}).await, Ok(None));
    let third = shop.cart(&cx, &[]).await;
    assert_ne!(third.id, second.id);
    assert_eq!(shop.orders.find_cart(&cx, FindCart {}).await, Ok(Some(third)));
}

#[tokio::test]
async fn twenty_first_carts_of_one_customer_at_once_are_one() {
    let shop = Arc::new(Shop::open().await);
    let (_, cx) = shop.customer();
    let opened = (0..20).map(|_| {
        let (shop, cx) = (Arc::clone(&shop), cx.clone());
        tokio::spawn(async move { shop.cart(&cx, &[("MUG", 1)]).await.id })
    });
    let mut ids: Vec<_> = join_all(opened).await.into_iter().map(|id| id.expect("no panic")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let cart = shop.get(&cx, ids[0]).await.expect("a cart");
    assert_eq!(skus(&cart), [("MUG", 20)]);
}

#[tokio::test]
async fn a_cart_may_change_its_currency_as_long_as_it_is_open() {
    let shop = Shop::open().await;
    let (_, cx) = shop.customer();
    let both = Offer { prices: vec![eur(100), Money::new(120, Currency::USD)], ..shop.offer("BOTH", 0) };
    shop.catalogue.sell(both);
    shop.cart(&cx, &[("BOTH", 1), ("MUG", 1)]).await;
    let new = NewCart { currency: Some(Currency::USD), lines: vec![], details: CartChange::default() };
    let cart = shop.orders.create_cart(&cx, new).await.expect("a cart");
    assert_eq!(cart.totals.total, Money::new(120, Currency::USD));
    assert_eq!(cart.lines.iter().map(|line| line.available).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn old_guest_carts_go_and_others_stay() {
    let shop = Shop::open().await;
    let (guest, (_, customer)) = (shop.guest(), shop.customer());
    let old = shop.cart(&guest, &[("MUG", 1)]).await;
    let own = shop.cart(&customer, &[("MUG", 1)]).await;
    let paying = shop.cart(&guest, &[("MUG", 1)]).await;
    shop.frozen(paying.id).await;
    shop.clock.advance(Duration::from_secs(29 * 24 * 60 * 60));
    let young = shop.cart(&shop.guest(), &[]).await;
    shop.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    assert_eq!(shop.orders.sweep(&shop.system()).await.map(|swept| swept.carts), Ok(1));
    assert_eq!(shop.get(&shop.guest(), old.id).await, Err(Error::UnknownCart {}));
    for (id, status) in
        [(own.id, CartStatus::Open), (paying.id, CartStatus::Paying), (young.id, CartStatus::Open)]
    {
        assert_eq!(shop.get(&shop.system(), id).await.map(|cart| cart.status), Ok(status));
    }
}

#[tokio::test]
async fn notes_and_addresses_are_kept_until_they_are_changed() {
    let shop = Shop::open().await;
    let cx = shop.guest();
    let cart = shop.cart(&cx, &[]).await;
    let note = |text: &str| CartChange { note: Some(text.into()), ..CartChange::default() };
    shop.update(&cx, cart.id, note("ring twice")).await.expect("changed");
    let moved = CartChange { shipping_address: Some(address("FR")), ..CartChange::default() };
    let changed = shop.update(&cx, cart.id, moved).await.expect("changed");
    assert_eq!(
        (changed.note.as_deref(), changed.shipping_address),
        (Some("ring twice"), Some(address("FR")))
    );
    assert_eq!(changed.email, ready().email.map(|email| email.to_lowercase()));
    let blank = shop.update(&cx, cart.id, note(" ")).await.expect("changed");
    assert_eq!(blank.note, None);
    let noted = shoal_contract::orders::LineBody { note: Some("blue bow".into()), ..line("MUG", 1) };
    let add = shoal_contract::orders::AddLine { cart: cart.id, line: noted };
    shop.orders.add_line(&cx, add).await.expect("added");
    let more = shop.add(&cx, cart.id, "MUG", 1).await.expect("added");
    assert_eq!(more.lines[0].note.as_deref(), Some("blue bow"));
}
