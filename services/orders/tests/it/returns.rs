use shoal_contract::orders::{
    Error, Fulfil, FulfilBody, LineQuantity, MarkRefunded, Order, OrderStatus, Orders as _, RecordReturn,
    Return, ReturnBody, SetTaxRates, TaxRate,
};
use shoal_types::{Fact, Fault, Kind};

use crate::shop::{Shop, eur};

/// A paid order of which everything, or one mug, was sent; tax of 19 % on top.
async fn sent(shop: &Shop, lines: &[(&str, i64)], parcel: &[(u32, i64)]) -> Order {
    let rate = TaxRate {
        country: "DE".into(),
        region: None,
        category: "standard".into(),
        rate_bp: 1900,
        included: false,
    };
    shop.orders.set_tax_rates(&shop.staff(), SetTaxRates { tax_rates: vec![rate] }).await.expect("set");
    let order = shop.paid(&shop.guest(), lines).await;
    let body = FulfilBody { lines: entries(parcel), carrier: None, tracking: None };
    shop.orders.fulfil(&shop.staff(), Fulfil { order: order.id, body }).await.expect("sent")
}

fn entries(lines: &[(u32, i64)]) -> Vec<LineQuantity> {
    lines.iter().map(|&(line, quantity)| LineQuantity { line, quantity }).collect()
}

fn goods(shop: &Shop, order: &Order, lines: &[(u32, i64)]) -> RecordReturn {
    let body = ReturnBody { lines: entries(lines), reason: Some("too small".into()), restock: true };
    RecordReturn { id: shop.env.id(), order: order.id, body }
}

fn refund(order: &Order, goods: &Return) -> MarkRefunded {
    let key = goods.id.to_string();
    MarkRefunded { order: order.id, key, for_return: Some(goods.id), amount: goods.refund }
}

#[tokio::test]
async fn returning_all_in_steps_gives_back_what_the_lines_cost() {
    let shop = Shop::open().await;
    let system = shop.system();
    let order = sent(&shop, &[("MUG", 3), ("BOWL", 1)], &[]).await;
    assert_eq!(order.paid, eur(6997 + 1139 + 190));
    let mut sum = 0;
    for lines in [&[(1, 1)][..], &[(1, 1), (2, 1)], &[(1, 1)]] {
        let back = shop.orders.record_return(&system, goods(&shop, &order, lines)).await.expect("back");
        assert!(!back.refunded);
        sum += back.refund.amount;
        let after = shop.orders.mark_refunded(&system, refund(&order, &back)).await.expect("refunded");
        assert_eq!(after.refunded, eur(sum));
    }
    let after = shop.order(order.id).await;
    assert_eq!((after.status, after.refunded), (OrderStatus::Returned, after.paid));
    assert!(after.returns.iter().all(|back| back.refunded));
    assert_eq!(after.lines.iter().map(|line| line.returned).collect::<Vec<_>>(), [3, 1]);
}

#[tokio::test]
async fn only_what_was_sent_comes_back_and_only_once() {
    let shop = Shop::open().await;
    let system = shop.system();
    let order = sent(&shop, &[("MUG", 3)], &[(1, 2)]).await;
    let too_many = Error::QuantityTooLarge { line: "MUG".into(), left: 2 };
    assert_eq!(shop.orders.record_return(&system, goods(&shop, &order, &[(1, 3)])).await, Err(too_many));
    let unknown = shop.orders.record_return(&system, goods(&shop, &order, &[(2, 1)])).await;
    assert_eq!(unknown, Err(Error::UnknownLine {}));

    let request = goods(&shop, &order, &[(1, 2)]);
    let back = shop.orders.record_return(&system, request.clone()).await.expect("back");
    assert_eq!(shop.orders.record_return(&system, request).await, Ok(back), "the same return once more");
    let after = shop.order(order.id).await;
    assert_eq!((after.lines[0].returned, after.returns.len()), (2, 1));
    assert_eq!(after.status, OrderStatus::PartlyFulfilled, "one piece can still go out");
    let none_left = Error::QuantityTooLarge { line: "MUG".into(), left: 0 };
    assert_eq!(shop.orders.record_return(&system, goods(&shop, &order, &[(1, 1)])).await, Err(none_left));

    let unsent = shop.paid(&shop.guest(), &[("MUG", 1)]).await;
    let refused = shop.orders.record_return(&system, goods(&shop, &unsent, &[(1, 1)])).await;
    assert_eq!(refused, Err(Error::OrderState { status: "paid".into() }));
}

#[tokio::test]
async fn a_refund_counts_once_and_never_goes_above_what_was_paid() {
    let shop = Shop::open().await;
    let system = shop.system();
    let order = shop.paid(&shop.guest(), &[("MUG", 1)]).await;
    let part = MarkRefunded { order: order.id, key: "one".into(), for_return: None, amount: eur(1500) };
    for _ in 0..2 {
        let after = shop.orders.mark_refunded(&system, part.clone()).await.expect("refunded");
        assert_eq!((after.refunded, after.version), (eur(1500), 3));
    }
    let other_sum = MarkRefunded { amount: eur(1), ..part.clone() };
    let reused = shop.orders.mark_refunded(&system, other_sum).await;
    assert_eq!(reused, Err(Fault::IdempotencyKeyReused {}.into()));
    let too_much = MarkRefunded { key: "two".into(), amount: eur(500), ..part.clone() };
    assert_eq!(
        shop.orders.mark_refunded(&system, too_much).await.expect_err("too much").kind(),
        Kind::Invalid
    );
    let (rest, again) = (
        MarkRefunded { key: "three".into(), amount: eur(499), ..part.clone() },
        MarkRefunded { key: "four".into(), amount: eur(499), ..part },
    );
    let (one, two) =
        tokio::join!(shop.orders.mark_refunded(&system, rest), shop.orders.mark_refunded(&system, again));
    assert_eq!([&one, &two].iter().filter(|refund| refund.is_ok()).count(), 1);
    assert_eq!(shop.order(order.id).await.refunded, eur(1999));
}

#[tokio::test]
async fn a_return_is_owed_no_more_than_the_shop_still_has() {
    let shop = Shop::open().await;
    let system = shop.system();
    let order = sent(&shop, &[("BOWL", 2)], &[]).await;
    assert_eq!(order.paid, eur(2380));
    let goodwill =
        MarkRefunded { order: order.id, key: "goodwill".into(), for_return: None, amount: eur(1000) };
    shop.orders.mark_refunded(&system, goodwill).await.expect("refunded");
    let first = shop.orders.record_return(&system, goods(&shop, &order, &[(1, 1)])).await.expect("back");
    let second = shop.orders.record_return(&system, goods(&shop, &order, &[(1, 1)])).await.expect("back");
    assert_eq!((first.refund, second.refund), (eur(1190), eur(190)));
    assert_eq!(shop.order(order.id).await.status, OrderStatus::Returned);
}
