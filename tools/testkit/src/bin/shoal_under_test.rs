//! The program `shoal`, as `node` has it.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    shoal_node::cli::Cli::parse().run()
}
