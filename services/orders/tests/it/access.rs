use std::collections::HashSet;

use sha2::{Digest, Sha256};
use shoal_contract::orders::{
    AddNote, CancelOrder, CartRef, CreateOrder, Error, Fulfil, FulfilBody, ListOrders, NoteBody, OrderRef,
    Orders as _, SetTaxRates,
};
use shoal_types::{Fact, Kind, Secret};

use crate::shop::{Shop, payment};

#[tokio::test]
async fn a_customers_cart_is_theirs_alone_and_a_guests_is_known_by_its_id() {
    let shop = Shop::open().await;
    let ((_, ada), (_, ben), staff) = (shop.customer(), shop.customer(), shop.staff());
    let adas = shop.cart(&ada, &[("MUG", 1)]).await;
    for stranger in [&ben, &shop.guest()] {
        assert_eq!(shop.get(stranger, adas.id).await, Err(Error::UnknownCart {}));
        assert_eq!(shop.add(stranger, adas.id, "MUG", 1).await, Err(Error::UnknownCart {}));
        assert_eq!(shop.orders.remove_cart(stranger, CartRef { cart: adas.id }).await, Ok(()));
    }
    assert_eq!(shop.get(&staff, adas.id).await, Ok(adas.clone()), "staff look, and nothing was removed");
    assert_eq!(
        shop.add(&staff, adas.id, "MUG", 1).await.expect_err("staff look only").kind(),
        Kind::Forbidden
    );

    let guests = shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    let touched = shop.add(&ben, guests.id, "BOWL", 1).await.expect("known by its id");
    assert_eq!(touched.customer, None, "it stays a guest's until it is merged");
}

#[tokio::test]
async fn an_order_is_seen_by_its_customer_its_token_and_staff() {
    let shop = Shop::open().await;
    let ((_, ada), (_, ben)) = (shop.customer(), shop.customer());
    let own = shop.placed(&ada, &[("MUG", 1)]).await;
    let see = async |cx: &_, order, token: Option<&str>| {
        let request = OrderRef { order, token: token.map(Secret::new) };
        let timeline = shop.orders.list_timeline(cx, request.clone()).await;
        let seen = shop.orders.get_order(cx, request).await;
        assert_eq!(timeline.is_ok(), seen.is_ok());
        seen.map(|order| order.number)
    };
    for allowed in [&ada, &shop.staff(), &shop.system()] {
        assert_eq!(see(allowed, own.id, None).await, Ok(own.number.clone()));
    }
    for stranger in [&ben, &shop.guest()] {
        assert_eq!(see(stranger, own.id, None).await, Err(Error::UnknownOrder {}));
        assert_eq!(see(stranger, own.id, Some("")).await, Err(Error::UnknownOrder {}));
    }

    let cart = shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    let token_hash = Some(Sha256::digest("the token").into());
    let create = CreateOrder { token_hash, ..shop.frozen(cart.id).await };
    let guests = shop.orders.create_order(&shop.system(), create).await.expect("an order");
    assert_eq!(see(&shop.guest(), guests.id, Some("the token")).await, Ok(guests.number));
    for wrong in [None, Some(""), Some("another"), Some("the token ")] {
        assert_eq!(see(&ada, guests.id, wrong).await, Err(Error::UnknownOrder {}), "{wrong:?}");
    }
}

#[tokio::test]
async fn customers_list_their_own_orders_and_staff_all() {
    let shop = Shop::open().await;
    let ((ada, adas), (_, bens)) = (shop.customer(), shop.customer());
    shop.placed(&adas, &[("MUG", 1)]).await;
    shop.placed(&bens, &[("MUG", 1)]).await;
    let list = async |cx: &_, customer| {
        let request = ListOrders { customer, ..ListOrders::default() };
        shop.orders.list_orders(cx, request).await.map(|page| page.items.len())
    };
    assert_eq!((list(&adas, None).await, list(&bens, Some(ada)).await), (Ok(1), Ok(1)));
    assert_eq!((list(&shop.staff(), None).await, list(&shop.staff(), Some(ada)).await), (Ok(2), Ok(1)));
    assert_eq!(list(&shop.guest(), None).await.expect_err("nobody").kind(), Kind::Unauthenticated);
    let request = ListOrders { customer: Some(ada), ..ListOrders::default() };
    let page = shop.orders.list_orders(&bens, request).await.expect("a page");
    assert_ne!(page.items[0].customer, Some(ada), "asking for another's gives one's own");
}

#[tokio::test]
async fn only_the_system_buys_and_only_staff_run_the_shop() {
    let shop = Shop::open().await;
    let (_, customer) = shop.customer();
    let order = shop.paid(&customer, &[("MUG", 1)]).await;
    let cart = shop.cart(&customer, &[("MUG", 1)]).await;
    let note = AddNote { order: order.id, body: NoteBody { message: "hello".into() } };
    let fulfil =
        Fulfil { order: order.id, body: FulfilBody { lines: vec![], carrier: None, tracking: None } };
    for (cx, kind) in
        [(shop.guest(), Kind::Unauthenticated), (customer, Kind::Forbidden), (shop.staff(), Kind::Forbidden)]
    {
        let cancel = CancelOrder { order: order.id, reason: None };
        let mut kinds = HashSet::from([
            shop.orders.freeze_cart(&cx, shop.freeze(cart.id)).await.map(drop).expect_err("system").kind(),
            shop.orders.mark_paid(&cx, payment(&order)).await.map(drop).expect_err("system").kind(),
            shop.orders.cancel_order(&cx, cancel).await.map(drop).expect_err("system").kind(),
        ]);
        if !cx.caller.has(shoal_types::Role::Staff) {
            let rates = SetTaxRates { tax_rates: vec![] };
            kinds.insert(shop.orders.set_tax_rates(&cx, rates).await.map(drop).expect_err("staff").kind());
            kinds.insert(shop.orders.add_note(&cx, note.clone()).await.map(drop).expect_err("staff").kind());
            kinds.insert(shop.orders.fulfil(&cx, fulfil.clone()).await.map(drop).expect_err("staff").kind());
        }
        assert_eq!(kinds, HashSet::from([kind]));
    }
    assert_eq!(shop.order(order.id).await, order);
}
