use serde::{Deserialize, Serialize};
use shoal_types::{Currency, Timestamp};
use utoipa::ToSchema;

use crate::users::UserId;

/// A cart was left with goods in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartAbandoned {
    /// Whose; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<UserId>,
    /// What it is priced in.
    pub currency: Currency,
    /// What is in it; what it costs changes with the prices.
    pub lines: Vec<CartPieces>,
    /// When it was last changed.
    pub left_at: Timestamp,
}

/// Pieces in a cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartPieces {
    /// Stock keeping unit.
    pub sku: String,
    /// Pieces.
    pub quantity: i64,
}
