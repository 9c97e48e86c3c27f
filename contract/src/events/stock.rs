use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::products::{ProductId, VariantId};

/// Few pieces of a variant are left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductStockLow {
    /// What it is a variant of.
    pub product: ProductId,
    /// The variant.
    pub variant: VariantId,
    /// Its stock keeping unit.
    pub sku: String,
    /// Pieces that can be sold after the change; 0 if it took the last ones at once.
    pub available: i64,
    /// Pieces from which on it counts as low.
    pub threshold: i64,
}

/// No piece of a variant is left to sell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductOutOfStock {
    /// What it is a variant of.
    pub product: ProductId,
    /// The variant.
    pub variant: VariantId,
    /// Its stock keeping unit.
    pub sku: String,
}

/// A variant of which there was nothing can be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProductBackInStock {
    /// What it is a variant of.
    pub product: ProductId,
    /// The variant.
    pub variant: VariantId,
    /// Its stock keeping unit.
    pub sku: String,
    /// Pieces that can be sold after the change.
    pub available: i64,
}
