//! `shoal bench`: how fast Shoal is, each figure next to a floor measured in the same run.
//!
//! A floor is the least program that does the same essential work: a bare axum handler that sends the same bytes, a
//! bare writer that commits the same rows in groups; on PostgreSQL there is also the naive way, by hand. Ratios to a
//! floor hold when the machine's speed drifts.

mod books;
mod command;
mod floor;
mod ground;
mod http;
mod load;
mod report;
mod scenario;
mod server;
mod shop;
mod usage;

pub use command::Bench;
