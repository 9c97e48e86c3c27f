//! The binary `shoal`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    shoal_node::cli::Cli::parse().run()
}
