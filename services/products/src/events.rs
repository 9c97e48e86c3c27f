//! What the house says, and what it hears: its own changes, for the search index.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shoal_contract::events::kinds;
use shoal_contract::products::{Category, CategoryId, Product, ProductId, ProductStatus};
use shoal_queue::{Consumer, Event, Outgoing};
use shoal_types::{Context, Fault};

use crate::house::House;

/// The category tree as an aggregate: there is one, and each change to it counts.
pub(crate) const TREE: CategoryId = CategoryId::from_digest([0; 16]);

/// What is said of a product.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ProductSaid {
    slug: String,
    status: ProductStatus,
}

/// What is said of the tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TreeSaid {
    /// Categories that were there before and have another title, slug or place now.
    changed: Vec<CategoryId>,
}

/// A product is new.
pub(crate) fn created(product: &Product) -> Outgoing<ProductSaid> {
    said(kinds::PRODUCT_CREATED, product)
}

/// A product is another than `old`.
pub(crate) fn changed(old: &Product, product: &Product) -> Outgoing<ProductSaid> {
    let archived = product.status == ProductStatus::Archived && old.status != ProductStatus::Archived;
    said(if archived { kinds::PRODUCT_ARCHIVED } else { kinds::PRODUCT_CHANGED }, product)
}

fn said(kind: &'static str, product: &Product) -> Outgoing<ProductSaid> {
    let data = ProductSaid { slug: product.slug.clone(), status: product.status };
    Outgoing::new(kind, product.id, product.version, data)
}

/// The tree is at `version`; `changed` categories were there before.
pub(crate) fn categories_changed(version: u64, changed: &[Category]) -> Outgoing<TreeSaid> {
    let changed = changed.iter().map(|category| category.id).collect();
    Outgoing::new(kinds::CATEGORIES_CHANGED, TREE, version, TreeSaid { changed })
}

/// Keeps the search index up to date.
pub(crate) struct SearchFeed {
    pub(crate) house: Arc<House>,
}

#[async_trait]
impl Consumer for SearchFeed {
    fn name(&self) -> &'static str {
        "products-search"
    }

    fn wants(&self, kind: &str) -> bool {
        let heard = [
            kinds::PRODUCT_CREATED,
            kinds::PRODUCT_CHANGED,
            kinds::PRODUCT_ARCHIVED,
            kinds::CATEGORIES_CHANGED,
        ];
        heard.contains(&kind)
    }

    async fn handle(&self, cx: &Context, events: &[Event]) -> Result<(), Fault> {
        let mut products: Vec<ProductId> = Vec::new();
        for event in events {
            if event.kind == kinds::CATEGORIES_CHANGED {
                // The event may come before the writer has forgotten the tree as it was.
                self.house.cache.forget_tree();
                for category in event.decode::<TreeSaid>()?.changed {
                    self.house.index_category(cx, category).await?;
                }
            } else {
                products.push(ProductId::from_uuid(event.aggregate));
            }
        }
        products.sort_unstable();
        products.dedup();
        self.house.index_products(cx, products).await
    }
}
