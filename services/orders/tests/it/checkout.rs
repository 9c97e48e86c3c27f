use shoal_contract::checkout::order_of;
use shoal_contract::orders::{
    CancelOrder, CartChange, CartRef, CartStatus, Error, FreezeCart, MarkPaid, OrderStatus, Orders as _,
    QuoteRequest,
};
use shoal_types::{Currency, Fact, Kind, Money};

use crate::shop::{Shop, address, checkout, eur, line, payment};

#[tokio::test]
async fn a_frozen_cart_refuses_edits_until_it_is_thawed() {
    let shop = Shop::open().await;
    let cx = shop.guest();
    let cart = shop.cart(&cx, &[("MUG", 1)]).await;
    let freeze = shop.freeze(cart.id);
    let quote = shop.orders.freeze_cart(&shop.system(), freeze.clone()).await.expect("frozen");
    assert_eq!((quote.cart, quote.totals.total), (Some(cart.id), eur(1999)));
    assert_eq!(
        shop.orders.freeze_cart(&shop.system(), freeze.clone()).await,
        Ok(quote),
        "freezing is idempotent"
    );

    let busy = Err(Error::CartBusy { checkout: freeze.checkout.to_string() });
    assert_eq!(shop.add(&cx, cart.id, "BOWL", 1).await, busy);
    assert_eq!(shop.update(&cx, cart.id, CartChange::default()).await, busy);
    assert_eq!(shop.orders.remove_cart(&cx, CartRef { cart: cart.id }).await, busy.map(drop));

    let stranger = FreezeCart { checkout: checkout(9), ..freeze.clone() };
    shop.orders.thaw_cart(&shop.system(), stranger).await.expect("nothing to thaw");
    assert!(shop.add(&cx, cart.id, "BOWL", 1).await.is_err(), "another checkout thaws nothing");
    for _ in 0..2 {
        shop.orders.thaw_cart(&shop.system(), freeze.clone()).await.expect("thawed");
    }
    assert!(shop.add(&cx, cart.id, "BOWL", 1).await.is_ok());
}

#[tokio::test]
async fn of_two_checkouts_of_one_cart_one_wins() {
    let shop = Shop::open().await;
    let cart = shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    let (first, second) = (shop.freeze(cart.id), shop.freeze(cart.id));
    let system = shop.system();
    let (one, two) = tokio::join!(
        shop.orders.freeze_cart(&system, first.clone()),
        shop.orders.freeze_cart(&system, second.clone()),
    );
    let (winner, loser) = if one.is_ok() { (first, two) } else { (second, one) };
    assert_eq!(loser, Err(Error::CartBusy { checkout: winner.checkout.to_string() }));
}

#[tokio::test]
async fn a_checkout_says_what_is_missing_and_gives_the_cart_back() {
    let shop = Shop::open().await;
    let cx = shop.guest();
    let empty = shop.cart(&cx, &[]).await;
    let freeze = async |cart| shop.orders.freeze_cart(&shop.system(), shop.freeze(cart)).await;
    let missing = |what: &str| Err(Error::CartIncomplete { missing: what.into() });
    assert_eq!(freeze(empty.id).await, Err(Error::CartEmpty {}));

    let bare = shop.orders.create_cart(
        &cx,
        shoal_contract::orders::NewCart {
            currency: None,
            lines: vec![line("MUG", 1)],
            details: CartChange::default(),
        },
    );
    let cart = bare.await.expect("a cart").id;
    assert_eq!(freeze(cart).await, missing("email"));
    let email = CartChange { email: Some("ada@example.com".into()), ..CartChange::default() };
    shop.update(&cx, cart, email).await.expect("it was given back");
    assert_eq!(freeze(cart).await, missing("shipping_address"));
    let there = CartChange { shipping_address: Some(address("DE")), ..CartChange::default() };
    shop.update(&cx, cart, there).await.expect("it was given back");

    shop.catalogue.withdraw("MUG");
    assert_eq!(freeze(cart).await, Err(Error::UnknownSku { sku: "MUG".into() }));
    assert_eq!(shop.get(&cx, cart).await.map(|cart| cart.status), Ok(CartStatus::Open));
    assert_eq!(freeze(shop.env.id()).await, Err(Error::UnknownCart {}));
}

#[tokio::test]
async fn a_sum_that_is_too_large_is_not_sold() {
    let shop = Shop::open().await;
    shop.catalogue.sell(shop.offer("GOLD", 60_000_000_000));
    shop.catalogue.sell(shop.offer("SILVER", 60_000_000_000));
    let cart = shop.cart(&shop.guest(), &[("GOLD", 1), ("SILVER", 1)]).await;
    let refused = shop.orders.freeze_cart(&shop.system(), shop.freeze(cart.id)).await;
    assert_eq!(refused, Err(Error::AmountTooLarge {}));
    shop.catalogue.sell(shop.offer("GOLD", i64::MAX));
    assert_eq!(shop.get(&shop.guest(), cart.id).await, Err(Error::AmountTooLarge {}));
    let set = shoal_contract::orders::SetLine {
        cart: cart.id,
        sku: "GOLD".into(),
        expected_version: None,
        change: shoal_contract::orders::LineChange { quantity: 0, note: None },
    };
    assert!(shop.orders.set_line(&shop.guest(), set).await.is_ok(), "it can still be taken out");
}

#[tokio::test]
async fn an_order_remembers_what_was_bought_when_the_product_changes() {
    let shop = Shop::open().await;
    let order = shop.placed(&shop.guest(), &[("MUG", 2)]).await;
    let mut other = shop.offer("MUG", 9999);
    other.title = "Another mug".into();
    shop.catalogue.sell(other);
    let read = shop.order(order.id).await;
    assert_eq!(read, order);
    let line = &read.lines[0];
    assert_eq!(
        (line.title.as_str(), line.choice.as_str(), line.unit_price),
        ("The mug", "Colour: Sand", Some(eur(1999)))
    );
    assert_eq!((read.totals.total, read.status, read.version), (eur(3998), OrderStatus::Placed, 1));
}

#[tokio::test]
async fn a_changed_price_after_freezing_changes_nothing() {
    let shop = Shop::open().await;
    let cart = shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    let create = shop.frozen(cart.id).await;
    shop.catalogue.sell(shop.offer("MUG", 1));
    let order = shop.orders.create_order(&shop.system(), create).await.expect("an order");
    assert_eq!(order.totals.total, eur(1999));
}

#[tokio::test]
async fn creating_twice_makes_one_order_and_closes_the_cart() {
    let shop = Shop::open().await;
    let cart = shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    let create = shop.frozen(cart.id).await;
    let system = shop.system();
    let (first, second) = tokio::join!(
        shop.orders.create_order(&system, create.clone()),
        shop.orders.create_order(&system, create.clone()),
    );
    let first = first.expect("an order");
    assert_eq!(second, Ok(first.clone()));
    assert_eq!(first.id, order_of(create.checkout));
    assert_eq!(shop.orders.create_order(&system, create).await, Ok(first));
    assert_eq!(shop.add(&shop.guest(), cart.id, "MUG", 1).await, Err(Error::CartOrdered {}));
    let all = shop.orders.list_orders(&system, Default::default()).await.expect("a page");
    assert_eq!(all.items.len(), 1);
}

#[tokio::test]
async fn nothing_is_ordered_from_a_cart_that_was_given_back() {
    let shop = Shop::open().await;
    let cart = shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    let create = shop.frozen(cart.id).await;
    let thaw = FreezeCart { cart: cart.id, checkout: create.checkout };
    shop.orders.thaw_cart(&shop.system(), thaw).await.expect("thawed");
    let refused = shop.orders.create_order(&shop.system(), create.clone()).await;
    assert_eq!(refused, Err(Error::CartChanged { version: 3 }));
    let unknown = shoal_contract::orders::OrderRef { order: order_of(create.checkout), token: None };
    assert_eq!(shop.orders.get_order(&shop.system(), unknown).await, Err(Error::UnknownOrder {}));
}

#[tokio::test]
async fn an_order_is_paid_once_and_exactly() {
    let shop = Shop::open().await;
    let order = shop.placed(&shop.guest(), &[("MUG", 1)]).await;
    let pay = payment(&order);
    let system = shop.system();
    for amount in [eur(1998), Money::new(1999, Currency::USD)] {
        let wrong = MarkPaid { amount, ..pay.clone() };
        let refused = shop.orders.mark_paid(&system, wrong).await.expect_err("not the sum");
        assert_eq!(refused.kind(), Kind::Invalid);
    }
    let (first, second) = tokio::join!(
        shop.orders.mark_paid(&system, pay.clone()),
        shop.orders.mark_paid(&system, pay.clone())
    );
    let paid = first.expect("paid");
    assert_eq!(second, Ok(paid.clone()));
    assert_eq!((paid.status, paid.paid, paid.version), (OrderStatus::Paid, eur(1999), 2));
    assert_eq!(shop.order(order.id).await, paid);
    let unknown = MarkPaid { order: shop.env.id(), ..pay };
    assert_eq!(shop.orders.mark_paid(&system, unknown).await, Err(Error::UnknownOrder {}));
}

#[tokio::test]
async fn a_cancelled_order_stays_cancelled() {
    let shop = Shop::open().await;
    let system = shop.system();
    for order in
        [shop.placed(&shop.guest(), &[("MUG", 1)]).await, shop.paid(&shop.guest(), &[("MUG", 1)]).await]
    {
        let cancel = CancelOrder { order: order.id, reason: Some("changed my mind".into()) };
        let cancelled = shop.orders.cancel_order(&system, cancel.clone()).await.expect("cancelled");
        assert_eq!((cancelled.status, cancelled.version), (OrderStatus::Cancelled, order.version + 1));
        assert_eq!(shop.orders.cancel_order(&system, cancel).await, Ok(cancelled));
        let late = shop.orders.mark_paid(&system, payment(&order)).await;
        assert_eq!(late, Err(Error::OrderState { status: "cancelled".into() }));
    }
}

#[tokio::test]
async fn lines_without_a_cart_are_quoted_and_summed() {
    let shop = Shop::open().await;
    let request = QuoteRequest {
        customer: None,
        currency: None,
        lines: vec![line("MUG", 1), line("EBOOK", 1), line("MUG", 2)],
        email: " Ada@Example.com ".into(),
        shipping_address: Some(address("DE")),
        billing_address: None,
        shipping_method: None,
        note: None,
    };
    let quote = shop.orders.quote(&shop.system(), request.clone()).await.expect("a quote");
    let lines: Vec<_> =
        quote.lines.iter().map(|line| (line.sku.as_str(), line.quantity, line.total)).collect();
    assert_eq!(lines, [("MUG", 3, eur(5997)), ("EBOOK", 1, eur(500))]);
    assert_eq!((quote.email.as_str(), quote.totals.total), ("ada@example.com", eur(6497)));
    assert_eq!(quote.billing_address, Some(address("DE")), "the bill goes where the goods go");

    let bad = QuoteRequest { lines: vec![line("MUG", 1), line("MUG", -5)], ..request.clone() };
    let refused = shop.orders.quote(&shop.system(), bad).await.expect_err("bad");
    assert_eq!(refused.violations()[0].field, "lines[1].quantity");

    let nobody = QuoteRequest { email: " ".into(), ..request.clone() };
    let missing = Error::CartIncomplete { missing: "email".into() };
    assert_eq!(shop.orders.quote(&shop.system(), nobody).await, Err(missing));

    let download = QuoteRequest { lines: vec![line("EBOOK", 1)], shipping_address: None, ..request };
    let quote = shop.orders.quote(&shop.system(), download).await.expect("nothing to ship");
    assert_eq!((quote.shipping_address, quote.shipping_method, quote.totals.shipping), (None, None, eur(0)));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let shop = Shop::open().await;
    let order = shop.paid(&shop.guest(), &[("MUG", 1), ("BOWL", 2)]).await;
    let shop = shop.reopened().await;
    assert_eq!(shop.order(order.id).await, order);
}
