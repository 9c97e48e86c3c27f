use std::io::{self, IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use shoal_contract::nodes::Cluster;
use shoal_net::identity::Bundle;
use shoal_sql::Source;
use shoal_types::Env;
use tokio::signal::unix::{SignalKind, signal};

use super::fleet::{Fleet, Plan, ports};
use super::place::{Place, bundle_in, leave_addresses};
use super::status::show;
use crate::config::Loaded;

/// The most nodes on one machine.
const NODES_MAX: u16 = 32;
/// How often the table is drawn anew.
const EVERY: Duration = Duration::from_secs(1);

/// Flags of `cluster up`.
#[derive(Debug, Args)]
pub(super) struct Up {
    /// How many nodes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=i64::from(NODES_MAX)))]
    nodes: u16,
    /// Serve the public API from this address on, each node at the next port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Let the nodes talk to each other from this port on.
    #[arg(long, value_name = "PORT", default_value_t = 7_171)]
    peer_port: u16,
    /// Keep the secret, and embedded data, in this folder; where --data names a folder, that is it.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Take payments with the built-in test provider.
    #[arg(long)]
    test_provider: bool,
}

impl Up {
    /// Runs the cluster until Ctrl-C or SIGTERM, then drains it. A second one ends it at once.
    pub(super) async fn run(
        self,
        loaded: &Loaded,
        data: Option<String>,
        queue: Option<String>,
    ) -> anyhow::Result<ExitCode> {
        let shared = shared(&loaded.config.data, data)?;
        let folder = self.folder(&loaded.config.data)?;
        std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let env = Env::system();
        let bundle = bundle_in(&folder);
        if !bundle.exists() {
            Bundle::create("local", &env)?.save_new(&bundle)?;
        }
        let ip = self.listen.ip();
        let (api, peers) = ports(ip, self.listen.port(), self.peer_port, self.nodes)?;
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        leave_addresses(&folder, &peers.iter().map(|port| SocketAddr::new(here, *port)).collect::<Vec<_>>())?;
        let plan = Plan {
            folder,
            bundle,
            shared,
            queue,
            ip,
            api,
            peers,
            test_provider: self.test_provider,
            // One for all: a provider's notice may come in at any node.
            webhook_secret: hex::encode(env.rng().token()),
        };
        let mut interrupts = signal(SignalKind::interrupt())?;
        let mut terminates = signal(SignalKind::terminate())?;
        let mut fleet = Fleet::start(&plan)?;
        let place = Place::of(&plan.folder)?;
        let ended = tokio::select! {
            ended = watch(&place, &mut fleet) => ended,
            _ = interrupts.recv() => Ok(()),
            _ = terminates.recv() => Ok(()),
        };
        eprintln!("the nodes finish what they have begun; once more to stop at once");
        let drained = tokio::select! {
            drained = fleet.drain() => drained,
            _ = interrupts.recv() => fleet.kill(),
            _ = terminates.recv() => fleet.kill(),
        };
        ended?;
        Ok(if drained { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn folder(&self, data: &Source) -> anyhow::Result<PathBuf> {
        match (&self.folder, data.directory()) {
            (Some(folder), _) => Ok(folder.clone()),
            (None, Some(data)) => Ok(data.to_path_buf()),
            (None, None) => {
                bail!("where is the cluster's secret to be kept? Name a folder with --folder DIR")
            }
        }
    }
}

/// The URL of the database that all nodes share, with its password; none if each keeps data of its own.
fn shared(data: &Source, given: Option<String>) -> anyhow::Result<Option<String>> {
    if data.directory().is_some() {
        return Ok(None);
    }
    let url = given.or_else(|| std::env::var("SHOAL_DATA").ok());
    url.map(Some).context(
        "name the database with --data or SHOAL_DATA; a file of configuration does not reach the nodes",
    )
}

/// Shows how the nodes are, until one of them could not be started.
async fn watch(place: &Place, fleet: &mut Fleet) -> anyhow::Result<()> {
    let mut shown = None;
    loop {
        fleet.check()?;
        if let Ok(cluster) = place.cluster().await {
            draw(&cluster, &mut shown, fleet)?;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Draws the table anew where somebody watches; elsewhere only when a node's state has changed.
fn draw(cluster: &Cluster, shown: &mut Option<Vec<String>>, fleet: &Fleet) -> anyhow::Result<()> {
    let states: Vec<String> =
        cluster.nodes.iter().map(|node| format!("{} {:?}", node.name, node.state)).collect();
    let terminal = io::stdout().is_terminal();
    if !terminal && shown.as_ref() == Some(&states) {
        return Ok(());
    }
    if terminal {
        print!("\x1b[H\x1b[J");
    }
    *shown = Some(states);
    show(cluster, false)?;
    println!("\n{}", fleet.about());
    Ok(io::stdout().flush()?)
}
