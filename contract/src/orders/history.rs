use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_types::{Money, Timestamp};

use super::{Discount, OrderStatus};
use crate::{Address, rules};

/// A past order from another system. Its sums are taken as they are; its lines need no product here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub struct PastOrder {
    /// Where it comes from: `completejourney`.
    #[garde(custom(rules::slug))]
    pub source: String,
    /// Its number there; with the source what it is found again by.
    #[garde(length(chars, max = 80), custom(rules::line))]
    pub number: String,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// The e-mail of a customer known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(custom(rules::email_opt))]
    pub email: Option<String>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Its lines, 1 to 5,000.
    #[garde(length(min = 1, max = 5_000), dive)]
    pub lines: Vec<PastLine>,
    /// Shipping, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping: Option<Money>,
    /// Where the goods went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(dive)]
    pub shipping_address: Option<Address>,
    /// Whatever else should be remembered: store, campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 2000), custom(rules::paragraphs_opt))]
    pub note: Option<String>,
    /// To follow the parcel by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(length(chars, max = 200), custom(rules::line_opt))]
    pub tracking: Option<String>,
}

/// A line of a past order. All amounts are in one currency; returns of goods are negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub struct PastLine {
    /// SKU there.
    #[garde(custom(rules::sku))]
    pub sku: String,
    /// Title there; the SKU if there was none.
    #[garde(length(chars, max = 300), custom(rules::line))]
    pub title: String,
    /// Pieces, or the unit sold there (fuel by the thousandth); may be 0 or negative.
    pub quantity: i64,
    /// Price of one, where it is a whole minor unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
    /// Price of all, before discounts.
    pub subtotal: Money,
    /// What was taken off, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(length(max = 20), dive)]
    pub discounts: Vec<Discount>,
}

/// Brings in past orders.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportOrders {
    /// At most 1,000.
    pub orders: Vec<PastOrder>,
    /// Check only.
    pub dry_run: bool,
}
