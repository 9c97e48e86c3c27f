//! The order house: carts, totals, orders, fulfilment and returns.
//!
//! `model` holds the rules as plain values; `store` the queries; `api` the use cases, each a method of the contract;
//! `README.md` says what the house owns, promises, emits and needs.

mod api;
mod consumers;
mod error;
mod events;
mod house;
mod jobs;
mod model;
mod store;

pub use house::{Options, Orders};
pub use jobs::Swept;
pub use model::zone::{UnknownZone, Zone};
pub use store::{MIGRATIONS, sql::ALL as STATEMENTS};
