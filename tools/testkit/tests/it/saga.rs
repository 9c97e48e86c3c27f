//! The purchase and what follows it, with every step spoiled in every way.

mod aftercare;
mod crash;
mod payment;
mod steps;
mod undo;

use shoal_contract::{orders, products};
use shoal_testkit::{Answer, Item, Mishap, Shop};

/// The six steps, by the call that each makes.
const STEPS: [&str; 6] = [
    "products.reserve",
    "provider.authorise",
    "orders.create_order",
    "products.confirm",
    "provider.capture",
    "orders.mark_paid",
];

/// The steps that may be refused, with the refusal and what the buyer is told.
fn refusals(mug: &Item) -> [(&'static str, Mishap, (u16, &'static str)); 5] {
    let too_low = products::Error::StockTooLow { sku: mug.sku.clone(), requested: 1, available: 0 };
    [
        ("products.reserve", Mishap::refused(too_low), (409, "stock_too_low")),
        ("provider.authorise", Mishap::Declined, (402, "payment_declined")),
        ("orders.create_order", Mishap::refused(orders::Error::CartOrdered {}), (409, "cart_ordered")),
        ("products.confirm", Mishap::refused(products::Error::ReservationGone {}), (409, "reservation_gone")),
        ("provider.capture", Mishap::Declined, (402, "payment_declined")),
    ]
}

fn assert_problem(answer: &Answer, expected: (u16, &str), when: &str) {
    assert_eq!((answer.status, &*answer.code()), expected, "{when}: {answer}");
}

/// The cart can be bought: whatever went wrong with it before is undone.
async fn assert_for_sale(shop: &Shop, cart: &str, when: &str) {
    let answer = shop.pay(cart).await;
    assert_eq!(answer.status, 201, "{when}: {answer}");
}
