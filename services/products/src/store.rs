//! Queries on a transaction; no rules.

mod categories;
mod changes;
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
    CATEGORIES_MAX, Move, add_categories, category_has_products, load_tree, move_products, remove_category,
    tree_version, update_category,
};
pub(crate) use changes::{
    Audience, Noted, Position, Subject, forget_changes, last_change, list_changes, tell, tell_of_tree,
};
pub(crate) use holds::{
    NewHolds, Settlement, due, entomb, find_reservation, find_reservations, next_expiry, settle,
};
pub(crate) use lists::{ListFilter, ListKey, Listed, list_category_members, list_keys, title_of};
pub(crate) use movements::{NewMovement, add_movements, list_entries};
pub(crate) use new_products::NewRows;
pub(crate) use products::{Record, load, owners_of_skus, owners_of_slugs, rewrite, scan_active};
pub(crate) use stock::{
    Moved, Shelf, Told, book, count_told, first_reserved, put_back, recount, retire, shelves,
    shelves_of_skus, take,
};

use shoal_sql::{Migration, Value};

/// The schema's history.
pub const MIGRATIONS: &[Migration] = &[
    shoal_queue::MIGRATION,
    Migration::new("0002_catalogue.sql", include_str!("../migrations/0002_catalogue.sql")),
    Migration::new("0003_stock.sql", include_str!("../migrations/0003_stock.sql")),
    Migration::new("0004_changes.sql", include_str!("../migrations/0004_changes.sql")),
    Migration::new("0005_told_here.sql", shoal_queue::OUTBOX_TOLD_HERE),
    Migration::new("0006_stock_told.sql", include_str!("../migrations/0006_stock_told.sql")),
];

/// Rows of a round, up to a power of two by repeating the last: the engine keeps a plan for each number of rows that it
/// has seen. Only for statements that take no notice of a row that is there twice.
fn padded<const N: usize>(mut rows: Vec<[Value; N]>) -> Vec<[Value; N]> {
    let length = rows.len().next_power_of_two();
    if let Some(last) = rows.last().cloned() {
        rows.resize(length, last);
    }
    rows
}
