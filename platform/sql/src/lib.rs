//! The portable SQL layer: each statement and each transaction is written once and runs on whichever engine holds
//! the data. Three verbs: [`Database::read`], [`Database::write`] and [`Database::batch`].
//!
//! This half is SQLite: a file for each house, one writer thread whose callers share a commit, a pool of readers.
//! `README.md` says how a house uses it and what an engine has to bring.

mod batch;
mod constraint;
mod counters;
mod database;
mod error;
mod migration;
mod options;
mod row;
mod sqlite;
mod statement;
mod template;
mod tx;
mod value;

pub use batch::{Batch, BatchOutcome};
pub use constraint::{Constraint, ConstraintKind};
pub use counters::Counters;
pub use database::Database;
pub use error::Error;
pub use migration::Migration;
pub use options::{Durability, Options};
pub use row::{FromRow, FromValue, Row};
pub use statement::Statement;
pub use tx::{ReadTx, Tx};
pub use value::{Value, ValueRef};
