use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use shoal_contract::nodes::{Ask, Nodes};

use super::place::Place;
use crate::config::Config;

/// Flags of `cluster drain`.
#[derive(Debug, Args)]
pub(super) struct Drain {
    /// Its name or id, as `shoal cluster status` shows it.
    #[arg(value_name = "NODE")]
    node: String,
}

impl Drain {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<ExitCode> {
        let place = Place::find(config)?;
        let cluster = place.cluster().await?;
        let is_meant = |name: &str, id: String| name == self.node || id == self.node;
        let mut meant = cluster.nodes.iter().filter(|node| is_meant(&node.name, node.id.to_string()));
        let (Some(node), None) = (meant.next(), meant.next()) else {
            let names: Vec<String> =
                cluster.nodes.iter().map(|node| format!("{} ({})", node.name, node.id)).collect();
            bail!("{} is not the name or id of one node; there are: {}", self.node, names.join(", "));
        };
        place.node(node.address)?.drain(&place.context(), Ask {}).await?;
        eprintln!("{} takes nothing new, finishes what it has begun, and ends", node.name);
        Ok(ExitCode::SUCCESS)
    }
}
