//! Starts a server by hand: `cargo run -p shoal-servers -- postgres` prints the URL of a new PostgreSQL server, `-- nats`
//! that of a new NATS server; it ends with this program.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use shoal_servers::{Nats, NatsCluster, NatsOptions, Options, Postgres};

const HELP: &str = "\
shoal-servers postgres             starts a fast, forgetful PostgreSQL server and prints its URL
shoal-servers postgres --durable   one that keeps what was committed
shoal-servers nats                 starts a NATS server with JetStream and prints its URL
shoal-servers nats --three         three of them as a cluster
The server ends with this program, or at the end of its standard input.";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let served = match words[..] {
        ["postgres"] => postgres(Options::default()),
        ["postgres", "--durable"] => postgres(Options::durable()),
        ["nats"] => Nats::start(NatsOptions::default()).and_then(|server| serve(&server.url())),
        ["nats", "--three"] => NatsCluster::start(NatsOptions::default()).and_then(|all| serve(&all.url())),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::FAILURE;
        }
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shoal-servers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn postgres(options: Options) -> io::Result<()> {
    let server = Postgres::start(options)?;
    serve(&server.url("postgres"))
}

/// Prints where the server is and waits for the end of the standard input.
fn serve(url: &str) -> io::Result<()> {
    let mut output = io::stdout();
    writeln!(output, "{url}")?;
    output.flush()?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
