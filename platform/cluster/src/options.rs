use std::net::SocketAddr;
use std::time::Duration;

use uuid::Uuid;

use crate::{KeyRing, Member};

/// What a node needs to take part.
#[derive(Debug, Clone)]
pub struct Options {
    /// The cluster's id: packets of another cluster are refused, even under the same keys.
    pub cluster: Uuid,
    /// The keys that seal the packets.
    pub keys: KeyRing,
    /// The UDP address to gossip on; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The address under which other nodes reach `listen`. If absent it is `listen`, or where that means all
    /// addresses of the machine, the address of `me.peer_address` with the port of `listen`.
    pub advertise: Option<SocketAddr>,
    /// Nodes to ask for the others, as `host:port`: any node will do, up or not, this one included. Names are
    /// resolved again and again.
    pub seeds: Vec<String>,
    /// What this node tells about itself.
    pub me: Member,
    /// How often and how patiently.
    pub pace: Pace,
}

impl Options {
    /// Options without seeds, at the default pace.
    pub fn new(cluster: Uuid, keys: KeyRing, listen: SocketAddr, me: Member) -> Self {
        Self { cluster, keys, listen, advertise: None, seeds: Vec::new(), me, pace: Pace::default() }
    }
}

/// How often a node gossips and how patient it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Time between two rounds. Above 100 nodes a round takes place only every second, third, .. time.
    pub interval: Duration,
    /// How sure a node must be that another is gone before it says so: at 3.5 a silence this long comes by chance
    /// once in 10^3.5 heartbeats. With heartbeats at the default interval that is 1.6 s.
    pub phi: f64,
    /// How long a silent node is still listed, and its address still tried, before it is forgotten.
    pub forget_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { interval: Duration::from_millis(200), phi: 3.5, forget_after: Duration::from_secs(60) }
    }
}
