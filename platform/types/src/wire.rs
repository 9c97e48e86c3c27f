//! The seam between a caller and a service that may be elsewhere: bytes in, bytes out. `contract` makes typed
//! clients and dispatchers over these two traits; `net` carries the bytes.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Context, Fault, NodeId};

/// Among the roles that may call: every node of the cluster, whatever its roles. No certificate can name it.
pub const ANY: &str = "*";

/// Carries calls to a service elsewhere.
#[async_trait]
pub trait Call: Send + Sync + 'static {
    /// Sends `body` to `method` of `service` and waits for the answer, at most until the context's deadline.
    ///
    /// The answer is the encoded `Result` of the method. The outcome is unknown after an error: callers repeat
    /// only what is idempotent. If the call is, as `idempotent` says, an implementation may repeat it by itself.
    ///
    /// # Errors
    /// `Unavailable` if the service cannot be reached, `DeadlineExceeded` if time ran out.
    async fn call(
        &self,
        cx: &Context,
        service: &'static str,
        method: &'static str,
        body: Bytes,
        idempotent: bool,
    ) -> Result<Bytes, Fault>;
}

/// Answers calls from elsewhere.
#[async_trait]
pub trait Dispatch: Send + Sync + 'static {
    /// The service answered for.
    fn service(&self) -> &'static str;

    /// The roles of which a node must have one to call `method`; none if there is no such method. A dispatcher that
    /// does not say answers its own machine only.
    fn callers(&self, _method: &str) -> &'static [&'static str] {
        &[]
    }

    /// The roles of which a node must have one to call on behalf of [`Caller::System`](crate::Caller::System).
    fn system_callers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Decodes `body`, calls `method` and encodes its `Result`.
    ///
    /// # Errors
    /// `Invalid` for an unknown method or a body that cannot be decoded: the other side is of another version.
    async fn dispatch(&self, cx: &Context, method: &str, body: Bytes) -> Result<Bytes, Fault>;
}

/// Who is at the other end of a connection, as its certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer(Option<Named>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    node: NodeId,
    roles: Arc<[Arc<str>]>,
}

impl Peer {
    /// A node that has shown who it is.
    pub fn new(node: NodeId, roles: Arc<[Arc<str>]>) -> Self {
        Self(Some(Named { node, roles }))
    }

    /// Whoever can reach a loopback address of this machine: needs no certificate and may do everything.
    pub const fn local() -> Self {
        Self(None)
    }

    /// The node; `None` on this machine without a certificate.
    pub fn node(&self) -> Option<NodeId> {
        self.0.as_ref().map(|named| named.node)
    }

    /// The roles in the certificate.
    pub fn roles(&self) -> &[Arc<str>] {
        self.0.as_ref().map_or(&[], |named| &named.roles)
    }

    /// Whether the peer may do what takes one of `roles`.
    pub fn has_any(&self, roles: &[&str]) -> bool {
        match &self.0 {
            None => true,
            Some(named) => roles.contains(&ANY) || named.roles.iter().any(|own| roles.contains(&&**own)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Env;

    #[test]
    fn a_peer_may_do_what_one_of_its_roles_may() {
        let peer = Peer::new(NodeId::new(&Env::system()), ["users".into(), "orders".into()].into());
        assert!(peer.has_any(&["gateway", "orders"]));
        assert!(!peer.has_any(&["gateway"]) && !peer.has_any(&["order"]) && !peer.has_any(&[]));
        assert!(peer.has_any(&[ANY]) && Peer::local().has_any(&[]));
    }
}
