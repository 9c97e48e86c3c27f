//! One node: its configuration, its roles wired together, and what the command line does with it.

mod carriage;
pub mod cli;
mod cluster;
mod command;
pub mod config;
mod deliveries;
mod demo;
mod hearing;
mod logging;
mod output;
mod readiness;
mod serving;
mod telemetry;
mod wiring;

pub use serving::Node;
pub use telemetry::{Telemetry, TelemetryError};
pub use wiring::Opened;
