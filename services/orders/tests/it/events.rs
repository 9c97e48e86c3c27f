//! What the house tells of an order, read as its consumers read it.

use shoal_contract::events::{
    Data, MovedLine, OrderCancelled, OrderFulfilled, OrderPaid, OrderPlaced, OrderRefunded, OrderReturned,
};
use shoal_contract::orders::{
    CancelOrder, Fulfil, FulfilBody, LineQuantity, MarkRefunded, Order, OrderStatus, Orders as _,
    RecordReturn, ReturnBody,
};
use shoal_sql::params;

use crate::shop::{Shop, eur};

shoal_sql::statements! {
    mod sql {
        LAST_EVENT = "select kind, data from order_events where order_id = $1 order by sequence desc limit 1";
    }
}

/// What was told of the order last.
async fn told<D: Data>(shop: &Shop, order: &Order) -> D {
    let id = order.id;
    let read = async move |tx: &mut shoal_sql::ReadTx| {
        tx.find::<(String, String)>(sql::LAST_EVENT, params![id]).await
    };
    let (kind, data) = shop.orders.database().read(&shop.system(), read).await.expect("read").expect("told");
    assert_eq!(kind, D::STORED);
    serde_json::from_str(&data).expect("data of its type")
}

fn pieces(line: u32, quantity: i64) -> Vec<LineQuantity> {
    vec![LineQuantity { line, quantity }]
}

#[tokio::test]
async fn a_placed_order_tells_what_was_sold_for_how_much() {
    let shop = Shop::open().await;
    let (customer, cx) = shop.customer();
    let order = shop.placed(&cx, &[("MUG", 2), ("EBOOK", 1)]).await;
    let placed: OrderPlaced = told(&shop, &order).await;
    assert_eq!((placed.order.customer, placed.order.total), (Some(customer), order.totals.total));
    assert_eq!((placed.order.status, placed.shipping), (OrderStatus::Placed, Some(order.totals.shipping)));
    let lines: Vec<_> =
        placed.lines.iter().map(|line| (line.sku.as_str(), line.quantity, line.total)).collect();
    assert_eq!(lines, [("MUG", 2, eur(3998)), ("EBOOK", 1, eur(500))]);
    let mug = &placed.lines[0];
    assert_eq!((mug.product, mug.variant), (order.lines[0].product, order.lines[0].variant));
    assert_eq!((mug.unit_price, mug.title.as_str()), (Some(eur(1999)), "The mug"));
}

#[tokio::test]
async fn goods_and_money_are_told_as_they_go_and_come_back() {
    let shop = Shop::open().await;
    let (system, staff) = (shop.system(), shop.staff());
    let order = shop.paid(&shop.guest(), &[("MUG", 3)]).await;
    assert_eq!(told::<OrderPaid>(&shop, &order).await.amount, Some(order.totals.total));

    let body =
        FulfilBody { lines: pieces(1, 2), carrier: Some("Swift".into()), tracking: Some("SW-1".into()) };
    let sent = shop.orders.fulfil(&staff, Fulfil { order: order.id, body }).await.expect("sent");
    let parcel: OrderFulfilled = told(&shop, &order).await;
    assert_eq!(
        (parcel.order.status, parcel.fulfilment),
        (OrderStatus::PartlyFulfilled, Some(sent.fulfilments[0].id))
    );
    assert_eq!(
        (parcel.carrier.as_deref(), &parcel.lines[..]),
        (Some("Swift"), &[MovedLine::of(&order.lines[0], 2)][..])
    );

    let body = ReturnBody { lines: pieces(1, 1), reason: Some("chipped".into()), restock: true };
    let request = RecordReturn { id: shop.env.id(), order: order.id, body };
    let back = shop.orders.record_return(&system, request).await.expect("back");
    let returned: OrderReturned = told(&shop, &order).await;
    assert_eq!((returned.id, returned.refund, returned.restock), (Some(back.id), Some(eur(1999)), true));
    let mug = MovedLine { value: Some(eur(1999)), ..MovedLine::of(&order.lines[0], 1) };
    assert_eq!(returned.lines, [mug]);

    let key = back.id.to_string();
    let request = MarkRefunded { order: order.id, key, for_return: Some(back.id), amount: back.refund };
    shop.orders.mark_refunded(&system, request).await.expect("refunded");
    let refunded: OrderRefunded = told(&shop, &order).await;
    assert_eq!(
        (refunded.amount, refunded.refunded, refunded.id),
        (Some(eur(1999)), Some(eur(1999)), Some(back.id))
    );
    assert_eq!(refunded.lines, [MovedLine::of(&order.lines[0], 1)]);
}

#[tokio::test]
async fn a_cancelled_order_tells_what_is_not_bought_after_all() {
    let shop = Shop::open().await;
    let order = shop.paid(&shop.guest(), &[("MUG", 1), ("BOWL", 2)]).await;
    let cancel = CancelOrder { order: order.id, reason: None };
    shop.orders.cancel_order(&shop.system(), cancel).await.expect("cancelled");
    let cancelled: OrderCancelled = told(&shop, &order).await;
    assert_eq!((cancelled.order.status, cancelled.paid), (OrderStatus::Cancelled, Some(order.paid)));
    let lines: Vec<_> = cancelled.lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect();
    assert_eq!(lines, [("MUG", 1), ("BOWL", 2)]);
}
