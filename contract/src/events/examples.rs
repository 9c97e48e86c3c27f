//! Data as it may look: for the pages on events, and for whoever tries out what they built.

use serde_json::Value;
use shoal_types::{Currency, Id, Money, Noun, Role, Timestamp};

use super::*;
use crate::orders::OrderStatus;
use crate::products::ProductStatus;

/// Data that has an example.
pub(super) trait Example: Data {
    fn example() -> Self;
}

/// The example of `T` as JSON.
pub(super) fn of<T: Example>() -> Value {
    serde_json::to_value(T::example()).expect("the data of events is JSON")
}

/// An id that is always the same.
fn id<T: Noun>(number: u8) -> Id<T> {
    let mut bits = [1; 16];
    bits[15] = number;
    Id::from_digest(bits)
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

/// 2026-05-03, 10:12 UTC.
fn moment() -> Timestamp {
    Timestamp::from_micros(1_777_803_120_000_000)
}

fn order(status: OrderStatus) -> OrderFacts {
    OrderFacts { number: "S-ZN67-JAFZ".to_owned(), status, customer: Some(id(1)), total: eur(4488) }
}

fn sold() -> Vec<SoldLine> {
    vec![SoldLine {
        line: 1,
        product: Some(id(2)),
        variant: Some(id(3)),
        sku: "MUG-SAND".to_owned(),
        title: "Mug".to_owned(),
        quantity: 2,
        unit_price: Some(eur(1999)),
        total: eur(3998),
        tax: eur(638),
        tax_included: true,
    }]
}

fn moved(quantity: i64, value: Option<Money>) -> Vec<MovedLine> {
    vec![MovedLine {
        line: 1,
        product: Some(id(2)),
        variant: Some(id(3)),
        sku: "MUG-SAND".to_owned(),
        quantity,
        value,
    }]
}

macro_rules! examples {
    ($($data:ident $fields:tt)+) => {
        $(impl Example for $data {
            fn example() -> Self {
                $data $fields
            }
        })+
    };
}

examples! {
    UserRegistered { role: Role::Customer, by: OpenedBy::User }
    UserChanged { role: Role::Customer, changed: vec![UserField::Name, UserField::Phone] }
    UserDeleted { role: Role::Customer }
    UserPasswordResetRequested { expires_at: moment() }
    ProductCreated {
        slug: "mug".to_owned(),
        status: ProductStatus::Active,
        title: "Mug".to_owned(),
        variants: vec![VariantName { variant: id(3), sku: "MUG-SAND".to_owned() }],
    }
    ProductChanged {
        slug: "mug".to_owned(),
        status: ProductStatus::Active,
        changed: vec![ProductField::Title, ProductField::Variants],
    }
    ProductArchived { slug: "mug".to_owned(), status: ProductStatus::Archived }
    ProductPriceChanged {
        slug: "mug".to_owned(),
        variants: vec![PriceChange {
            variant: id(3),
            sku: "MUG-SAND".to_owned(),
            old: vec![eur(1999)],
            new: vec![eur(1799)],
        }],
    }
    ProductStockLow {
        product: id(2),
        variant: id(3),
        sku: "MUG-SAND".to_owned(),
        available: 4,
        threshold: 5,
    }
    ProductOutOfStock { product: id(2), variant: id(3), sku: "MUG-SAND".to_owned() }
    ProductBackInStock { product: id(2), variant: id(3), sku: "MUG-SAND".to_owned(), available: 12 }
    CategoriesChanged { changed: vec![id(4)] }
    OrderPlaced { order: order(OrderStatus::Placed), lines: sold(), shipping: Some(eur(490)) }
    OrderPaid { order: order(OrderStatus::Paid), amount: Some(eur(4488)) }
    OrderFulfilled {
        order: order(OrderStatus::Fulfilled),
        fulfilment: Some(id(5)),
        carrier: Some("DHL".to_owned()),
        lines: moved(2, None),
    }
    OrderCancelled { order: order(OrderStatus::Cancelled), lines: sold(), paid: Some(eur(4488)) }
    OrderReturned {
        order: order(OrderStatus::Fulfilled),
        id: Some(id(6)),
        lines: moved(1, Some(eur(1999))),
        refund: Some(eur(1999)),
        restock: true,
    }
    OrderRefunded {
        order: order(OrderStatus::Fulfilled),
        amount: Some(eur(1999)),
        refunded: Some(eur(1999)),
        id: Some(id(6)),
        lines: moved(1, None),
    }
    OrderNoted { order: order(OrderStatus::Paid) }
    OrderImported { order: order(OrderStatus::Fulfilled), source: Some("old-shop".to_owned()) }
    CartAbandoned {
        customer: Some(id(1)),
        currency: Currency::EUR,
        lines: vec![CartPieces { sku: "MUG-SAND".to_owned(), quantity: 2 }],
        left_at: moment(),
    }
    CheckoutFailed {
        code: "payment_declined".to_owned(),
        customer: Some(id(1)),
        total: Some(eur(4488)),
        lines: vec![WantedLine { product: id(2), variant: id(3), sku: "MUG-SAND".to_owned(), quantity: 2 }],
    }
}
