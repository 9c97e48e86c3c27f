use std::net::SocketAddr;
use std::time::Duration;

use shoal_types::NodeId;

use super::breaker::BreakerState;

/// What a client knows of one node that answers for one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStats {
    /// The service.
    pub service: &'static str,
    /// The node.
    pub node: NodeId,
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether there is a connection that takes calls.
    pub connected: bool,
    /// Whether it gets calls; of the node, whichever service it failed.
    pub breaker: BreakerState,
    /// Calls that wait for its answer.
    pub in_flight: usize,
    /// How long a call takes now: an average that follows slow answers at once and quick ones over seconds.
    pub latency: Duration,
    /// Calls sent since the node was named.
    pub calls: u64,
    /// Those among them that were lost or met silence. Errors that the service answers are none.
    pub failures: u64,
}
