//! The portable SQL layer: each statement and each transaction is written once and runs on whichever engine holds
//! the data. Three verbs: [`Database::read`], [`Database::write`] and [`Database::batch`].
//!
//! `sqlite` is a file for each house, one writer thread whose callers share a commit, a pool of readers; `postgres` a
//! schema for each house, and group commit over pipelined connections. `README.md` says how a house uses it.

mod batch;
mod constraint;
mod counters;
mod database;
mod error;
mod migration;
mod options;
mod postgres;
mod row;
mod session;
mod source;
mod sqlite;
mod statement;
mod template;
pub mod testing;
pub mod transfer;
mod trouble;
mod tx;
mod value;

pub use batch::{Batch, BatchOutcome};
pub use constraint::{Constraint, ConstraintKind};
pub use counters::Counters;
pub use database::Database;
pub use error::Error;
pub use migration::Migration;
pub use options::{Durability, Options};
pub use postgres::{OWN_TABLES, Server};
pub use row::{FromRow, FromValue, Row};
pub use source::{Engine, Source};
pub use sqlite::backup;
pub use statement::Statement;
pub use trouble::Trouble;
pub use tx::{ReadTx, Tx};
pub use value::{Value, ValueRef};

/// What a panic said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
