//! The product service: catalogue, prices, stock, search.

mod catalogue;
mod search;
mod stock;

pub use catalogue::*;
pub use search::*;
pub use stock::*;

use shoal_types::Page;
use std::sync::Arc;

use crate::service::service;
pub use crate::users::Imported;

service! {
    /// Catalogue, prices, stock and search.
    ///
    /// Anybody reads active products; staff also drafts and archived ones, and staff change things.
    /// The stock primitives (`reserve`, `confirm`, `release`, `restock`) are the system's alone.
    pub trait Products as "products", error Error, system from [checkout, operator] {
        /// Adds a product with its variants; stock starts as given.
        async fn create_product(NewProduct) -> Arc<Product>; from [gateway]; keyed;
        /// One product, by id or slug.
        async fn get_product(ProductRef) -> Arc<Product>; from [gateway]; idempotent;
        /// A page of products.
        async fn list_products(ListProducts) -> Page<Arc<Product>>; from [gateway, operator]; idempotent;
        /// Replaces a product's description, options and variants. Variants are found again by SKU; one that is left out goes.
        async fn replace_product(ReplaceProduct) -> Arc<Product>; from [gateway]; keyed;
        /// Takes a product out of the shop; orders keep what they remember. Idempotent.
        async fn archive_product(ProductRef) -> (); from [gateway]; idempotent;
        /// Full-text search with facets and highlighting.
        async fn search(Search) -> SearchResults; from [gateway]; idempotent;
        /// What a cart needs to know of each SKU, in the order asked; absent for unknown or inactive ones.
        async fn look_up(LookUp) -> Vec<Option<Arc<Offer>>>; from [gateway, orders]; idempotent;
        /// The whole category tree, parents before children, siblings by position.
        async fn list_categories(ListCategories) -> Vec<Category>; from [gateway, operator]; idempotent;
        /// Adds a category.
        async fn create_category(NewCategory) -> Category; from [gateway]; keyed;
        /// Renames or moves a category; not below itself.
        async fn replace_category(ReplaceCategory) -> Category; from [gateway]; idempotent;
        /// Removes a category that has neither children nor products.
        async fn remove_category(CategoryRef) -> (); from [gateway];
        /// The stock of SKUs, in the order asked; absent for unknown ones.
        async fn get_stock(LookUp) -> Vec<Option<Stock>>; from [gateway, operator]; idempotent;
        /// The ledger of one SKU, newest first; staff.
        async fn list_movements(ListMovements) -> Page<Movement>; from [gateway]; idempotent;
        /// Books goods in, out, or counts them; staff.
        async fn adjust_stock(AdjustStock) -> Stock; from [gateway]; keyed;
        /// Holds stock for all lines or none, until a time. Lines of one SKU are summed. Idempotent per key: a repeat returns the first reservation in its present state.
        async fn reserve(Reserve) -> Reservation; from [checkout]; idempotent;
        /// Turns a hold into a sale. Idempotent; `ReservationGone` if it was released or has expired.
        async fn confirm(ReservationRef) -> Reservation; from [checkout]; idempotent;
        /// Gives a hold back. Idempotent; a hold that never was is remembered as released, so that a late `reserve` fails.
        async fn release(ReservationRef) -> Reservation; from [checkout]; idempotent;
        /// Books sold goods back in. Idempotent per key.
        async fn restock(Restock) -> (); from [checkout]; idempotent;
        /// The reservation of a key, if there is one.
        async fn find_reservation(ReservationRef) -> Option<Reservation>; from [checkout]; idempotent;
        /// Brings in products, found again by slug; one outcome for each, in order. Safe to repeat. System only.
        async fn import_products(ImportProducts) -> Vec<Imported>; from [operator]; idempotent;
        /// Brings in categories, found again by slug; parents before children. Safe to repeat. System only.
        async fn import_categories(ImportCategories) -> Vec<Imported>; from [operator]; idempotent;
    }
}

shoal_types::errors! {
    /// What can go wrong in the product service.
    pub enum Error {
        /// There is no such product, or it is not for sale.
        UnknownProduct {} => (NotFound, "unknown_product", "there is no such product"),
        /// There is no such SKU, or it is not for sale.
        UnknownSku { sku: String } => (NotFound, "unknown_sku", "there is no SKU {sku}"),
        /// There is no such category.
        UnknownCategory { slug: String } => (NotFound, "unknown_category", "there is no category {slug}"),
        /// Another product or category has this slug. Choose another.
        SlugTaken { slug: String } => (Conflict, "slug_taken", "the slug {slug} is taken"),
        /// Another variant has this SKU. SKUs are unique over the whole shop.
        SkuTaken { sku: String } => (Conflict, "sku_taken", "the SKU {sku} is taken"),
        /// The product was changed since it was read. Read it again and repeat the change.
        ProductChanged { version: u64 } => (Stale, "product_changed", "the product was changed meanwhile, it is at version {version}"),
        /// A category cannot be below itself.
        CategoryCycle {} => (Conflict, "category_cycle", "a category cannot be below itself"),
        /// A category that has children or products stays. Move them first.
        CategoryInUse {} => (Conflict, "category_in_use", "the category still has children or products"),
        /// There is less stock than was asked for. Nothing was reserved; ask for less.
        StockTooLow { sku: String, requested: i64, available: i64 } => (Conflict, "stock_too_low", "only {available} of {sku} left, {requested} were asked for"),
        /// The hold was released or has expired; its stock may be sold to others. Reserve again under a new key.
        ReservationGone {} => (Conflict, "reservation_gone", "the reservation was released or has expired"),
        /// A variant with held or sold-and-unshipped stock cannot be removed yet.
        VariantInUse { sku: String } => (Conflict, "variant_in_use", "{sku} is held by open checkouts and cannot be removed"),
    }
}
