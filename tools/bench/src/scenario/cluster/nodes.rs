use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use shoal_net::identity::Bundle;
use shoal_types::{Env, Rng, SystemRng};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::A_PRODUCT;
use crate::ground::Plot;
use crate::http::{Connection, get};

/// How long anything that a node has to do may take before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Ports that systems do not give to whoever connects somewhere, so that one is still free when its node comes back.
const PORTS: std::ops::Range<u32> = 10_000..32_000;
/// Seeds of a node.
const SEEDS_MAX: usize = 3;
/// Until what nodes tell each other has come round.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// The nodes of one shop, processes of this very program. They end with this value.
pub(super) struct Nodes {
    folder: TempDir,
    data: String,
    nodes: Vec<Node>,
}

/// One node, which may be down.
struct Node {
    roles: &'static str,
    api: SocketAddr,
    peer: SocketAddr,
    child: Option<Child>,
}

impl Nodes {
    /// Nodes of these roles on this data, none of which has started.
    pub(super) fn plan(plot: &Plot, roles: &[&'static str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        Bundle::create("bench", &Env::system())?.save_new(&folder.path().join("cluster.toml"))?;
        let mut nodes = Vec::new();
        for roles in roles {
            nodes.push(Node { roles, api: free_address()?, peer: free_address()?, child: None });
        }
        Ok(Self { folder, data: plot.place()?.to_owned(), nodes })
    }

    /// Nodes of these roles that have all started, each gateway of which can show what it sells.
    pub(super) async fn start(plot: &Plot, roles: &[&'static str]) -> anyhow::Result<Self> {
        let mut nodes = Self::plan(plot, roles)?;
        nodes.come_up(roles.len()).await?;
        Ok(nodes)
    }

    /// Starts the first `count` nodes and waits until each gateway among them shows what it sells.
    pub(super) async fn come_up(&mut self, count: usize) -> anyhow::Result<()> {
        for node in 0..count {
            self.spawn(node)?;
        }
        for node in 0..count {
            self.ready(node).await?;
        }
        for gateway in self.gateways().into_iter().filter(|gateway| *gateway < count) {
            self.shows(gateway).await?;
        }
        tokio::time::sleep(SETTLED_AFTER).await;
        Ok(())
    }

    /// Those with a public API.
    pub(super) fn gateways(&self) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| self.nodes[*node].is_gateway()).collect()
    }

    /// Where those with a public API are, up or down.
    pub(super) fn doors(&self) -> Vec<SocketAddr> {
        self.gateways().into_iter().map(|node| self.nodes[node].api).collect()
    }

    /// How many there are, up or down.
    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The processes of those that are up.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.nodes.iter().filter_map(|node| node.child.as_ref()?.id()).collect()
    }

    /// Starts the process of a node that is down; when that was.
    pub(super) fn spawn(&mut self, node: usize) -> anyhow::Result<Instant> {
        let seeds: Vec<String> =
            self.nodes.iter().take(SEEDS_MAX).map(|node| node.peer.to_string()).collect();
        let (bundle, log) = (self.folder.path().join("cluster.toml"), self.log(node));
        let Node { roles, api, peer, child } = &mut self.nodes[node];
        ensure!(child.is_none(), "node {node} is up already");
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--roles", roles, "--listen", &api.to_string(), "--test-provider"]);
        command.args(["--peer-listen", &peer.to_string(), "--join", &seeds.join(","), "--log", "error"]);
        command.arg("--bundle").arg(bundle);
        // Not as a flag: everybody can read those, and it may hold a password.
        command.env("SHOAL_DATA", &self.data);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let begin = Instant::now();
        *child = Some(command.spawn().context("a node cannot be started")?);
        Ok(begin)
    }

    /// Waits until a node says that it is ready, or, without a public API, until it answers other nodes.
    pub(super) async fn ready(&mut self, node: usize) -> anyhow::Result<()> {
        let Node { api, peer, .. } = self.nodes[node];
        match self.nodes[node].is_gateway() {
            true => self.until(node, async || answers(api, "/readyz").await).await,
            false => self.until(node, async || tokio::net::TcpStream::connect(peer).await.is_ok()).await,
        }
    }

    /// Waits until a gateway shows a product, wherever that is.
    pub(super) async fn shows(&mut self, gateway: usize) -> anyhow::Result<()> {
        let api = self.nodes[gateway].api;
        self.until(gateway, async || answers(api, A_PRODUCT).await).await
    }

    async fn until(&mut self, node: usize, met: impl AsyncFn() -> bool) -> anyhow::Result<()> {
        let begin = Instant::now();
        while !met().await {
            let ended = self.nodes[node].child.as_mut().map_or(Ok(None), Child::try_wait)?;
            if ended.is_some() || begin.elapsed() > PATIENCE {
                let said = fs::read_to_string(self.log(node)).unwrap_or_default();
                bail!("node {node} did not come up; it said: {said}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Ends a node as a power failure would, at once.
    pub(super) async fn kill(&mut self, node: usize) -> anyhow::Result<()> {
        let mut child = self.nodes[node].child.take().context("the node is down")?;
        child.start_kill()?;
        child.wait().await?;
        Ok(())
    }

    /// Asks a node to end (SIGTERM) and waits until it has, in good order.
    pub(super) async fn terminate(&mut self, node: usize) -> anyhow::Result<()> {
        let mut child = self.nodes[node].child.take().context("the node is down")?;
        let id = child.id().context("the node is down")?.to_string();
        ensure!(
            Command::new("kill").args(["-TERM", &id]).status().await?.success(),
            "SIGTERM does not arrive"
        );
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await.context("a node does not end")??;
        ensure!(ended.success(), "a node ended with {ended}");
        Ok(())
    }

    fn log(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("node-{node}.log"))
    }
}

impl Node {
    fn is_gateway(&self) -> bool {
        self.roles.split(',').any(|role| role == "gateway" || role == "all")
    }
}

/// Whether this is answered with 200.
async fn answers(address: SocketAddr, path: &str) -> bool {
    let Ok(mut connection) = Connection::open(address).await else { return false };
    let Ok(request) = get(path) else { return false };
    matches!(connection.send(request).await, Ok((200, _)))
}

/// An address of this machine at which nobody listens at present.
fn free_address() -> anyhow::Result<SocketAddr> {
    let rng: &dyn Rng = &SystemRng;
    for _ in 0..100 {
        let port = u16::try_from(PORTS.start + rng.below(PORTS.end - PORTS.start))?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no port is free from {} to {}", PORTS.start, PORTS.end)
}
