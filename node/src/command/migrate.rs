//! `shoal migrate`: the schema brought up to date, or printed for who lays it out by hand.

mod keys;
mod script;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use shoal_types::Env;

use crate::config::Config;
use crate::wiring::Opened;

/// Flags of `migrate`.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Print the SQL that makes the schema of every service, and change nothing.
    #[arg(long)]
    print: bool,
    /// Print it for this engine.
    #[arg(long, value_name = "ENGINE", value_enum, default_value_t = Target::Postgres, requires = "print")]
    target: Target,
}

/// The engines for which the schema can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Target {
    Postgres,
    Citus,
    Yugabyte,
    Cockroach,
}

impl Migrate {
    pub(crate) async fn run(self, config: Config) -> anyhow::Result<ExitCode> {
        if self.print {
            let script = script::script(self.target, Env::system().now());
            std::io::stdout().lock().write_all(script.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        migrate(config).await
    }
}

/// Opens every house, which brings its schema up to date, and closes it again.
async fn migrate(config: Config) -> anyhow::Result<ExitCode> {
    let opened = Opened::open(&config, Env::system()).await?;
    opened.close().await;
    eprintln!("the data in {} is at this version's schema", config.data);
    Ok(ExitCode::SUCCESS)
}
