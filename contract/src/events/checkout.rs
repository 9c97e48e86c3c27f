use serde::{Deserialize, Serialize};
use shoal_types::Money;
use utoipa::ToSchema;

use crate::orders::{Quote, QuoteLine};
use crate::products::{ProductId, VariantId};
use crate::users::UserId;

/// A purchase ended undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckoutFailed {
    /// Why: a stable code, with a page in `docs/errors`.
    pub code: String,
    /// Who wanted to buy; absent for a guest, and if it ended before that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<UserId>,
    /// What it would have come to; absent if it ended before that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
    /// What would have been bought; empty if it ended before that was known.
    #[serde(default)]
    pub lines: Vec<WantedLine>,
}

impl CheckoutFailed {
    /// What is told of a purchase that ended with the error `code`, and would have been `quote`.
    pub fn of(code: &str, quote: Option<&Quote>) -> Self {
        Self {
            code: code.to_owned(),
            customer: quote.and_then(|quote| quote.customer),
            total: quote.map(|quote| quote.totals.total),
            lines: quote.map_or_else(Vec::new, |quote| quote.lines.iter().map(WantedLine::from).collect()),
        }
    }
}

/// Pieces that somebody wanted to buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WantedLine {
    /// The product.
    pub product: ProductId,
    /// The variant.
    pub variant: VariantId,
    /// Stock keeping unit.
    pub sku: String,
    /// Pieces.
    pub quantity: i64,
}

impl From<&QuoteLine> for WantedLine {
    fn from(line: &QuoteLine) -> Self {
        Self { product: line.product, variant: line.variant, sku: line.sku.clone(), quantity: line.quantity }
    }
}
