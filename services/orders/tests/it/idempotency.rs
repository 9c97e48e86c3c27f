use shoal_contract::orders::{
    AddLine, AddNote, Error, Fulfil, FulfilBody, LineQuantity, NewCart, NoteBody, Orders as _,
};
use shoal_types::{Context, Fault, Idempotency};

use crate::shop::{Shop, line, ready, skus};

fn keyed(cx: &Context, key: &str, fingerprint: u8) -> Context {
    let idempotency = Some(Idempotency { key: key.into(), fingerprint: [fingerprint; 32] });
    Context { idempotency, ..cx.clone() }
}

#[tokio::test]
async fn a_repeated_request_happens_once() {
    let shop = Shop::open().await;
    let (guest, staff) = (keyed(&shop.guest(), "a", 1), keyed(&shop.staff(), "a", 1));
    let new = NewCart { currency: None, lines: vec![line("MUG", 2)], details: ready() };
    let cart = shop.orders.create_cart(&guest, new.clone()).await.expect("a cart");
    assert_eq!(shop.orders.create_cart(&guest, new.clone()).await, Ok(cart.clone()));
    let other = keyed(&shop.guest(), "a", 2);
    assert_eq!(shop.orders.create_cart(&other, new).await, Err(Error::Fault(Fault::IdempotencyKeyReused {})));

    let add = AddLine { cart: cart.id, line: line("MUG", 1) };
    for _ in 0..2 {
        let cart = shop.orders.add_line(&guest, add.clone()).await.expect("added");
        assert_eq!(skus(&cart), [("MUG", 3)]);
    }

    let order = shop.paid(&shop.guest(), &[("MUG", 2)]).await;
    let lines = vec![LineQuantity { line: 1, quantity: 1 }];
    let fulfil = Fulfil { order: order.id, body: FulfilBody { lines, carrier: None, tracking: None } };
    let sent = shop.orders.fulfil(&staff, fulfil.clone()).await.expect("sent");
    assert_eq!(shop.orders.fulfil(&staff, fulfil).await, Ok(sent));
    let note = AddNote { order: order.id, body: NoteBody { message: "hello".into() } };
    let noted = shop.orders.add_note(&staff, note.clone()).await.expect("noted");
    assert_eq!(shop.orders.add_note(&staff, note).await, Ok(noted));
    assert_eq!(shop.order(order.id).await.version, 4);
}
