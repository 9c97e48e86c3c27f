//! What a developer types: `cargo xtask test`, `tidy`, `errors`, `events`, `openapi`, `hosts`, `patroni`, `ci`.

mod ci;
mod description;
mod earlier;
mod errors;
mod events;
mod hosts;
mod judges;
mod needs;
mod patroni;
mod rust;
mod schemathesis;
mod steps;
mod suite;
mod tidy;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, io};

use steps::Steps;

const HELP: &str = "\
cargo xtask test [NAME..]    every test, on SQLite and on PostgreSQL; with names, those whose name holds one
                             (`schemathesis` is one too); with `--engine sqlite|postgres`, on one engine only
cargo xtask tidy [--bless]   the invariants of the code base; --bless lowers tools/xtask/budget.toml
cargo xtask errors           write docs/errors from the errors the code declares
cargo xtask events           write docs/events, the schemas of events, from their types
cargo xtask openapi          write docs/api/openapi.json, the description of the API
cargo xtask ci               format, tidy, clippy, docs, tests: what a change must pass";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match root().and_then(|root| run(&root, &arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what the arguments ask for; whether all is well.
fn run(root: &std::path::Path, arguments: &[String]) -> io::Result<bool> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut steps = Steps::default();
    match words[..] {
        ["test", ..] => suite::run(root, &suite::Choice::parse(&arguments[1..])?, &mut steps),
        ["ci"] => ci::run(root, &mut steps),
        ["tidy"] => return tidy::report(root),
        ["tidy", "--bless"] => {
            tidy::bless(root)?;
            return tidy::report(root);
        }
        ["hosts", ..] => return hosts::run(root, &arguments[1..]),
        ["patroni", ..] => return patroni::run(root, &arguments[1..]),
        ["errors"] => {
            errors::write(root)?;
            return Ok(true);
        }
        ["events"] => {
            events::write(root)?;
            return Ok(true);
        }
        ["openapi"] => {
            description::write(root)?;
            return Ok(true);
        }
        ["help" | "--help" | "-h"] => {
            println!("{HELP}\n{}\n{}", hosts::HELP, patroni::HELP);
            return Ok(true);
        }
        _ => {
            eprintln!("{HELP}\n{}\n{}", hosts::HELP, patroni::HELP);
            return Ok(false);
        }
    }
    println!("{steps}");
    Ok(steps.passed())
}

/// The folder of the workspace: the nearest above with a `[workspace]` manifest.
fn root() -> io::Result<PathBuf> {
    let here = env::current_dir()?;
    let is_root = |folder: &&std::path::Path| {
        std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
    };
    let found = here.ancestors().find(is_root).map(std::path::Path::to_path_buf);
    found.ok_or_else(|| io::Error::other("run it inside the workspace"))
}
