//! Starts a server by hand: `cargo run -p shoal-servers -- postgres` prints the URL of a new PostgreSQL server, which
//! ends with this program.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use shoal_servers::{Options, Postgres};

const HELP: &str = "\
shoal-servers postgres             starts a fast, forgetful PostgreSQL server and prints its URL
shoal-servers postgres --durable   one that keeps what was committed
The server ends with this program, or at the end of its standard input.";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let options = match words[..] {
        ["postgres"] => Options::default(),
        ["postgres", "--durable"] => Options::durable(),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::FAILURE;
        }
    };
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shoal-servers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: Options) -> io::Result<()> {
    let server = Postgres::start(options)?;
    let mut output = io::stdout();
    writeln!(output, "{}", server.url("postgres"))?;
    output.flush()?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
