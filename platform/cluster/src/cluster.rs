use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shoal_types::{Env, NodeId};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::gossip::Gossip;
use crate::seal::Sealer;
use crate::table::{Change, Patience, Table};
use crate::{ClusterError, Counts, Directory, KeyRing, Link, Member, Options, Pace, State, Udp, seeds};

/// How long it is told that a node has left.
const GONE_FOR: Duration = Duration::from_secs(30);
/// Nodes told by the one that leaves; the others hear of it from them.
const FAREWELLS_MAX: usize = 64;

/// This node's part in the cluster. It takes part until this is dropped, which the others take for a crash, or until
/// [`leave`](Self::leave).
pub struct Cluster {
    id: NodeId,
    gossip: Arc<Gossip>,
    tasks: Vec<AbortHandle>,
}

impl Cluster {
    /// Takes part, over UDP. Returns at once; the others appear in the directory as they are heard of, this node is
    /// there from the start.
    ///
    /// # Errors
    /// `InUse` and `Refused` if the address cannot be listened on, `NoAddress` if no address is known under which
    /// others reach it, `TooLarge` if `me` does not fit into a packet.
    pub async fn join(options: Options, env: Env) -> Result<Self, ClusterError> {
        let link = Udp::bind(options.listen).await;
        let link = link.map_err(|error| ClusterError::listen(options.listen, &error))?;
        Self::join_over(Arc::new(link), options, env)
    }

    /// Takes part, over any link; `options.listen` does not matter. Needs a tokio runtime.
    ///
    /// # Errors
    /// `NoAddress` and `TooLarge`, as for [`join`](Self::join).
    pub fn join_over(link: Arc<dyn Link>, options: Options, env: Env) -> Result<Self, ClusterError> {
        let own_address = advertised(&options, link.local_address())?;
        let Options { cluster, keys, seeds, me, pace, .. } = options;
        let id = me.id;
        let table = Table::new(Member { gossip_address: own_address, ..me }, patience(pace))?;
        let (found, resolved) = watch::channel(Vec::new());
        let gossip = Arc::new(Gossip {
            link,
            directory: Directory::new(table.members()),
            own_address,
            seeds: resolved,
            urgent: Notify::new(),
            ticks: watch::Sender::new(0),
            table: Mutex::new(table),
            sealer: Mutex::new(Sealer::new(cluster, id, &keys, &env)),
            counts: Mutex::default(),
            complaints: Mutex::default(),
            env,
        });
        let tasks = vec![
            tokio::spawn(seeds::resolve(seeds, found)).abort_handle(),
            tokio::spawn(gossip.clone().run(pace.interval)).abort_handle(),
        ];
        Ok(Self { id, gossip, tasks })
    }

    /// This node's id.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The address under which other nodes reach this one's gossip: a seed for them.
    pub fn gossip_address(&self) -> SocketAddr {
        self.gossip.own_address
    }

    /// Who is there.
    pub fn directory(&self) -> Directory {
        self.gossip.directory.clone()
    }

    /// Changes what this node tells about itself. Its own directory shows it at once; the others are told at once
    /// too, unless only the load has changed, which goes with the next rounds. Id, gossip address and start stay as
    /// they are. Without effect after [`leave`](Self::leave).
    ///
    /// # Errors
    /// `TooLarge` if it would not fit into a packet; nothing is changed then.
    pub fn update(&self, change: impl FnOnce(&mut Member)) -> Result<(), ClusterError> {
        let mut table = self.gossip.table();
        let changed = table.update(change)?;
        self.gossip.publish(&mut table, Change::Load);
        if changed == Change::Membership {
            self.gossip.urgent.notify_one();
        }
        Ok(())
    }

    /// Takes another key ring, while running: see [`KeyRing`] for the order in which keys are changed.
    pub fn swap_keys(&self, keys: &KeyRing) {
        self.gossip.sealer().swap(keys);
    }

    /// What has crossed the wire.
    pub fn counts(&self) -> Counts {
        *self.gossip.counts()
    }

    /// Tells the others that this node drains, then that it is gone, and stops. Takes about three intervals.
    pub async fn leave(&self) {
        if self.gossip.table().has_left() {
            return;
        }
        // Draining is not new to the others if the node said so before; and it always fits, being a number.
        let _ = self.update(|me| me.state = State::Draining);
        self.gossip.tell(FAREWELLS_MAX).await;
        self.wait_for_tick().await;
        self.gossip.table().leave();
        // Packets get lost: it is said twice.
        self.gossip.tell(FAREWELLS_MAX).await;
        self.wait_for_tick().await;
        self.gossip.tell(FAREWELLS_MAX).await;
        self.stop();
    }

    async fn wait_for_tick(&self) {
        let mut ticks = self.gossip.ticks.subscribe();
        ticks.changed().await.expect("this handle holds the sender");
    }

    fn stop(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The address that the others are told.
fn advertised(options: &Options, local: SocketAddr) -> Result<SocketAddr, ClusterError> {
    let advertised = options.advertise.unwrap_or_else(|| {
        let unspecified = local.ip().is_unspecified();
        let ip = if unspecified { options.me.peer_address.ip() } else { local.ip() };
        SocketAddr::new(ip, local.port())
    });
    if advertised.ip().is_unspecified() || advertised.port() == 0 {
        return Err(ClusterError::NoAddress { address: local.to_string() });
    }
    Ok(advertised)
}

fn patience(pace: Pace) -> Patience {
    let ticks = |time: Duration| {
        let ticks = time.as_micros() / pace.interval.as_micros().max(1);
        u64::try_from(ticks).unwrap_or(u64::MAX).max(1)
    };
    Patience { phi: pace.phi, forget_after: ticks(pace.forget_after), gone_for: ticks(GONE_FOR) }
}
