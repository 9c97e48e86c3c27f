//! What bad input gets: a problem that names the fault, and nothing half-written.

mod bodies;
mod disk;
mod ids;
mod start;
mod values;

use shoal_testkit::{Books, Market};

/// All data but what changes by being used.
fn everything(shop: &Market) -> Vec<String> {
    Books::open(shop.data()).contents(&["sessions"])
}
