use shoal_contract::orders::{
    CancelOrder, Error, Fulfil, FulfilBody, LineQuantity, Order, OrderStatus, Orders as _,
};
use shoal_types::{Fact, Kind};

use crate::shop::Shop;

fn parcel(order: &Order, lines: &[(u32, i64)]) -> Fulfil {
    let lines = lines.iter().map(|&(line, quantity)| LineQuantity { line, quantity }).collect();
    let body = FulfilBody { lines, carrier: Some("Swift".into()), tracking: Some("SW-1".into()) };
    Fulfil { order: order.id, body }
}

#[tokio::test]
async fn an_order_goes_out_in_several_parcels() {
    let shop = Shop::open().await;
    let staff = shop.staff();
    let order = shop.paid(&shop.guest(), &[("MUG", 3), ("BOWL", 1)]).await;

    let partly = shop.orders.fulfil(&staff, parcel(&order, &[(1, 1), (1, 1)])).await.expect("sent");
    assert_eq!((partly.status, partly.lines[0].fulfilled), (OrderStatus::PartlyFulfilled, 2));
    let too_many = Error::QuantityTooLarge { line: "MUG".into(), left: 1 };
    assert_eq!(shop.orders.fulfil(&staff, parcel(&order, &[(1, 2)])).await, Err(too_many));
    assert_eq!(shop.orders.fulfil(&staff, parcel(&order, &[(9, 1)])).await, Err(Error::UnknownLine {}));

    let whole = shop.orders.fulfil(&staff, parcel(&order, &[])).await.expect("the rest");
    assert_eq!((whole.status, whole.version), (OrderStatus::Fulfilled, 4));
    let parcels: Vec<Vec<_>> = whole
        .fulfilments
        .iter()
        .map(|parcel| parcel.lines.iter().map(|entry| (entry.line, entry.quantity)).collect())
        .collect();
    assert_eq!(parcels, [vec![(1, 2)], vec![(1, 1), (2, 1)]]);
    assert_eq!(shop.order(order.id).await, whole);
    let done = Error::OrderState { status: "fulfilled".into() };
    assert_eq!(shop.orders.fulfil(&staff, parcel(&order, &[])).await, Err(done));
}

#[tokio::test]
async fn nothing_is_sent_before_it_is_paid_or_after_it_was_cancelled() {
    let shop = Shop::open().await;
    let staff = shop.staff();
    let order = shop.placed(&shop.guest(), &[("MUG", 1)]).await;
    let refused = shop.orders.fulfil(&staff, parcel(&order, &[])).await;
    assert_eq!(refused, Err(Error::OrderState { status: "placed".into() }));
    let cancel = CancelOrder { order: order.id, reason: None };
    shop.orders.cancel_order(&shop.system(), cancel).await.expect("cancelled");
    let refused = shop.orders.fulfil(&staff, parcel(&order, &[])).await;
    assert_eq!(refused, Err(Error::OrderState { status: "cancelled".into() }));
}

#[tokio::test]
async fn nothing_is_cancelled_once_a_parcel_left() {
    let shop = Shop::open().await;
    let order = shop.paid(&shop.guest(), &[("MUG", 2)]).await;
    shop.orders.fulfil(&shop.staff(), parcel(&order, &[(1, 1)])).await.expect("sent");
    let cancel = CancelOrder { order: order.id, reason: None };
    let refused = shop.orders.cancel_order(&shop.system(), cancel).await;
    assert_eq!(refused, Err(Error::OrderState { status: "partly_fulfilled".into() }));
}

#[tokio::test]
async fn two_parcels_at_once_never_hold_more_than_was_ordered() {
    let shop = Shop::open().await;
    let staff = shop.staff();
    let order = shop.paid(&shop.guest(), &[("MUG", 3)]).await;
    let (one, two) = tokio::join!(
        shop.orders.fulfil(&staff, parcel(&order, &[(1, 2)])),
        shop.orders.fulfil(&staff, parcel(&order, &[(1, 2)])),
    );
    assert_eq!([one, two].iter().filter(|sent| sent.is_ok()).count(), 1);
    assert_eq!(shop.order(order.id).await.lines[0].fulfilled, 2);
}

#[tokio::test]
async fn bad_parcels_are_refused() {
    let shop = Shop::open().await;
    let order = shop.paid(&shop.guest(), &[("MUG", 1)]).await;
    for quantity in [0, -1] {
        let refused = shop.orders.fulfil(&shop.staff(), parcel(&order, &[(1, quantity)])).await;
        assert_eq!(refused.expect_err("bad").kind(), Kind::Invalid);
    }
    let unknown = Fulfil { order: shop.env.id(), ..parcel(&order, &[]) };
    assert_eq!(shop.orders.fulfil(&shop.staff(), unknown).await, Err(Error::UnknownOrder {}));
}
