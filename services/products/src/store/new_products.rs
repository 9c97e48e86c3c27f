//! The rows that new products bring, gathered before the transaction and inserted many at a time.

use shoal_contract::products::{Product, Variant};
use shoal_sql::{Statement, Tx, Value, params};

use super::movements::{MovementRow, NewMovement, movement_row, sql as movement_sql};
use super::products::{category_rows, product_row};
use super::words::status_word;
use crate::error::Stop;
use crate::model::lowest_prices;

shoal_sql::statements! {
    pub(crate) mod sql {
        ADD_PRODUCTS = include_str!("add_products.sql");
        CLAIM_SLUGS = "insert into slugs (slug, product_id) values {rows:2}";
        CLAIM_SKUS = "insert into skus (sku, variant_id, product_id) values {rows:3}";
        ENTER_CATEGORIES = "insert into product_categories (category_id, status, product_id) values {rows:3}";
        ADD_LOWEST_PRICES = "insert into lowest_prices (product_id, currency, status, amount) values {rows:4}";
        ADD_STOCK = "insert into stock (variant_id, product_id, sku, on_hand, reserved, retired)
            values {rows:6}";
    }
}

/// Rows of one statement: few texts are prepared, and none of them is huge.
const ROWS_MAX: usize = 128;
/// The rules that say another product was there first.
const CLAIMS: &[&str] = &["slugs.slug", "skus.sku", "products.product_id"];

/// Rows waiting to be inserted.
#[derive(Debug, Default)]
pub(crate) struct NewRows {
    products: Vec<[Value; 15]>,
    slugs: Vec<[Value; 2]>,
    skus: Vec<[Value; 3]>,
    categories: Vec<[Value; 3]>,
    lowest_prices: Vec<[Value; 4]>,
    stock: Vec<[Value; 6]>,
    movements: Vec<MovementRow>,
}

impl NewRows {
    /// Adds all rows of a new product.
    pub(crate) fn add_product(&mut self, product: &Product, received: &[NewMovement]) {
        self.products.push(product_row(product));
        self.add_slug(product);
        self.add_categories(product);
        self.add_lowest_prices(product);
        let variants: Vec<&Variant> = product.variants.iter().collect();
        self.add_stock(product, &variants, received);
    }

    /// Adds the claim of its slug.
    pub(super) fn add_slug(&mut self, product: &Product) {
        self.slugs.push(params![&product.slug, product.id]);
    }

    /// Adds its places under its category and all above it.
    pub(super) fn add_categories(&mut self, product: &Product) {
        self.categories.extend(category_rows(product));
    }

    /// Adds what price lists go by.
    pub(super) fn add_lowest_prices(&mut self, product: &Product) {
        let status = status_word(product.status);
        let rows = lowest_prices(product).into_iter();
        self.lowest_prices
            .extend(rows.map(|(currency, amount)| params![product.id, currency, status, amount]));
    }

    /// Adds the SKUs and shelves of `variants`, filled as `received` says.
    pub(super) fn add_stock(&mut self, product: &Product, variants: &[&Variant], received: &[NewMovement]) {
        for variant in variants {
            let first = received.iter().find(|movement| movement.variant == variant.id);
            let on_hand = first.map_or(0, |movement| movement.on_hand_change);
            self.skus.push(params![&variant.sku, variant.id, product.id]);
            self.stock.push(params![variant.id, product.id, &variant.sku, on_hand, 0, 0]);
            self.movements.extend(first.map(movement_row));
        }
    }

    /// Inserts the rows.
    ///
    /// # Errors
    /// `Overtaken` if another product has one of the slugs or SKUs.
    pub(crate) async fn insert(&self, tx: &mut Tx) -> Result<(), Stop> {
        many(tx, sql::ADD_PRODUCTS, &self.products).await?;
        many(tx, sql::CLAIM_SLUGS, &self.slugs).await?;
        many(tx, sql::CLAIM_SKUS, &self.skus).await?;
        many(tx, sql::ENTER_CATEGORIES, &self.categories).await?;
        many(tx, sql::ADD_LOWEST_PRICES, &self.lowest_prices).await?;
        many(tx, sql::ADD_STOCK, &self.stock).await?;
        many(tx, movement_sql::ADD_MOVEMENTS, &self.movements).await
    }
}

async fn many<const N: usize>(
    tx: &mut Tx,
    statement: &'static Statement,
    rows: &[[Value; N]],
) -> Result<(), Stop> {
    for chunk in rows.chunks(ROWS_MAX) {
        let added = tx.execute_rows(statement, params![], chunk).await;
        added.map_err(|error| Stop::overtaken(error, CLAIMS))?;
    }
    Ok(())
}
