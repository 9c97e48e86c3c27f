//! One node: its configuration, its roles wired together, and what the command line does with it.

pub mod cli;
pub mod config;
mod command;
mod demo;
mod logging;
mod output;
mod wiring;

pub use wiring::{Node, Opened};
