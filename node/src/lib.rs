//! One node: its configuration, its roles wired together, and what the command line does with it.

pub mod cli;
mod command;
pub mod config;
mod demo;
mod logging;
mod output;
mod wiring;

pub use wiring::{Node, Opened};
