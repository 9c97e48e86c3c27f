use serde::{Deserialize, Serialize};
use shoal_types::{Currency, Money};
use utoipa::ToSchema;

use crate::Address;
use crate::products::{ProductId, VariantId};
use crate::users::UserId;

use super::{CartId, LineBody};
use crate::checkout::CheckoutId;

/// What a cart or order comes to. Exact: `total = subtotal - discount + shipping + tax_added`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// The lines before discounts.
    pub subtotal: Money,
    /// What is taken off.
    pub discount: Money,
    /// Shipping.
    pub shipping: Money,
    /// Tax on top of the prices.
    pub tax_added: Money,
    /// Tax within the prices.
    pub tax_included: Money,
    /// What is to be paid.
    pub total: Money,
    /// Tax by rate, in the order of category.
    pub taxes: Vec<TaxLine>,
}

/// The tax of one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxLine {
    /// Tax category.
    pub category: String,
    /// Basis points: 1900 is 19 %.
    pub rate_bp: u32,
    /// Whether it is within the prices.
    pub included: bool,
    /// What it is on; with an included tax the amount that holds it.
    pub base: Money,
    /// The tax.
    pub amount: Money,
}

/// What a checkout is about, priced and fixed: nothing that happens later changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The cart it is from, if any.
    pub cart: Option<CartId>,
    /// Who buys; absent for a guest.
    pub customer: Option<UserId>,
    /// Where the confirmation goes.
    pub email: String,
    /// The lines.
    pub lines: Vec<QuoteLine>,
    /// For the shop.
    pub note: Option<String>,
    /// Where the goods go; absent if nothing is shipped.
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    pub billing_address: Option<Address>,
    /// The shipping method's code; absent if nothing is shipped.
    pub shipping_method: Option<String>,
    /// What it comes to.
    pub totals: Totals,
}

/// A line of a quote, with all an order must remember.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteLine {
    /// What is stocked.
    pub variant: VariantId,
    /// What it belongs to.
    pub product: ProductId,
    /// SKU.
    pub sku: String,
    /// The product's slug.
    pub slug: String,
    /// The product's title.
    pub title: String,
    /// The chosen options.
    pub choice: String,
    /// The picture to show.
    pub image: Option<String>,
    /// For the shop.
    pub note: Option<String>,
    /// Pieces.
    pub quantity: i64,
    /// Price of one.
    pub unit_price: Money,
    /// Price of all.
    pub total: Money,
    /// Tax of the line, within or on top of `total`.
    pub tax: Money,
    /// Its rate, basis points.
    pub tax_rate_bp: u32,
    /// Whether the tax is within `total`.
    #[serde(default)]
    pub tax_included: bool,
    /// Whether it goes in a parcel.
    pub shippable: bool,
}

/// Freezes or thaws a cart for a checkout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FreezeCart {
    /// Which cart.
    pub cart: CartId,
    /// By which checkout.
    pub checkout: CheckoutId,
}

/// Lines to price without a cart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QuoteRequest {
    /// Who buys; absent for a guest.
    pub customer: Option<UserId>,
    /// What to price in; the shop's currency if absent.
    pub currency: Option<Currency>,
    /// What is bought; lines of one SKU are summed.
    pub lines: Vec<LineBody>,
    /// Where the confirmation goes.
    pub email: String,
    /// Where the goods go.
    pub shipping_address: Option<Address>,
    /// Where the bill goes.
    pub billing_address: Option<Address>,
    /// The shipping method's code.
    pub shipping_method: Option<String>,
    /// For the shop.
    pub note: Option<String>,
}
