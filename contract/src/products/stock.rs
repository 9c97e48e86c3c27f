use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_types::{Id, Noun, PageRequest, Timestamp};
use utoipa::ToSchema;

use super::VariantId;
use crate::rules;

/// Marks the ids of stock movements.
#[derive(Debug)]
pub struct MovementNoun;

impl Noun for MovementNoun {
    const PREFIX: &'static str = "movement";
}

/// A movement's id.
pub type MovementId = Id<MovementNoun>;

/// Marks the keys of reservations.
#[derive(Debug)]
pub struct ReservationNoun;

impl Noun for ReservationNoun {
    const PREFIX: &'static str = "reservation";
}

/// A reservation's key: made by the caller, the same for each repeat.
pub type ReservationKey = Id<ReservationNoun>;

/// How much there is of a SKU, pieces. `available = on_hand - reserved`, never below 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stock {
    /// What is stocked.
    pub variant: VariantId,
    /// SKU.
    pub sku: String,
    /// Pieces in the house.
    pub on_hand: i64,
    /// Pieces held for open checkouts.
    pub reserved: i64,
    /// Pieces that can be sold.
    pub available: i64,
}

/// Why stock moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Goods came in.
    Receive,
    /// Goods were lost, broken or found.
    Correct,
    /// The shelf was counted.
    Count,
    /// Held for a checkout.
    Reserve,
    /// A hold became a sale.
    Confirm,
    /// A hold was given back.
    Release,
    /// A hold ran out.
    Expire,
    /// Sold goods came back.
    Restock,
}

/// One line of the ledger of a SKU. Lines are only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Movement {
    /// Id.
    pub id: MovementId,
    /// Why.
    pub kind: MovementKind,
    /// Change of `on_hand`, pieces.
    pub on_hand_change: i64,
    /// Change of `reserved`, pieces.
    pub reserved_change: i64,
    /// The reservation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation: Option<ReservationKey>,
    /// Said by staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Asks for a page of a SKU's ledger, newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListMovements {
    /// Which SKU.
    pub sku: String,
    /// Which page.
    pub page: PageRequest,
}

/// What to do with the stock of a SKU.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct Adjustment {
    /// How.
    pub change: StockChange,
    /// For the ledger.
    #[serde(default)]
    #[garde(length(chars, max = 500), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 500)]
    pub reason: Option<String>,
}

/// How stock is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockChange {
    /// Goods came in, pieces, 1 to 1,000,000,000.
    Receive(i64),
    /// More or fewer than thought, pieces, not 0. Never below what is held.
    Correct(i64),
    /// Counted on the shelf, pieces. Never below what is held.
    Count(i64),
}

/// Books a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdjustStock {
    /// Which SKU.
    pub sku: String,
    /// The change.
    pub adjustment: Adjustment,
}

/// A quantity of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLine {
    /// Which.
    pub variant: VariantId,
    /// Pieces, at least 1.
    pub quantity: i64,
}

/// Asks to hold stock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reserve {
    /// The same for each repeat.
    pub key: ReservationKey,
    /// What to hold, 1 to 1,000 lines; lines of one variant are summed.
    pub lines: Vec<StockLine>,
    /// When the hold runs out.
    pub expires_at: Timestamp,
}

/// Where a reservation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationState {
    /// Stock is held.
    Held,
    /// Stock is sold.
    Confirmed,
    /// Stock was given back.
    Released,
    /// Stock was given back because time ran out.
    Expired,
}

/// A hold on stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its key.
    pub key: ReservationKey,
    /// Where it is.
    pub state: ReservationState,
    /// What it holds, one line for each variant.
    pub lines: Vec<StockLine>,
    /// When the hold runs out.
    pub expires_at: Timestamp,
}

/// Names a reservation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ReservationRef {
    /// Its key.
    pub key: ReservationKey,
}

/// Books sold goods back in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Restock {
    /// The same for each repeat.
    pub key: ReservationKey,
    /// What came back.
    pub lines: Vec<StockLine>,
    /// For the ledger.
    pub reason: Option<String>,
}
