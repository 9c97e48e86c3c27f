use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shoal_types::{Currency, Limit};
use utoipa::ToSchema;

use super::Product;

/// The order of search results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchSort {
    /// Best match first.
    #[default]
    Relevance,
    /// Cheapest first.
    PriceLow,
    /// Dearest first.
    PriceHigh,
    /// Newest first.
    Newest,
}

/// A search. Only active products are found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Search {
    /// What was typed, at most 200 characters; everything if empty.
    pub text: String,
    /// Only in this category or below it, by slug.
    pub category: Option<String>,
    /// Only of these makers.
    pub brands: Vec<String>,
    /// The currency of the price bounds and sorts; the shop's if absent.
    pub currency: Option<Currency>,
    /// Lowest price wanted, minor units.
    pub price_min: Option<i64>,
    /// Highest price wanted, minor units.
    pub price_max: Option<i64>,
    /// Order.
    pub sort: SearchSort,
    /// Results wanted.
    pub limit: Limit,
    /// Results to skip, at most 1,000.
    pub offset: u32,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchResults {
    /// The matches, best first.
    pub hits: Vec<SearchHit>,
    /// How many there are in all; a lower bound once it passes 1,000.
    pub total: u64,
    /// Whether words were left out because nothing matched them all.
    pub relaxed: bool,
    /// Counts of each value among all matches, most frequent first.
    pub facets: Vec<Facet>,
}

/// One match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// The product.
    pub product: Arc<Product>,
    /// The title as HTML text, matches within `<mark>`.
    pub title_html: String,
    /// A passage of the description as HTML text, matches within `<mark>`; absent if none matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_html: Option<String>,
}

/// The counts of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Facet {
    /// `brand`, `category`, or an option's name.
    pub field: String,
    /// The values, most frequent first, at most 50.
    pub values: Vec<FacetCount>,
}

/// How often a value occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetCount {
    /// The value; for categories the slugs from the root, `home/kitchen`.
    pub value: String,
    /// Products that have it.
    pub count: u64,
}
