//! Nodes of a cluster, for the tests of what lies between them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use shoal_net::identity::{Bundle, HandshakeError, Identity};
use shoal_net::rpc::{Client, Door, Server, Services, Target, reach};
use shoal_types::wire::{Call, Dispatch};
use shoal_types::{Caller, Clock, Context, Env, Fact, Fault, ManualClock, NodeId, SystemRng, Timestamp};
use tokio::sync::oneshot;

/// The present of tests that need one.
pub(crate) const NOON: &str = "2026-05-03T12:00:00Z";

/// A clock at noon and what reads it.
pub(crate) fn noon() -> (Arc<ManualClock>, Env) {
    let clock = Arc::new(ManualClock::at(Timestamp::parse(NOON).expect("a time")));
    (clock.clone(), at(clock))
}

pub(crate) fn at(clock: Arc<dyn Clock>) -> Env {
    Env::new(clock, Arc::new(SystemRng))
}

pub(crate) fn bundle(env: &Env) -> Bundle {
    Bundle::create("pond", env).expect("a valid name")
}

pub(crate) fn identity(bundle: &Bundle, roles: &[&str], env: &Env) -> Identity {
    Identity::mint(bundle, NodeId::new(env), roles, env).expect("a good bundle")
}

/// Says what it is told and who told it.
struct Echo;

#[async_trait]
impl Dispatch for Echo {
    fn service(&self) -> &'static str {
        "echo"
    }

    fn callers(&self, method: &str) -> &'static [&'static str] {
        match method {
            "say" => &["gateway", "checkout"],
            "pay" => &["checkout"],
            _ => &[],
        }
    }

    fn system_callers(&self) -> &'static [&'static str] {
        &["checkout"]
    }

    async fn dispatch(&self, _cx: &Context, method: &str, body: Bytes) -> Result<Bytes, Fault> {
        match method {
            "say" | "pay" => Ok(body),
            _ => Err(Fault::Internal {}),
        }
    }
}

/// A node that answers calls.
pub(crate) struct Node {
    pub(crate) identity: Identity,
    pub(crate) address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Node {
    pub(crate) async fn start(identity: Identity, env: &Env) -> Self {
        let services = Services::new(env.clone(), [Arc::new(Echo) as Arc<dyn Dispatch>]);
        let door = Door::open("127.0.0.1:0").await.expect("a free port");
        let server = Server::behind(door, identity.tls(), services);
        let (stop, stopped) = oneshot::channel();
        let address = server.address();
        let stopped = async {
            let _ = stopped.await;
        };
        tokio::spawn(server.run(stopped, Duration::from_secs(5)));
        Self { identity, address, _stop: stop }
    }

    /// A node that all may call, of a cluster of its own.
    pub(crate) async fn alone() -> (Self, Bundle) {
        let env = Env::system();
        let bundle = bundle(&env);
        (Self::start(identity(&bundle, &["users"], &env), &env).await, bundle)
    }
}

/// A node of which only the address is known.
pub(crate) fn somebody_at(address: SocketAddr) -> Target {
    Target { node: NodeId::new(&Env::system()), address }
}

/// Calls whichever node is at `address` as `identity`.
pub(crate) fn client(identity: &Identity, address: SocketAddr, env: &Env) -> Arc<Client> {
    let targets: Arc<[Target]> = [somebody_at(address)].into();
    Arc::new(Client::new(env.clone(), Arc::new(identity.tls().with_any_node()), Arc::new(targets)))
}

/// A call on behalf of `caller`.
pub(crate) async fn call(
    client: &Client,
    caller: Caller,
    method: &'static str,
    body: &'static str,
) -> Result<Bytes, Fault> {
    let env = Env::system();
    let cx = Context::system(&env, Duration::from_secs(20)).with_caller(caller);
    client.call(&cx, "echo", method, body.into(), false).await
}

/// The code under which `identity` finds that it cannot talk to a node; empty if it can.
pub(crate) async fn code_of(identity: &Identity, address: SocketAddr) -> &'static str {
    code(reach(&identity.tls().with_any_node(), somebody_at(address)).await)
}

pub(crate) fn code(reached: io::Result<()>) -> &'static str {
    match reached {
        Ok(()) => "",
        Err(error) => HandshakeError::of(&error).unwrap_or_else(|| panic!("{error:?}")).code(),
    }
}
