//! What the house says, and what it hears: its own changes, for the search index.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use shoal_contract::events::{
    CategoriesChanged, Data, PriceChange, ProductArchived, ProductBackInStock, ProductChanged,
    ProductCreated, ProductField, ProductOutOfStock, ProductPriceChanged, ProductStockLow, VariantName,
    kinds,
};
use shoal_contract::products::{Category, CategoryId, Product, ProductId, ProductStatus, Variant};
use shoal_queue::{Consumer, Event, Outgoing};
use shoal_types::{Context, Currency, Fault};
use uuid::Uuid;

use crate::house::House;
use crate::model::Crossing;
use crate::store::Told;

/// The category tree as an aggregate: there is one, and each change to it counts.
pub(crate) const TREE: CategoryId = CategoryId::from_digest([0; 16]);
/// Tells a product's prices as an aggregate from the product itself, whose versions have events of their own.
const PRICES: u128 = u64::from_be_bytes(*b"\0prices\0") as u128;

/// What is said of a product.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum ProductSaid {
    Created(ProductCreated),
    Changed(ProductChanged),
    Archived(ProductArchived),
    PriceChanged(ProductPriceChanged),
}

/// What is said of the stock of a variant.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum StockSaid {
    Low(ProductStockLow),
    Out(ProductOutOfStock),
    Back(ProductBackInStock),
}

/// A product is new.
pub(crate) fn created(product: &Product) -> Outgoing<ProductSaid> {
    let name = |variant: &Variant| VariantName { variant: variant.id, sku: variant.sku.clone() };
    let data = ProductCreated {
        slug: product.slug.clone(),
        status: product.status,
        title: product.title.clone(),
        variants: product.variants.iter().map(name).collect(),
    };
    said::<ProductCreated>(product, ProductSaid::Created(data))
}

/// A product is another than `old`: one event, and one more if prices are others too.
pub(crate) fn changed(old: &Product, product: &Product) -> Vec<Outgoing<ProductSaid>> {
    let (slug, status) = (product.slug.clone(), product.status);
    let first = if status == ProductStatus::Archived && old.status != ProductStatus::Archived {
        said::<ProductArchived>(product, ProductSaid::Archived(ProductArchived { slug, status }))
    } else {
        let data = ProductChanged { slug, status, changed: fields_changed(old, product) };
        said::<ProductChanged>(product, ProductSaid::Changed(data))
    };
    [Some(first), price_changed(old, product)].into_iter().flatten().collect()
}

fn said<D: Data>(product: &Product, data: ProductSaid) -> Outgoing<ProductSaid> {
    Outgoing::new(D::STORED, product.id, product.version, data)
}

fn fields_changed(old: &Product, new: &Product) -> Vec<ProductField> {
    let fields = [
        (ProductField::Slug, old.slug != new.slug),
        (ProductField::Title, old.title != new.title),
        (ProductField::Description, old.description != new.description),
        (ProductField::Brand, old.brand != new.brand),
        (ProductField::Category, old.category_path.last() != new.category_path.last()),
        (ProductField::Status, old.status != new.status),
        (ProductField::TaxCategory, old.tax_category != new.tax_category),
        (ProductField::Options, old.options != new.options),
        (ProductField::Variants, old.variants != new.variants),
        (ProductField::Images, old.images != new.images),
        (ProductField::Attributes, old.attributes != new.attributes),
    ];
    fields.into_iter().filter(|(_, other)| *other).map(|(field, _)| field).collect()
}

/// Variants that both have, at other prices. The prices of a product are an aggregate of their own, so that this event
/// and the one of the product's own change can be said of one version.
fn price_changed(old: &Product, new: &Product) -> Option<Outgoing<ProductSaid>> {
    let before: BTreeMap<_, _> = old.variants.iter().map(|variant| (variant.id, variant)).collect();
    let change = |now: &Variant| {
        let then = before.get(&now.id).filter(|then| by_currency(then) != by_currency(now))?;
        let (old, new) = (then.prices.clone(), now.prices.clone());
        Some(PriceChange { variant: now.id, sku: now.sku.clone(), old, new })
    };
    let variants: Vec<PriceChange> = new.variants.iter().filter_map(change).collect();
    if variants.is_empty() {
        return None;
    }
    Some(Outgoing {
        aggregate: Uuid::from_u128(new.id.uuid().as_u128() ^ PRICES),
        sequence: new.version,
        kind: ProductPriceChanged::STORED,
        subject: new.id.to_string(),
        data: ProductSaid::PriceChanged(ProductPriceChanged { slug: new.slug.clone(), variants }),
    })
}

fn by_currency(variant: &Variant) -> BTreeMap<Currency, i64> {
    variant.prices.iter().map(|price| (price.currency, price.amount)).collect()
}

/// The stock of a variant, of which `available` pieces can be sold now, has crossed a level.
pub(crate) fn stock(
    crossing: Crossing,
    told: &Told,
    available: i64,
    threshold: i64,
    sequence: u64,
) -> Outgoing<StockSaid> {
    let Told { product, variant, .. } = *told;
    let sku = told.sku.clone();
    let (kind, data) = match crossing {
        Crossing::Low => {
            let data = ProductStockLow { product, variant, sku, available, threshold };
            (ProductStockLow::STORED, StockSaid::Low(data))
        }
        Crossing::Out => {
            let data = ProductOutOfStock { product, variant, sku };
            (ProductOutOfStock::STORED, StockSaid::Out(data))
        }
        Crossing::Back => {
            let data = ProductBackInStock { product, variant, sku, available };
            (ProductBackInStock::STORED, StockSaid::Back(data))
        }
    };
    Outgoing::new(kind, variant, sequence, data)
}

/// The tree is at `version`; `changed` categories were there before.
pub(crate) fn categories_changed(version: u64, changed: &[Category]) -> Outgoing<CategoriesChanged> {
    let changed = changed.iter().map(|category| category.id).collect();
    Outgoing::new(CategoriesChanged::STORED, TREE, version, CategoriesChanged { changed })
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
                for category in event.decode::<CategoriesChanged>()?.changed {
                    self.house.index_category(cx, category).await?;
                }
            } else {
                products.push(ProductId::from_uuid(event.aggregate));
            }
        }
        products.sort_unstable();
        products.dedup();
        self.house.index_products(cx, products).await?;
        self.house.fresh.indexed(events);
        Ok(())
    }
}
