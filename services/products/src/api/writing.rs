//! Writing products: adding, replacing, taking out of the shop.

use std::future::Future;
use std::sync::Arc;

use shoal_contract::products::{
    Error, NewProduct, Product, ProductRef, ProductStatus, ReplaceProduct, VariantId,
};
use shoal_queue::{append, append_all, once};
use shoal_sql::{ReadTx, Tx};
use shoal_types::{Context, Env, Fault, Role, Timestamp};

use super::catalogue;
use crate::error::{Stop, TRIES};
use crate::events;
use crate::house::House;
use crate::model::{self, Identity, Tree};
use crate::store::{self, Audience, NewMovement, NewRows};

/// Adds a product.
pub(super) async fn create(house: &House, cx: &Context, new: NewProduct) -> Result<Arc<Product>, Error> {
    cx.caller.require(Role::Staff)?;
    model::check_fit(&new)?;
    for _ in 0..TRIES {
        let (tree, env, new) = (house.tree(cx).await?, house.env.clone(), new.clone());
        let audience = house.audience();
        let fresh = Arc::clone(&house.fresh);
        let body = async move |tx: &mut Tx| {
            let product = add(tx, audience, &env, &tree, &new).await?;
            fresh.note(product.id.uuid(), product.version);
            Ok::<_, Stop>(product)
        };
        match once(&house.db, cx, &house.env, "create_product", body).await {
            Err(Stop::Overtaken) => house.cache.forget_tree(),
            result => return Ok(Arc::new(result?)),
        }
    }
    Err(Stop::Overtaken.into())
}

async fn add(
    tx: &mut Tx,
    audience: Audience,
    env: &Env,
    tree: &Tree,
    new: &NewProduct,
) -> Result<Product, Stop> {
    check_tree(tx, tree).await?;
    let path = match &new.category {
        Some(slug) => tree.path(tree.find(slug)?.id),
        None => Vec::new(),
    };
    let slug = free_slug(tx, new).await?;
    check_skus(tx, new, None).await?;
    let now = env.now();
    let identity = Identity { id: env.id(), version: 1, created_at: now, updated_at: now };
    let product = model::written(new.clone(), identity, slug, path, |_| env.id());
    let mut rows = NewRows::default();
    rows.add_product(&product, &first_goods(env, new, &product, now));
    rows.insert(tx).await?;
    append(tx, &events::created(&product), env).await?;
    store::tell(tx, audience, env, tree.version(), [product.id]).await?;
    Ok(product)
}

/// Replaces a product.
pub(super) async fn replace(
    house: &Arc<House>,
    cx: &Context,
    request: ReplaceProduct,
) -> Result<Arc<Product>, Error> {
    cx.caller.require(Role::Staff)?;
    model::check_fit(&request.product)?;
    let (house, cx) = (Arc::clone(house), cx.clone());
    finished(async move {
        for _ in 0..TRIES {
            let (tree, env, request) = (house.tree(&cx).await?, house.env.clone(), request.clone());
            let (id, audience) = (request.id, house.audience());
            let fresh = Arc::clone(&house.fresh);
            let body = async move |tx: &mut Tx| {
                let product = put(tx, audience, &env, &tree, &request).await?;
                fresh.note(product.id.uuid(), product.version);
                Ok::<_, Stop>(product)
            };
            let result = once(&house.db, &cx, &house.env, "replace_product", body).await;
            house.cache.forget(id);
            match result {
                Err(Stop::Overtaken) => house.cache.forget_tree(),
                result => return Ok(Arc::new(result?)),
            }
        }
        Err(Stop::Overtaken.into())
    })
    .await
}

async fn put(
    tx: &mut Tx,
    audience: Audience,
    env: &Env,
    tree: &Tree,
    request: &ReplaceProduct,
) -> Result<Product, Stop> {
    check_tree(tx, tree).await?;
    let new = &request.product;
    let record = store::load(tx, &[request.id]).await?.pop().ok_or(Error::UnknownProduct {})?;
    let old = record.into_product(tree);
    if request.expected_version.is_some_and(|expected| expected != old.version) {
        return Err(Error::ProductChanged { version: old.version }.into());
    }
    let path = match &new.category {
        Some(slug) => tree.path(tree.find(slug)?.id),
        None => Vec::new(),
    };
    let slug = match &new.slug {
        Some(slug) if *slug != old.slug => free_slug(tx, new).await?,
        _ => old.slug.clone(),
    };
    check_skus(tx, new, Some(&old)).await?;
    let now = env.now();
    let product = next(env, &old, new.clone(), slug, path, now);
    let received = first_goods(env, new, &product, now);
    store_next(tx, env, &old, &product, &received).await?;
    store::tell(tx, audience, env, tree.version(), [product.id]).await?;
    Ok(product)
}

/// The product `new` makes of `old`: its next version, with the ids of the variants whose SKUs it keeps.
pub(super) fn next(
    env: &Env,
    old: &Product,
    new: NewProduct,
    slug: String,
    path: Vec<shoal_contract::products::CategoryCrumb>,
    now: Timestamp,
) -> Product {
    let identity =
        Identity { id: old.id, version: old.version + 1, created_at: old.created_at, updated_at: now };
    model::written(new, identity, slug, path, |sku| {
        let kept = old.variants.iter().find(|variant| variant.sku == sku);
        kept.map_or_else(|| env.id(), |variant| variant.id)
    })
}

/// Stores the next version of a product, retires the variants that went, and tells of it.
pub(super) async fn store_next(
    tx: &mut Tx,
    env: &Env,
    old: &Product,
    product: &Product,
    received: &[NewMovement],
) -> Result<(), Stop> {
    let gone = gone(old, product);
    if store::retire(tx, &gone).await? != gone.len() {
        let sku = store::first_reserved(tx, &gone).await?.ok_or(Stop::Overtaken)?;
        return Err(Error::VariantInUse { sku }.into());
    }
    store::rewrite(tx, old, product, received).await?;
    append_all(tx, &events::changed(old, product), env).await?;
    Ok(())
}

/// The variants of `old` that `product` does not have.
pub(super) fn gone(old: &Product, product: &Product) -> Vec<VariantId> {
    let kept = |id: &VariantId| product.variants.iter().any(|variant| variant.id == *id);
    old.variants.iter().map(|variant| variant.id).filter(|id| !kept(id)).collect()
}

/// The goods that the variants of `product` bring which are new with it.
pub(super) fn first_goods(
    env: &Env,
    new: &NewProduct,
    product: &Product,
    now: Timestamp,
) -> Vec<NewMovement> {
    let pairs = new.variants.iter().zip(&product.variants);
    pairs
        .filter(|(new, _)| new.stock > 0)
        .map(|(new, variant)| NewMovement::received(env.id(), variant.id, new.stock, now))
        .collect()
}

/// Takes a product out of the shop.
pub(super) async fn archive(house: &Arc<House>, cx: &Context, which: ProductRef) -> Result<(), Error> {
    cx.caller.require(Role::Staff)?;
    let entry = catalogue::find(house, cx, &which).await?.ok_or(Error::UnknownProduct {})?;
    let id = entry.product.id;
    let (house, cx) = (Arc::clone(house), cx.clone());
    finished(async move {
        for _ in 0..TRIES {
            let (tree, env, audience) = (house.tree(&cx).await?, house.env.clone(), house.audience());
            let fresh = Arc::clone(&house.fresh);
            let body = async move |tx: &mut Tx| {
                check_tree(tx, &tree).await?;
                let record = store::load(tx, &[id]).await?.pop().ok_or(Error::UnknownProduct {})?;
                let old = record.into_product(&tree);
                if old.status == ProductStatus::Archived {
                    return Ok(());
                }
                let product = Product {
                    status: ProductStatus::Archived,
                    version: old.version + 1,
                    updated_at: env.now(),
                    ..old.clone()
                };
                store_next(tx, &env, &old, &product, &[]).await?;
                store::tell(tx, audience, &env, tree.version(), [id]).await?;
                fresh.note(id.uuid(), product.version);
                Ok(())
            };
            let result = house.db.write(&cx, body).await;
            house.cache.forget(id);
            match result {
                Err(Stop::Overtaken) => house.cache.forget_tree(),
                result => return Ok(result?),
            }
        }
        Err(Stop::Overtaken.into())
    })
    .await
}

/// Runs a use case to its end even if the caller goes away: what it wrote must be forgotten by the cache.
pub(super) async fn finished<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "a write of a product did not end");
            Err(Fault::Internal {}.into())
        }
    }
}

/// Passes if the tree is still the one that was read.
pub(super) async fn check_tree(tx: &mut ReadTx, tree: &Tree) -> Result<(), Stop> {
    if store::tree_version(tx).await? == tree.version() { Ok(()) } else { Err(Stop::Overtaken) }
}

/// The slug asked for, or one made from the title.
async fn free_slug(tx: &mut ReadTx, new: &NewProduct) -> Result<String, Stop> {
    let candidates = slugs_wanted(new);
    let owners = store::owners_of_slugs(tx, candidates.iter().map(String::as_str)).await?;
    let free = candidates.iter().find(|slug| !owners.iter().any(|(owned, _)| owned == *slug));
    match (free, candidates.last()) {
        (Some(free), _) => Ok(free.clone()),
        (None, last) => Err(Error::SlugTaken { slug: last.cloned().unwrap_or_default() }.into()),
    }
}

/// The slugs that would do, the best first.
pub(super) fn slugs_wanted(new: &NewProduct) -> Vec<String> {
    match &new.slug {
        Some(slug) => vec![slug.clone()],
        None => {
            let sku = new.variants.first().map_or("", |variant| variant.sku.as_str());
            model::slug_candidates(&new.title, sku).to_vec()
        }
    }
}

/// Passes if each SKU is free, or `old`'s own.
async fn check_skus(tx: &mut ReadTx, new: &NewProduct, old: Option<&Product>) -> Result<(), Stop> {
    let skus = new.variants.iter().map(|variant| variant.sku.as_str());
    let owners = store::owners_of_skus(tx, skus).await?;
    match owners.into_iter().find(|(_, owner)| old.is_none_or(|old| old.id != *owner)) {
        Some((sku, _)) => Err(Error::SkuTaken { sku }.into()),
        None => Ok(()),
    }
}
