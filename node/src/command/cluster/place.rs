//! How commands find the nodes: what `cluster up` left in its folder, or the configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use shoal_contract::deliveries::{self, Deliveries};
use shoal_contract::nodes::{Ask, Cluster, Node, NodeState, Nodes, Remote};
use shoal_contract::users::{self, Users};
use shoal_net::identity::Bundle;
use shoal_net::rpc::Client;
use shoal_types::{Context, Env};

use crate::cluster::{operator, refusal};
use crate::config::{Config, Role};

/// The secret in the folder of a cluster that `cluster up` made.
const BUNDLE: &str = "cluster.toml";
/// Where its nodes answer each other, a line each.
const ADDRESSES: &str = "cluster.nodes";
/// How long a node may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// A cluster that can be asked.
pub(in crate::command) struct Place {
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
    /// The cluster of the configuration, else the one in the folder that is the data; none if neither is there.
    ///
    /// # Errors
    /// What is wrong with its secret.
    pub(in crate::command) fn named(config: &Config) -> anyhow::Result<Option<Self>> {
        if config.cluster.is_on() {
            let env = Env::system();
            let bundle = Bundle::load(&config.cluster.bundle, &env)?;
            let texts = config.cluster.join.iter().chain([&config.cluster.listen]);
            return Ok(Some(Self { bundle, addresses: resolved(texts), env }));
        }
        let folder = config.data.directory().filter(|folder| bundle_in(folder).exists());
        folder.map(Self::of).transpose()
    }

    /// The same where there must be one.
    ///
    /// # Errors
    /// Says what to name if there is none.
    pub(super) fn find(config: &Config) -> anyhow::Result<Self> {
        Self::named(config)?.context(
            "which cluster? Name the folder of `shoal cluster up` with --data DIR, or its secret with \
             SHOAL_CLUSTER_BUNDLE and a node of it with SHOAL_CLUSTER_JOIN",
        )
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
    /// If none answers; why, if one says that it is a matter of the secret or the clocks.
    pub(super) async fn cluster(&self) -> anyhow::Result<Cluster> {
        for address in &self.addresses {
            if let Ok(cluster) = self.node(*address)?.cluster(&self.context(), Ask {}).await {
                return Ok(cluster);
            }
        }
        for address in &self.addresses {
            if let Some(refusal) = refusal(&self.bundle, *address, &self.env).await {
                return Err(refusal).with_context(|| format!("{address} does not answer"));
            }
        }
        let asked: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        bail!("no node of {} answers; asked were: {}", self.bundle.name(), asked.join(", "))
    }

    /// The user service of a node that has it.
    ///
    /// # Errors
    /// If no node answers, or none has it.
    pub(in crate::command) async fn users(&self) -> anyhow::Result<Arc<dyn Users>> {
        let node = self.with_role(Role::Users.as_str()).await?;
        Ok(Arc::new(users::Remote::new(self.client(node.address)?)))
    }

    /// What became of the events of `house`, from a node that has it.
    ///
    /// # Errors
    /// If no node answers, or none has it.
    pub(in crate::command) async fn deliveries(&self, house: &str) -> anyhow::Result<Arc<dyn Deliveries>> {
        let node = self.with_role(house).await?;
        Ok(Arc::new(deliveries::Remote::new(self.client(node.address)?)))
    }

    async fn with_role(&self, role: &str) -> anyhow::Result<Node> {
        let cluster = self.cluster().await?;
        let has = |node: &Node| node.state == NodeState::Ready && node.roles.iter().any(|own| own == role);
        let found = cluster.nodes.into_iter().find(has);
        found.with_context(|| format!("no node of the cluster has the {role}"))
    }

    /// The node at `address`.
    ///
    /// # Errors
    /// What is wrong with the secret.
    pub(super) fn node(&self, address: SocketAddr) -> anyhow::Result<Remote> {
        Ok(Remote::new(self.client(address)?))
    }

    fn client(&self, address: SocketAddr) -> anyhow::Result<Arc<Client>> {
        Ok(Arc::new(operator(&self.bundle, address, &self.env)?))
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
