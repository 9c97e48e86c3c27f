use serde::{Deserialize, Serialize};
use shoal_types::Money;
use utoipa::ToSchema;

use crate::products::{CategoryId, ProductStatus, VariantId};

/// A product is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductCreated {
    /// Unique name in addresses.
    pub slug: String,
    /// Where it is in its life.
    pub status: ProductStatus,
    /// Title; empty in the oldest events.
    #[serde(default)]
    pub title: String,
    /// What can be bought; empty in the oldest events.
    #[serde(default)]
    pub variants: Vec<VariantName>,
}

/// A variant by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VariantName {
    /// Id.
    pub variant: VariantId,
    /// Stock keeping unit, unique over the shop.
    pub sku: String,
}

/// A part of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductField {
    /// Its unique name in addresses.
    Slug,
    /// Its title.
    Title,
    /// Its text.
    Description,
    /// Its maker.
    Brand,
    /// Its category.
    Category,
    /// Where it is in its life.
    Status,
    /// Which tax rate applies.
    TaxCategory,
    /// What can be chosen.
    Options,
    /// What can be bought, prices included.
    Variants,
    /// Its pictures.
    Images,
    /// Its free attributes.
    Attributes,
}

/// A product was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductChanged {
    /// Unique name in addresses, as it is now.
    pub slug: String,
    /// Where it is in its life now.
    pub status: ProductStatus,
    /// What is other than before; empty in the oldest events.
    #[serde(default)]
    pub changed: Vec<ProductField>,
}

/// A product left the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductArchived {
    /// Unique name in addresses.
    pub slug: String,
    /// Where it is in its life: `archived`.
    pub status: ProductStatus,
}

/// Variants of a product have other prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductPriceChanged {
    /// The product's unique name in addresses.
    pub slug: String,
    /// The variants that have, and only these. One that is new or gone is none of them.
    pub variants: Vec<PriceChange>,
}

/// Prices of a variant, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PriceChange {
    /// Which.
    pub variant: VariantId,
    /// Its stock keeping unit.
    pub sku: String,
    /// What it cost, one price for each currency.
    pub old: Vec<Money>,
    /// What it costs now.
    pub new: Vec<Money>,
}

/// The category tree was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CategoriesChanged {
    /// Categories that were there before and have another title, slug or place now.
    pub changed: Vec<CategoryId>,
}
