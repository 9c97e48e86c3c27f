//! Queries on a transaction; no rules.

mod categories;
mod holds;
mod lists;
mod movements;
mod new_products;
mod products;
mod stock;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use categories::{
    CATEGORIES_MAX, Move, add_categories, bump_tree, category_has_products, load_tree, move_products,
    remove_category, tree_version, update_category,
};
pub(crate) use holds::{Settlement, add_holds, due, entomb, find_reservation, next_expiry, settle};
pub(crate) use lists::{ListFilter, ListKey, Listed, list_category_members, list_keys, title_of};
pub(crate) use movements::{NewMovement, add_movements, list_entries};
pub(crate) use new_products::NewRows;
pub(crate) use products::{Record, load, owners_of_skus, owners_of_slugs, rewrite, scan_active};
pub(crate) use stock::{
    Shelf, book, first_reserved, put_back, recount, retire, shelves, shelves_of_skus, take,
};

use shoal_sql::Migration;

/// The schema's history.
pub(crate) const MIGRATIONS: &[Migration] = &[
    shoal_queue::MIGRATION,
    Migration::new("0002_catalogue.sql", include_str!("../migrations/0002_catalogue.sql")),
    Migration::new("0003_stock.sql", include_str!("../migrations/0003_stock.sql")),
];
