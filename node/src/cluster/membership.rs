use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use shoal_cluster::{Cluster, Directory, Fingerprint, GossipKey, KeyRing, Load, Member, Options, State};
use shoal_net::identity::{Bundle, HandshakeError, Identity};
use shoal_net::rpc::{Client, Connect, Door, Target, reach};
use shoal_sql::Source;
use shoal_types::{Env, NodeId};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::counted::InFlight;
use super::known::{Known, Only};
use super::owners::{Conflict, second_owner, twin};
use super::vitals::Vitals;
use super::{OPERATOR, names};
use crate::config::{ClusterConfig, Config};

/// The file with the id of a directory of data.
const DATA_ID: &str = "data-id";
/// How long a node that starts looks for the others before it takes itself for the first.
const ACQUAINTANCE_MAX: Duration = Duration::from_secs(1);
/// By then every node has noticed that another is gone.
const GONE_BY: Duration = Duration::from_secs(15);
/// How long a command waits for a node that does not answer.
const OPERATORS_PATIENCE: Duration = Duration::from_secs(1);
/// How often a changed bundle is looked for, and the load is told.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A node among others: its certificate, its place in the gossip, its calls.
pub(crate) struct Membership {
    name: String,
    /// Whether this node's data is its own.
    embedded: bool,
    env: Env,
    identity: Identity,
    cluster: Arc<Cluster>,
    client: Arc<Client>,
    in_flight: InFlight,
    tasks: Vec<AbortHandle>,
}

impl Membership {
    /// Joins the cluster of the configured bundle, not yet ready. Calls of other nodes wait at the door meanwhile.
    ///
    /// # Errors
    /// If the bundle cannot be read or an address not listened on, each with its code; `second_owner` if another node
    /// has one of this node's houses on other data.
    pub(crate) async fn join(config: &Config, env: &Env) -> anyhow::Result<(Self, Door)> {
        let bundle = Bundle::load(&config.cluster.bundle, env)?;
        let (id, roles) = (NodeId::new(env), names(&config.roles));
        let identity = Identity::mint(&bundle, id, &roles, env)?;
        let door = Door::open(&config.cluster.listen).await.context("cluster.listen")?;
        let me = Member {
            certificate_until: Some(identity.not_after()),
            data: Some(fingerprint(&config.data, env)?),
            ..Member::new(
                id,
                name(&config.cluster, door.address()),
                env!("CARGO_PKG_VERSION"),
                &roles,
                advertised(&config.cluster, door.address())?,
                env.now(),
            )
        };
        let listen = door.address();
        let mut options = Options::new(bundle.cluster().uuid(), ring(&bundle), listen, me);
        options.seeds.clone_from(&config.cluster.join);
        let cluster = Arc::new(Cluster::join(options, env.clone()).await?);
        let known = Arc::new(Known::new(cluster.directory()));
        let client = Arc::new(Client::new(env.clone(), Arc::new(identity.tls()), known));
        let (name, in_flight) = (bundle.name().to_owned(), InFlight::default());
        let embedded = config.data.directory().is_some();
        let (env, tasks) = (env.clone(), Vec::new());
        let mut joined = Self { name, embedded, env, identity, cluster, client, in_flight, tasks };
        joined.keep(config.cluster.bundle.clone());
        if embedded {
            joined.acquaint(&config.cluster.join).await;
        }
        match joined.conflict() {
            None => Ok((joined, door)),
            Some(conflict) => {
                joined.leave().await;
                Err(conflict.into())
            }
        }
    }

    /// Waits a moment for the others, if any were named, to hear what is theirs.
    async fn acquaint(&self, seeds: &[String]) {
        let own = self.cluster.gossip_address().to_string();
        if seeds.iter().all(|seed| *seed == own) {
            return;
        }
        let directory = self.directory();
        let mut changed = directory.changed();
        let met = async { while directory.members().len() < 2 && changed.changed().await.is_ok() {} };
        if timeout(ACQUAINTANCE_MAX, met).await.is_err() {
            tracing::info!(?seeds, "no other node is there yet; this one goes on, and goes on looking");
        }
    }

    /// Renews the certificate, takes over what changes in the bundle's file, tells the load.
    fn keep(&mut self, bundle: PathBuf) {
        let (identity, cluster, env) = (self.identity.clone(), self.cluster.clone(), self.env.clone());
        let in_flight = self.in_flight.clone();
        let (mut vitals, mut file) = (Vitals::new(env.clone()), Watched::new(bundle));
        let kept = async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                if let Some(bundle) = file.changed(&env) {
                    match identity.reload(&bundle) {
                        Ok(()) => {
                            cluster.swap_keys(&ring(&bundle));
                            tracing::info!(?bundle, "took over the changed cluster bundle");
                        }
                        Err(error) => tracing::error!(%error, "the changed cluster bundle is not taken over"),
                    }
                }
                let load = Load { in_flight: in_flight.now(), ..vitals.load() };
                let until = identity.not_after();
                let told = cluster.update(|me| {
                    me.load = load;
                    me.certificate_until = Some(until);
                });
                if let Err(error) = told {
                    tracing::warn!(%error, "this node's load is not told");
                }
            }
        };
        let (client, mut changed) = (self.client.clone(), self.directory().changed());
        let refreshed = async move {
            while changed.changed().await.is_ok() {
                // Connections to those that left close, though nobody calls.
                client.refresh();
            }
        };
        self.tasks.push(tokio::spawn(kept).abort_handle());
        self.tasks.push(tokio::spawn(refreshed).abort_handle());
        self.tasks.push(tokio::spawn(self.identity.clone().keep_renewed()).abort_handle());
    }

    /// Tells the others that this node takes calls.
    ///
    /// # Errors
    /// If it does not fit into a packet.
    pub(crate) fn ready(&self) -> anyhow::Result<()> {
        Ok(self.cluster.update(|me| {
            if me.state == State::Joining {
                me.state = State::Ready;
            }
        })?)
    }

    /// Tells the others that this node takes no calls until it is ready again.
    pub(crate) fn wait(&self) {
        // As below.
        let _ = self.cluster.update(|me| {
            if me.state == State::Ready {
                me.state = State::Joining;
            }
        });
    }

    /// Tells the others that this node takes nothing new.
    pub(crate) fn draining(&self) {
        // The state has been told before and is a number: it fits.
        let _ = self.cluster.update(|me| me.state = State::Draining);
    }

    /// Says farewell.
    pub(crate) async fn leave(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        self.cluster.leave().await;
    }

    /// Resolves once another node has one of this node's houses with the better right.
    pub(crate) async fn ousted(&self) -> Conflict {
        let mut changed = self.directory().changed();
        let mut twin_since = None;
        loop {
            if let Some(conflict) = self.conflict() {
                return conflict;
            }
            match self.twin() {
                None => twin_since = None,
                Some(conflict) => {
                    let now = self.env.now();
                    if now.since(*twin_since.get_or_insert(now)) >= GONE_BY {
                        return conflict;
                    }
                }
            }
            // Time alone makes a twin a rival.
            let look = timeout(GONE_BY, changed.changed()).await;
            if matches!(look, Ok(Err(_))) {
                // Nobody can say so any more.
                std::future::pending::<()>().await;
            }
        }
    }

    fn conflict(&self) -> Option<Conflict> {
        self.judge(second_owner)
    }

    /// Who has the same files, on embedded data.
    fn twin(&self) -> Option<Conflict> {
        self.embedded.then(|| self.judge(twin)).flatten()
    }

    fn judge(&self, rule: fn(&Member, &[Member]) -> Option<Conflict>) -> Option<Conflict> {
        let members = self.directory().members();
        let me = members.iter().find(|member| member.id == self.cluster.id())?;
        rule(me, &members)
    }

    /// The calls to other nodes.
    pub(crate) fn client(&self) -> Arc<Client> {
        self.client.clone()
    }

    /// The transport that accepts calls.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Who is there.
    pub(crate) fn directory(&self) -> Directory {
        self.cluster.directory()
    }

    /// Calls of other nodes that this one works on.
    pub(crate) fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    /// The cluster's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// This node.
    pub(crate) fn id(&self) -> NodeId {
        self.cluster.id()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// A client of the node at this address, whichever it is, for a command of the operator.
///
/// # Errors
/// What is wrong with the bundle.
pub(crate) fn operator(bundle: &Bundle, address: SocketAddr, env: &Env) -> anyhow::Result<Client> {
    let identity = Identity::mint(bundle, NodeId::new(env), &[OPERATOR], env)?;
    let connect = Arc::new(identity.tls().with_any_node());
    Ok(to(NodeId::new(env), address, connect, env).with_patience(OPERATORS_PATIENCE))
}

/// Why the node at `address` does not talk to an operator with this bundle, if it is a matter of who the two are.
pub(crate) async fn refusal(bundle: &Bundle, address: SocketAddr, env: &Env) -> Option<HandshakeError> {
    let identity = Identity::mint(bundle, NodeId::new(env), &[OPERATOR], env).ok()?;
    let connect = identity.tls().with_any_node();
    let reached =
        timeout(OPERATORS_PATIENCE, reach(&connect, Target { node: NodeId::new(env), address })).await;
    HandshakeError::of(&reached.ok()?.err()?).cloned()
}

/// A client of one node.
pub(super) fn to(node: NodeId, address: SocketAddr, connect: Arc<dyn Connect>, env: &Env) -> Client {
    Client::new(env.clone(), connect, Arc::new(Only::new(node, address)))
}

/// The same for all nodes on the same data, and for no others.
fn fingerprint(data: &Source, env: &Env) -> anyhow::Result<Fingerprint> {
    Ok(match data {
        Source::Directory(folder) => Fingerprint::of(&data_id(folder, env)?),
        Source::Postgres(server) => Fingerprint::of(server.to_string().as_bytes()),
    })
}

/// What tells a directory of data from all others: drawn once, and kept in it.
fn data_id(folder: &Path, env: &Env) -> anyhow::Result<Vec<u8>> {
    let file = folder.join(DATA_ID);
    if let Ok(kept) = fs::read(&file) {
        return Ok(kept);
    }
    let drawn = hex::encode(env.rng().token());
    let kept = fs::create_dir_all(folder).and_then(|()| fs::write(&file, &drawn));
    kept.with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(drawn.into_bytes())
}

fn ring(bundle: &Bundle) -> KeyRing {
    let mut keys = bundle.gossip_keys().into_iter().map(GossipKey::new);
    let first = keys.next().expect("a bundle has a key");
    KeyRing::new(first, keys.next())
}

/// Sees when a file changes.
struct Watched {
    path: PathBuf,
    seen: Vec<u8>,
}

impl Watched {
    fn new(path: PathBuf) -> Self {
        let seen = fs::read(&path).unwrap_or_default();
        Self { path, seen }
    }

    /// The bundle, if the file is another than the last time and can be read.
    fn changed(&mut self, env: &Env) -> Option<Bundle> {
        let present = fs::read(&self.path).ok().filter(|present| *present != self.seen)?;
        self.seen = present;
        match Bundle::load(&self.path, env) {
            Ok(bundle) => Some(bundle),
            Err(error) => {
                tracing::error!(%error, "the changed cluster bundle is not taken over");
                None
            }
        }
    }
}

fn name(config: &ClusterConfig, address: SocketAddr) -> String {
    if config.name.is_empty() { address.to_string() } else { config.name.clone() }
}

/// Where the others reach this node.
fn advertised(config: &ClusterConfig, listening: SocketAddr) -> anyhow::Result<SocketAddr> {
    if config.advertise.is_empty() {
        if listening.ip().is_unspecified() {
            bail!(
                "cluster.listen is {listening}, which no other node can call: say with cluster.advertise where \
                 they reach this one"
            );
        }
        return Ok(listening);
    }
    let advertised: SocketAddr =
        config.advertise.parse().context("cluster.advertise: expected an IP address and a port")?;
    Ok(if advertised.port() == 0 { SocketAddr::new(advertised.ip(), listening.port()) } else { advertised })
}
