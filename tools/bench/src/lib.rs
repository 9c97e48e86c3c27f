//! `shoal bench`: how fast Shoal is, each figure next to a floor measured in the same run.
//!
//! A floor is the least program that does the same essential work: a bare axum handler that sends the same bytes, a
//! bare writer that commits the same rows in groups. Ratios to a floor hold when the machine's speed drifts.

mod command;
mod floor;
mod http;
mod load;
mod report;
mod scenario;
mod shop;
mod usage;

pub use command::Bench;
