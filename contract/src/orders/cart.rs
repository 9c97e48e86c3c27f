use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_types::{Currency, Id, Money, Noun, PageRequest, Timestamp};
use utoipa::ToSchema;

use super::Totals;
use crate::users::UserId;
use crate::{Address, rules};

/// Marks the ids of carts.
#[derive(Debug)]
pub struct CartNoun;

impl Noun for CartNoun {
    const PREFIX: &'static str = "cart";
}

/// A cart's id. For a guest it is also the key to the cart: 74 random bits.
pub type CartId = Id<CartNoun>;

/// The largest quantity of a line, pieces.
pub const QUANTITY_MAX: i64 = 1_000_000;

/// Where a cart is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CartStatus {
    /// It can be changed.
    Open,
    /// A checkout is paying for it.
    Paying,
    /// It has become an order.
    Ordered,
    /// Its lines went into another cart.
    Merged,
}

/// A cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cart {
    /// Id.
    pub id: CartId,
    /// Where it is in its life.
    pub status: CartStatus,
    /// Whose; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<UserId>,
    /// What it is priced in.
    pub currency: Currency,
    /// The lines, in the order they were added.
    pub lines: Vec<CartLine>,
    /// For the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Where the confirmation goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// Where the bill goes; the shipping address if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Address>,
    /// The chosen shipping method's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_method: Option<String>,
    /// What it comes to at present.
    pub totals: Totals,
    /// Grows by one with each change; the `ETag`.
    pub version: u64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A line of a cart, at present prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CartLine {
    /// SKU; a cart has one line for each.
    pub sku: String,
    /// Pieces.
    pub quantity: i64,
    /// For the shop: an engraving, a wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it can still be bought in this currency; if not it adds nothing to the totals.
    pub available: bool,
    /// The product's title.
    pub title: String,
    /// The chosen options.
    pub choice: String,
    /// The product's slug.
    pub slug: String,
    /// The picture to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Price of one.
    pub unit_price: Money,
    /// Price of all.
    pub total: Money,
}

/// Opens a cart.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct NewCart {
    /// What it is priced in; the shop's currency if absent.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// First lines, at most 500.
    #[serde(default)]
    #[garde(length(max = 500), dive)]
    #[schema(max_items = 500)]
    pub lines: Vec<LineBody>,
    /// Note, e-mail, addresses, shipping method.
    #[serde(default)]
    #[garde(dive)]
    pub details: CartChange,
}

/// Names a cart.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CartRef {
    /// Which.
    pub cart: CartId,
}

/// Asks for the caller's own open cart.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FindCart {}

/// Which carts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CartState {
    /// Open, with goods in them and somebody to write to, and left alone for longer than `orders.abandoned_after`.
    Abandoned,
}

/// Asks for a page of carts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListCarts {
    /// Which page.
    pub page: PageRequest,
    /// Which carts.
    pub state: CartState,
}

/// Pieces of a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct LineBody {
    /// SKU.
    #[garde(custom(rules::sku))]
    #[schema(min_length = 1, max_length = 80)]
    pub sku: String,
    /// Pieces, 1 to 1,000,000.
    #[garde(range(min = 1, max = QUANTITY_MAX))]
    #[schema(minimum = 1, maximum = 1000000)]
    pub quantity: i64,
    /// For the shop.
    #[serde(default)]
    #[garde(length(chars, max = 1000), custom(rules::paragraphs_opt))]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// Adds pieces to a cart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddLine {
    /// Which cart.
    pub cart: CartId,
    /// What.
    pub line: LineBody,
}

/// What a line shall be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct LineChange {
    /// Pieces, 0 to 1,000,000; 0 removes the line.
    #[garde(range(min = 0, max = QUANTITY_MAX))]
    #[schema(minimum = 0, maximum = 1000000)]
    pub quantity: i64,
    /// For the shop; absent leaves it as it is.
    #[serde(default)]
    #[garde(length(chars, max = 1000), custom(rules::paragraphs_opt))]
    #[schema(max_length = 1000)]
    pub note: Option<String>,
}

/// Sets a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetLine {
    /// Which cart.
    pub cart: CartId,
    /// Which line.
    pub sku: String,
    /// Only if this is still the cart's version (`If-Match`).
    pub expected_version: Option<u64>,
    /// What it shall be.
    pub change: LineChange,
}

/// What to change in a cart; absent fields stay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct CartChange {
    /// For the shop.
    #[serde(default)]
    #[garde(length(chars, max = 2000), custom(rules::paragraphs_opt))]
    #[schema(max_length = 2000)]
    pub note: Option<String>,
    /// Where the confirmation goes.
    #[serde(default)]
    #[garde(custom(rules::email_opt))]
    #[schema(format = Email, max_length = 254)]
    pub email: Option<String>,
    /// Where the goods go.
    #[serde(default)]
    #[garde(dive)]
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    #[serde(default)]
    #[garde(dive)]
    pub billing_address: Option<Address>,
    /// The chosen shipping method's code.
    #[serde(default)]
    #[garde(custom(rules::slug_opt))]
    #[schema(pattern = "^[a-z0-9]+(-[a-z0-9]+)*$", max_length = 120)]
    pub shipping_method: Option<String>,
}

/// Changes a cart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateCart {
    /// Which.
    pub cart: CartId,
    /// Only if this is still the version (`If-Match`).
    pub expected_version: Option<u64>,
    /// The change.
    pub change: CartChange,
}
