use serde::{Deserialize, Serialize};
use shoal_types::Money;
use utoipa::ToSchema;

use crate::orders::{FulfilmentId, Order, OrderLine, OrderStatus, ReturnId};
use crate::products::{ProductId, VariantId};
use crate::users::UserId;

/// What every event of an order tells of it, as it is after the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderFacts {
    /// For people, unique per source.
    pub number: String,
    /// Where the order is in its life.
    pub status: OrderStatus,
    /// Who bought; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<UserId>,
    /// What the order comes to, with shipping and taxes.
    pub total: Money,
}

/// A line of an order with what it is sold for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SoldLine {
    /// Place in the order, from 1.
    pub line: u32,
    /// The product; absent for imported lines without a product here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// The variant; absent as the product is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantId>,
    /// Stock keeping unit.
    pub sku: String,
    /// The product's title then.
    pub title: String,
    /// Pieces.
    pub quantity: i64,
    /// Price of one; absent where an imported one is no whole minor unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
    /// Price of all, less discounts.
    pub total: Money,
    /// Tax of the line.
    pub tax: Money,
    /// Whether the tax is within `total`; else it comes on top.
    #[serde(default)]
    pub tax_included: bool,
}

impl From<&OrderLine> for SoldLine {
    fn from(line: &OrderLine) -> Self {
        Self {
            line: line.line,
            product: line.product,
            variant: line.variant,
            sku: line.sku.clone(),
            title: line.title.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            total: line.total,
            tax: line.tax,
            tax_included: line.tax_included,
        }
    }
}

/// Pieces of a line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MovedLine {
    /// Place in the order, from 1.
    pub line: u32,
    /// The product; absent for imported lines without a product here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// The variant; absent as the product is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantId>,
    /// Stock keeping unit.
    pub sku: String,
    /// Pieces.
    pub quantity: i64,
    /// What these pieces cost, with the tax that came on top; only of goods that come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Money>,
}

impl MovedLine {
    /// `quantity` pieces of an order's line.
    pub fn of(line: &OrderLine, quantity: i64) -> Self {
        Self {
            line: line.line,
            product: line.product,
            variant: line.variant,
            sku: line.sku.clone(),
            quantity,
            value: None,
        }
    }
}

/// An order was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderPlaced {
    /// The order.
    #[serde(flatten)]
    pub order: OrderFacts,
    /// What was bought; empty in the oldest events.
    #[serde(default)]
    pub lines: Vec<SoldLine>,
    /// What shipping costs; absent in the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
}

impl OrderPlaced {
    /// What is told of an order that was made.
    pub fn of(order: &Order, facts: OrderFacts) -> Self {
        let lines = order.lines.iter().map(SoldLine::from).collect();
        Self { order: facts, lines, shipping: Some(order.totals.shipping) }
    }
}

/// The money of an order has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderPaid {
    /// The order.
    #[serde(flatten)]
    pub order: OrderFacts,
    /// What was paid; absent in the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
}

/// A parcel of an order was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderFulfilled {
    /// The order.
    #[serde(flatten)]
    pub order: OrderFacts,
    /// The parcel; how to follow it is in the order. Absent in the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfilment: Option<FulfilmentId>,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// What is in it; empty in the oldest events.
    #[serde(default)]
    pub lines: Vec<MovedLine>,
}

/// An order was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderCancelled {
    /// The order.
    #[serde(flatten)]
    pub order: OrderFacts,
    /// What is not bought after all; empty in the oldest events.
    #[serde(default)]
    pub lines: Vec<SoldLine>,
    /// What was paid for it, and goes back; 0 if it was not paid yet. Absent in the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Money>,
}

/// Goods of an order came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderReturned {
    /// The order.
    #[serde(flatten)]
    pub order: OrderFacts,
    /// The return; absent in the oldest events.
    #[serde(default, rename = "return", skip_serializing_if = "Option::is_none")]
    pub id: Option<ReturnId>,
    /// What came back, with its value; empty in the oldest events.
    #[serde(default)]
    pub lines: Vec<MovedLine>,
    /// What is owed for it: the value of the lines, but never more than the shop still has of the order's money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Money>,
    /// Whether the goods are sold again.
    #[serde(default)]
    pub restock: bool,
}

/// Money of an order went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderRefunded {
    /// The order.
    #[serde(flatten)]
    pub order: OrderFacts,
    /// What went back now; absent in the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// What went back of the order so far, this included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
    /// The return it is for; absent for a cancelled order, and where staff paid money back without goods.
    #[serde(default, rename = "return", skip_serializing_if = "Option::is_none")]
    pub id: Option<ReturnId>,
    /// The goods of that return.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<MovedLine>,
}

/// Staff wrote a note about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderNoted {
    /// The order.
    #[serde(flatten)]
    pub order: OrderFacts,
}

/// A past order was brought in from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderImported {
    /// The order.
    #[serde(flatten)]
    pub order: OrderFacts,
    /// Where it comes from; absent in the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}
