use serde::{Deserialize, Serialize};
use shoal_types::{Money, PageRequest};
use utoipa::ToSchema;

use super::Day;
use crate::products::ProductId;

/// The most days that sales can be asked for at a time.
pub const SALES_DAYS_MAX: i64 = 366;

/// What sales are summed by. Currencies are never summed up with one another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SalesGroup {
    /// A sum for each product.
    #[default]
    Product,
    /// A sum for each SKU of each product.
    Sku,
    /// A sum for each day.
    Day,
    /// One sum.
    Total,
}

/// What was sold, and what came back. Amounts are what buyers paid, with all taxes.
///
/// A sale counts for the day on which it was paid, a piece that came back or was cancelled for the day of that, money
/// that went back for the day on which it did; an imported order counts for the day it was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sales {
    /// The day, in the shop's time zone; only of sums by day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// The product; only of sums by product and by SKU. Absent there for what belongs to no product here: shipping, and
    /// imported lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// The SKU; only of sums by SKU. Empty for shipping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Pieces sold.
    pub units: i64,
    /// What was paid for them.
    pub gross: Money,
    /// Pieces that came back or were cancelled after they had been paid.
    pub units_back: i64,
    /// Money that went back. What was paid back without goods is spread over all of its order.
    pub refunded: Money,
    /// `gross` less `refunded`.
    pub net: Money,
}

/// Asks for a page of sales, ordered by what they are summed by and then by currency.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListSales {
    /// Which page.
    pub page: PageRequest,
    /// The first day; 29 days before `to` if absent.
    pub from: Option<Day>,
    /// The last day, at most 366 days in all; today if absent.
    pub to: Option<Day>,
    /// Only of this product.
    pub product: Option<ProductId>,
    /// What they are summed by.
    pub group: SalesGroup,
}

/// Asks for the sales figures to be made anew from the orders.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct RecountSales {}

/// How far the figures are made from the orders there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SalesRecount {
    /// Whether every order is counted. Until then figures of older orders may be missing, or of other days.
    pub done: bool,
}
