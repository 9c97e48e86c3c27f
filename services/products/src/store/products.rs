//! Products, and the claims that make their slugs and SKUs unique.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_contract::products::{CategoryId, Product, ProductId, Variant};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};

use super::words::{status, status_word};
use super::{NewMovement, NewRows};
use crate::error::Stop;
use crate::model::{Tree, lowest_prices};

shoal_sql::statements! {
    pub(crate) mod sql {
        LOAD_PRODUCTS = include_str!("load_products.sql");
        SCAN_ACTIVE = include_str!("scan_active.sql");
        OWNERS_OF_SLUGS = "select slug, product_id from slugs where slug in {in}";
        OWNERS_OF_SKUS = "select sku, product_id from skus where sku in {in}";
        REWRITE_PRODUCT = include_str!("rewrite_product.sql");
        GIVE_UP_SLUG = "delete from slugs where slug = $1";
        GIVE_UP_SKUS = "delete from skus where sku in (values {rows:text})";
        LEAVE_CATEGORIES = "delete from product_categories
            where (category_id, status, product_id) in (values {rows:uuid,text,uuid})";
        FORGET_LOWEST_PRICES = "delete from lowest_prices where product_id = $1";
    }
}

/// A product as stored: its categories are known by the last one's id.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    product: Product,
    category: Option<CategoryId>,
}

impl Record {
    pub(crate) fn id(&self) -> ProductId {
        self.product.id
    }

    /// The product, with its way through `tree`.
    pub(crate) fn into_product(self, tree: &Tree) -> Product {
        let category_path = self.category.map(|category| tree.path(category)).unwrap_or_default();
        Product { category_path, ..self.product }
    }
}

impl FromRow for Record {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let product = Product {
            id: row.get(0)?,
            slug: row.get(1)?,
            title: row.get(2)?,
            description: row.get(3)?,
            brand: row.get(4)?,
            category_path: Vec::new(),
            status: status(row, 6)?,
            tax_category: row.get(7)?,
            options: json(row, 8)?,
            variants: json(row, 9)?,
            images: json(row, 10)?,
            attributes: json(row, 11)?,
            version: row.get(12)?,
            created_at: row.get(13)?,
            updated_at: row.get(14)?,
        };
        Ok(Self { product, category: row.get(5)? })
    }
}

fn json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> Result<T, Error> {
    let text: String = row.get(index)?;
    serde_json::from_str(&text).map_err(|_| Error::Column {
        index,
        expected: std::any::type_name::<T>(),
        found: "other JSON",
    })
}

/// A value as JSON text.
pub(crate) fn to_json<T: Serialize>(value: &T) -> String {
    // Text, numbers, and maps keyed by text: there is nothing in them that JSON cannot hold.
    serde_json::to_string(value).expect("contract values are JSON")
}

/// The parameters of a whole product, in the order of the columns.
pub(crate) fn product_row(product: &Product) -> [Value; 15] {
    params![
        product.id,
        &product.slug,
        &product.title,
        &product.description,
        product.brand.as_deref(),
        product.category_path.last().map(|crumb| crumb.id),
        status_word(product.status),
        &product.tax_category,
        to_json(&product.options),
        to_json(&product.variants),
        to_json(&product.images),
        to_json(&product.attributes),
        version(product),
        product.created_at,
        product.updated_at,
    ]
}

/// Versions count changes, so they stay far below the end of an `i64`.
fn version(product: &Product) -> i64 {
    i64::try_from(product.version).unwrap_or(i64::MAX)
}

/// The products of these ids, in any order; unknown ones are left out.
pub(crate) async fn load(tx: &mut ReadTx, ids: &[ProductId]) -> Result<Vec<Record>, Error> {
    tx.list_in(sql::LOAD_PRODUCTS, params![], ids.iter().copied()).await
}

/// The next active products in the order of ids.
pub(crate) async fn scan_active(tx: &mut ReadTx, after: ProductId, limit: u16) -> Result<Vec<Record>, Error> {
    tx.list(sql::SCAN_ACTIVE, params![after, limit]).await
}

/// Whose these slugs are; free ones are left out.
pub(crate) async fn owners_of_slugs(
    tx: &mut ReadTx,
    slugs: impl IntoIterator<Item = &str>,
) -> Result<Vec<(String, ProductId)>, Error> {
    tx.list_in(sql::OWNERS_OF_SLUGS, params![], slugs).await
}

/// Whose these SKUs are; free ones are left out.
pub(crate) async fn owners_of_skus(
    tx: &mut ReadTx,
    skus: impl IntoIterator<Item = &str>,
) -> Result<Vec<(String, ProductId)>, Error> {
    tx.list_in(sql::OWNERS_OF_SKUS, params![], skus).await
}

/// Replaces the stored `old` by `new`, which is its next version, with all that hangs on it. `stock` gives the
/// pieces on hand of each variant that is new; variants that went are retired by the caller.
///
/// # Errors
/// `Overtaken` if `old` is not what is stored, or a slug or SKU was claimed by another product meanwhile.
pub(crate) async fn rewrite(
    tx: &mut Tx,
    old: &Product,
    new: &Product,
    received: &[NewMovement],
) -> Result<(), Stop> {
    let mut params = product_row(new).to_vec();
    params.push(version(old).into());
    if tx.execute(sql::REWRITE_PRODUCT, params).await? != 1 {
        return Err(Stop::Overtaken);
    }
    let gone = variants_without(old, new);
    if !gone.is_empty() {
        let skus: Vec<_> = gone.iter().map(|variant| params![&variant.sku]).collect();
        tx.execute_rows(sql::GIVE_UP_SKUS, params![], &skus).await?;
    }
    let mut rows = NewRows::default();
    rows.add_stock(new, &variants_without(new, old), received);
    if old.slug != new.slug {
        tx.execute(sql::GIVE_UP_SLUG, params![&old.slug]).await?;
        rows.add_slug(new);
    }
    if category_rows(old) != category_rows(new) {
        tx.execute_rows(sql::LEAVE_CATEGORIES, params![], &category_rows(old)).await?;
        rows.add_categories(new);
    }
    if old.status != new.status || lowest_prices(old) != lowest_prices(new) {
        tx.execute(sql::FORGET_LOWEST_PRICES, params![new.id]).await?;
        rows.add_lowest_prices(new);
    }
    rows.insert(tx).await
}

/// The variants of `product` that `other` does not have, by SKU.
fn variants_without<'p>(product: &'p Product, other: &Product) -> Vec<&'p Variant> {
    let known: BTreeSet<&str> = other.variants.iter().map(|variant| variant.sku.as_str()).collect();
    product.variants.iter().filter(|variant| !known.contains(variant.sku.as_str())).collect()
}

/// The product's rows under its category and all above it.
pub(crate) fn category_rows(product: &Product) -> Vec<[Value; 3]> {
    let status = status_word(product.status);
    product.category_path.iter().map(|crumb| params![crumb.id, status, product.id]).collect()
}
