use std::net::SocketAddr;
use std::sync::Arc;

use shoal_types::NodeId;

/// A node that answers for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Which.
    pub node: NodeId,
    /// Where it listens for calls of other nodes.
    pub address: SocketAddr,
}

/// Who answers for what at this moment: a directory of nodes, or a fixed list.
pub trait Peers: Send + Sync + 'static {
    /// The nodes that answer for `service`, each once. Asked before every call, so it must be quick; as long as
    /// nothing has changed, best with the same `Arc`.
    ///
    /// A hint: a node that has gone is found out by calling it, one that is missing is called as soon as it is named.
    fn with_service(&self, service: &str) -> Arc<[Target]>;
}

/// A fixed list: every node in it answers for every service.
impl Peers for Arc<[Target]> {
    fn with_service(&self, _: &str) -> Arc<[Target]> {
        self.clone()
    }
}
