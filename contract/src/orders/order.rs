use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_types::{Id, Money, Noun, PageRequest, Secret, Timestamp};
use utoipa::ToSchema;

use super::{CartId, Quote, Totals};
use crate::checkout::CheckoutId;
use crate::products::{ProductId, VariantId};
use crate::users::UserId;
use crate::{Address, rules};

/// Marks the ids of orders.
#[derive(Debug)]
pub struct OrderNoun;

impl Noun for OrderNoun {
    const PREFIX: &'static str = "order";
}

/// An order's id: the bits of its checkout's id, so that a checkout makes one order however often it is tried.
pub type OrderId = Id<OrderNoun>;

/// Marks the ids of parcels.
#[derive(Debug)]
pub struct FulfilmentNoun;

impl Noun for FulfilmentNoun {
    const PREFIX: &'static str = "fulfilment";
}

/// A parcel's id.
pub type FulfilmentId = Id<FulfilmentNoun>;

/// Marks the ids of returns.
#[derive(Debug)]
pub struct ReturnNoun;

impl Noun for ReturnNoun {
    const PREFIX: &'static str = "return";
}

/// A return's id.
pub type ReturnId = Id<ReturnNoun>;

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Made; the money is on its way.
    Placed,
    /// Paid; nothing was sent yet.
    Paid,
    /// Some of it was sent.
    PartlyFulfilled,
    /// All of it was sent.
    Fulfilled,
    /// Cancelled; money and stock went back.
    Cancelled,
    /// All of it came back.
    Returned,
}

impl OrderStatus {
    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::PartlyFulfilled => "partly_fulfilled",
            Self::Fulfilled => "fulfilled",
            Self::Cancelled => "cancelled",
            Self::Returned => "returned",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        use OrderStatus::*;
        [Placed, Paid, PartlyFulfilled, Fulfilled, Cancelled, Returned]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// Id.
    pub id: OrderId,
    /// For people, unique per source.
    pub number: String,
    /// `web` for a checkout here, else where it was imported from.
    pub source: String,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// Who bought; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<UserId>,
    /// Where the confirmation went; absent for imported orders without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The cart it was, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cart: Option<CartId>,
    /// What was bought, as it was then.
    pub lines: Vec<OrderLine>,
    /// For the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Address>,
    /// The shipping method's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_method: Option<String>,
    /// What it came to.
    pub totals: Totals,
    /// What was paid.
    pub paid: Money,
    /// What went back.
    pub refunded: Money,
    /// Parcels, oldest first.
    pub fulfilments: Vec<Fulfilment>,
    /// Returns, oldest first.
    pub returns: Vec<Return>,
    /// Grows by one with each change; the `ETag`.
    pub version: u64,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A line of an order: what was bought, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLine {
    /// Place in the order, from 1; its name in fulfilments and returns.
    pub line: u32,
    /// What is stocked; absent for imported lines without a product here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<VariantId>,
    /// What it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// SKU.
    pub sku: String,
    /// The product's title then.
    pub title: String,
    /// The chosen options.
    pub choice: String,
    /// The picture then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// For the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Pieces.
    pub quantity: i64,
    /// Price of one; absent where an imported one is no whole minor unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
    /// Price of all, before discounts.
    pub subtotal: Money,
    /// What was taken off, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// `subtotal` less the discounts.
    pub total: Money,
    /// Tax of the line.
    pub tax: Money,
    /// Its rate, basis points.
    pub tax_rate_bp: u32,
    /// Whether the tax is within `total`.
    #[serde(default)]
    pub tax_included: bool,
    /// Whether it goes in a parcel.
    pub shippable: bool,
    /// Pieces sent.
    pub fulfilled: i64,
    /// Pieces that came back.
    pub returned: i64,
}

/// Something taken off a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct Discount {
    /// Why: `loyalty`, `coupon`.
    #[garde(length(chars, max = 60), custom(rules::line))]
    pub kind: String,
    /// How much, positive.
    pub amount: Money,
}

/// A parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fulfilment {
    /// Id.
    pub id: FulfilmentId,
    /// What is in it.
    pub lines: Vec<LineQuantity>,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// To follow it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// When it was sent.
    pub at: Timestamp,
}

/// Goods that come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Return {
    /// Id.
    pub id: ReturnId,
    /// What comes back.
    pub lines: Vec<LineQuantity>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the goods are sold again.
    pub restock: bool,
    /// What is owed for them.
    pub refund: Money,
    /// Whether the money went back.
    pub refunded: bool,
    /// When it was booked.
    pub at: Timestamp,
}

/// Pieces of an order's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct LineQuantity {
    /// The line's place in the order.
    pub line: u32,
    /// Pieces, at least 1.
    #[garde(range(min = 1, max = super::QUANTITY_MAX))]
    #[schema(minimum = 1, maximum = 1000000)]
    pub quantity: i64,
}

/// Makes the order of a checkout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateOrder {
    /// The checkout; the order's id has the same bits.
    pub checkout: CheckoutId,
    /// SHA-256 of the token that lets a guest see it, over its text as the guest sends it.
    pub token_hash: Option<[u8; 32]>,
    /// What was bought, fixed.
    pub quote: Quote,
}

/// Notes a payment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MarkPaid {
    /// Which order.
    pub order: OrderId,
    /// How much.
    pub amount: Money,
    /// The provider's name for it.
    pub payment: String,
}

/// Cancels an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancelOrder {
    /// Which.
    pub order: OrderId,
    /// Why.
    pub reason: Option<String>,
}

/// Books goods as coming back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RecordReturn {
    /// The same for each repeat.
    pub id: ReturnId,
    /// Which order.
    pub order: OrderId,
    /// What comes back.
    pub body: ReturnBody,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct ReturnBody {
    /// The lines, at least one.
    #[garde(length(min = 1, max = 500), dive)]
    #[schema(min_items = 1, max_items = 500)]
    pub lines: Vec<LineQuantity>,
    /// Why.
    #[serde(default)]
    #[garde(length(chars, max = 500), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 500)]
    pub reason: Option<String>,
    /// Whether the goods are sold again.
    #[serde(default = "yes")]
    pub restock: bool,
}

fn yes() -> bool {
    true
}

/// Notes that money went back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MarkRefunded {
    /// Which order.
    pub order: OrderId,
    /// The same for each repeat: the refund's key at the provider.
    pub key: String,
    /// The return it is for, if any.
    pub for_return: Option<ReturnId>,
    /// How much.
    pub amount: Money,
}

/// Names an order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OrderRef {
    /// Which.
    pub order: OrderId,
    /// What a guest was given to see it by.
    pub token: Option<Secret>,
}

/// Asks for a page of orders, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListOrders {
    /// Which page.
    pub page: PageRequest,
    /// Only this customer's; a customer always gets their own.
    pub customer: Option<UserId>,
    /// Only in this state.
    pub status: Option<OrderStatus>,
    /// Only from this source.
    pub source: Option<String>,
    /// Only the order with this number.
    pub number: Option<String>,
    /// Only orders placed at or after this instant.
    pub placed_from: Option<Timestamp>,
    /// Only orders placed before this instant.
    pub placed_until: Option<Timestamp>,
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// Place in the order's history, from 1.
    pub sequence: u64,
    /// What: `order.placed`, `order.paid`, `order.noted`.
    pub kind: String,
    /// For people.
    pub message: String,
    /// When.
    pub at: Timestamp,
}

/// Books a parcel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fulfil {
    /// Which order.
    pub order: OrderId,
    /// The parcel.
    pub body: FulfilBody,
}

/// A parcel to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct FulfilBody {
    /// What is in it; all that is left if empty.
    #[serde(default)]
    #[garde(length(max = 500), dive)]
    #[schema(max_items = 500)]
    pub lines: Vec<LineQuantity>,
    /// Who carries it.
    #[serde(default)]
    #[garde(length(chars, max = 120), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 120)]
    pub carrier: Option<String>,
    /// To follow it by.
    #[serde(default)]
    #[garde(length(chars, max = 200), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 200)]
    pub tracking: Option<String>,
}

/// Writes a note for staff.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddNote {
    /// Which order.
    pub order: OrderId,
    /// The note.
    pub body: NoteBody,
}

/// A note for staff.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct NoteBody {
    /// The text.
    #[garde(length(chars, min = 1, max = 2000), custom(rules::paragraphs))]
    #[schema(min_length = 1, max_length = 2000)]
    pub message: String,
}
