//! Reading products and offers: from memory in a steady shop.

use std::collections::HashMap;
use std::sync::Arc;

use shoal_contract::products::{Error, LookUp, Offer, Product, ProductId, ProductRef, ProductStatus};
use shoal_types::{Context, Fault};

use crate::cache::Entry;
use crate::error::Stop;
use crate::house::{House, may_see};
use crate::store;

/// The most SKUs of one question.
const SKUS_MAX: usize = 1_000;

/// One product. One that the caller may not see does not exist for them.
pub(super) async fn get(house: &House, cx: &Context, which: ProductRef) -> Result<Arc<Product>, Error> {
    let entry = find(house, cx, &which).await?;
    let product = entry.map(|entry| Arc::clone(&entry.product));
    product.filter(|product| may_see(&cx.caller, product.status)).ok_or(Error::UnknownProduct {})
}

/// The product of a name, whatever its state.
pub(super) async fn find(
    house: &House,
    cx: &Context,
    which: &ProductRef,
) -> Result<Option<Arc<Entry>>, Stop> {
    house.hear(cx).await?;
    let slug = match which {
        ProductRef::Id(id) => return house.load_one(cx, *id).await,
        ProductRef::Slug(slug) => slug,
    };
    if let Some(entry) = house.cache.by_slug(slug) {
        return Ok(Some(entry));
    }
    let asked = slug.clone();
    let owners = house.db.read(cx, async move |tx| store::owners_of_slugs(tx, [asked.as_str()]).await).await;
    let Some((_, id)) = owners.map_err(Stop::Database)?.pop() else { return Ok(None) };
    let entry = house.load_one(cx, id).await?;
    house.cache.note_slug(slug, id);
    // Between the two reads the product may have been given another slug.
    Ok(entry.filter(|entry| entry.product.slug == *slug))
}

/// The offers of these SKUs, in their order.
pub(super) async fn look_up(
    house: &House,
    cx: &Context,
    asked: LookUp,
) -> Result<Vec<Option<Arc<Offer>>>, Error> {
    let entries = find_by_skus(house, cx, &asked.skus).await?;
    let offers = entries.into_iter().zip(&asked.skus).map(|(entry, sku)| {
        let entry = entry.filter(|entry| entry.product.status == ProductStatus::Active)?;
        entry.offer(sku).cloned()
    });
    Ok(offers.collect())
}

/// The products of these SKUs, in their order, whatever their state.
pub(super) async fn find_by_skus(
    house: &House,
    cx: &Context,
    skus: &[String],
) -> Result<Vec<Option<Arc<Entry>>>, Error> {
    if skus.len() > SKUS_MAX {
        return Err(Fault::invalid("skus", "too_long", "expected at most 1000 SKUs").into());
    }
    house.hear(cx).await?;
    let mut entries: Vec<Option<Arc<Entry>>> = skus.iter().map(|sku| house.cache.by_sku(sku)).collect();
    let missing: Vec<String> =
        skus.iter().zip(&entries).filter(|(_, entry)| entry.is_none()).map(|(sku, _)| sku.clone()).collect();
    if missing.is_empty() {
        return Ok(entries);
    }
    let owners = house
        .db
        .read(cx, async move |tx| store::owners_of_skus(tx, missing.iter().map(String::as_str)).await);
    let owners: HashMap<String, ProductId> = owners.await.map_err(Stop::Database)?.into_iter().collect();
    let loaded = house.load(cx, owners.values().copied()).await?;
    for (sku, id) in &owners {
        house.cache.note_sku(sku, *id);
    }
    for (entry, sku) in entries.iter_mut().zip(skus).filter(|(entry, _)| entry.is_none()) {
        // Between the two reads the product may have lost the SKU.
        let found = owners.get(sku).and_then(|id| loaded.get(id));
        *entry = found.filter(|found| found.offer(sku).is_some()).cloned();
    }
    Ok(entries)
}
