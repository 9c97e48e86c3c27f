//! Real servers, started, killed, paused, copied and left behind.

mod guard;
mod hosts;

mod life;
mod replica;
mod tls;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use shoal_servers::{Options, Postgres};

/// For what happens soon.
const SOON: Duration = Duration::from_secs(30);

/// A new server; `None`, which is said, where PostgreSQL is not installed.
fn start(options: Options) -> Option<Postgres> {
    installed().then(|| Postgres::start(options).expect("the server starts"))
}

fn installed() -> bool {
    match Postgres::programs() {
        Ok(_) => true,
        Err(missing) => {
            eprintln!("skipped: {missing}");
            false
        }
    }
}

/// The folder of a running server, which its data lies in.
fn folder(server: &Postgres) -> PathBuf {
    let data = PathBuf::from(ask(server, "show data_directory"));
    data.parent().expect("it lies in a folder").to_owned()
}

fn ask(server: &Postgres, sql: &str) -> String {
    server.query("postgres", sql).expect("the server answers")
}

/// Why the server refuses it.
fn refusal(server: &Postgres, database: &str, sql: &str) -> String {
    server.query(database, sql).expect_err("the server refuses it").to_string()
}

fn is_there(process: u32) -> bool {
    // One that has ended and whose parent has not looked yet has no command line any more.
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// Waits for a condition, without a rest between two looks: what is asked takes its time by itself.
fn soon(what: &str, met: impl Fn() -> bool) {
    let start = Instant::now();
    while !met() {
        assert!(start.elapsed() < SOON, "not within {SOON:?}: {what}");
        std::thread::yield_now();
    }
}
