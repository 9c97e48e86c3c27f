//! How commands find the nodes: what `cluster up` left in its folder, or the configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use shoal_contract::nodes::{Ask, Cluster, Nodes, Remote};
use shoal_net::identity::Bundle;
use shoal_types::{Context, Env};

use crate::cluster::operator;
use crate::config::Config;

/// The secret in the folder of a cluster that `cluster up` made.
const BUNDLE: &str = "cluster.toml";
/// Where its nodes answer each other, a line each.
const ADDRESSES: &str = "cluster.nodes";
/// How long a node may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// A cluster that can be asked.
pub(super) struct Place {
    env: Env,
    bundle: Bundle,
    addresses: Vec<SocketAddr>,
}

/// The file of the secret in a folder.
pub(super) fn bundle_in(folder: &Path) -> PathBuf {
    folder.join(BUNDLE)
}

/// Leaves word of where the nodes answer each other.
pub(super) fn leave_addresses(folder: &Path, addresses: &[SocketAddr]) -> anyhow::Result<()> {
    let lines: String = addresses.iter().map(|address| format!("{address}\n")).collect();
    fs::write(folder.join(ADDRESSES), lines).context("the nodes' addresses cannot be written down")
}

impl Place {
    /// The cluster of the configuration, else the one in the folder that is the data.
    ///
    /// # Errors
    /// Says what to name if there is neither.
    pub(super) fn find(config: &Config) -> anyhow::Result<Self> {
        if config.cluster.is_on() {
            let env = Env::system();
            let bundle = Bundle::load(&config.cluster.bundle, &env)?;
            let texts = config.cluster.join.iter().chain([&config.cluster.listen]);
            return Ok(Self { bundle, addresses: resolved(texts), env });
        }
        let folder = config.data.directory().filter(|folder| bundle_in(folder).exists());
        let Some(folder) = folder else {
            bail!(
                "which cluster? Name the folder of `shoal cluster up` with --data DIR, or its secret with \
                 SHOAL_CLUSTER_BUNDLE and a node of it with SHOAL_CLUSTER_JOIN"
            );
        };
        Self::of(folder)
    }

    /// The cluster in this folder.
    ///
    /// # Errors
    /// What is wrong with its secret.
    pub(super) fn of(folder: &Path) -> anyhow::Result<Self> {
        let env = Env::system();
        let bundle = Bundle::load(&bundle_in(folder), &env)?;
        let text = fs::read_to_string(folder.join(ADDRESSES)).unwrap_or_default();
        Ok(Self { bundle, addresses: resolved(text.lines()), env })
    }

    /// The cluster, as the first node that answers sees it.
    ///
    /// # Errors
    /// If none answers.
    pub(super) async fn cluster(&self) -> anyhow::Result<Cluster> {
        for address in &self.addresses {
            if let Ok(cluster) = self.node(*address)?.cluster(&self.context(), Ask {}).await {
                return Ok(cluster);
            }
        }
        let asked: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        bail!("no node of {} answers; asked were: {}", self.bundle.name(), asked.join(", "))
    }

    /// The node at `address`.
    ///
    /// # Errors
    /// What is wrong with the secret.
    pub(super) fn node(&self, address: SocketAddr) -> anyhow::Result<Remote> {
        Ok(Remote::new(std::sync::Arc::new(operator(&self.bundle, address, &self.env)?)))
    }

    /// What a command asks with.
    pub(super) fn context(&self) -> Context {
        Context::system(&self.env, ANSWER_MAX)
    }
}

/// Those that are addresses, or names of some.
fn resolved<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Vec<SocketAddr> {
    use std::net::ToSocketAddrs;
    texts.into_iter().filter_map(|text| text.as_ref().to_socket_addrs().ok()).flatten().collect()
}
