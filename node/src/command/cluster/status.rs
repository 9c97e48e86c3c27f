use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use shoal_contract::nodes::Cluster;
use shoal_types::Env;

use super::place::Place;
use super::table::{HEAD, cells};
use crate::config::Config;
use crate::output;

/// How often a table that is watched is drawn anew.
const EVERY: Duration = Duration::from_secs(1);

/// Flags of `cluster status`.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Print JSON: what `GET /v1/cluster` answers.
    #[arg(long)]
    json: bool,
    /// Draw it anew each second, until Ctrl-C.
    #[arg(long)]
    watch: bool,
}

impl Status {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<ExitCode> {
        let place = Place::find(config)?;
        if !self.watch {
            show(&place.cluster().await?, self.json)?;
            return Ok(ExitCode::SUCCESS);
        }
        let watched = async {
            loop {
                let seen = place.cluster().await;
                if io::stdout().is_terminal() && !self.json {
                    // Home, and all below it away.
                    print!("\x1b[H\x1b[J");
                }
                match seen {
                    Ok(cluster) => show(&cluster, self.json)?,
                    Err(error) => eprintln!("{error:#}"),
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            ended = watched => ended,
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Prints the nodes.
pub(super) fn show(cluster: &Cluster, json: bool) -> anyhow::Result<()> {
    if json {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, cluster)?;
        return Ok(writeln!(out)?);
    }
    let now = Env::system().now();
    Ok(output::table(false, HEAD, &cluster.nodes, |node| cells(cluster, node, now))?)
}
