use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use shoal_types::wire::Call;
use shoal_types::{Context, Env, Fault};
use tokio::time::timeout;

use super::connection::Outcome;
use super::frame::{Frame, Header};
use super::peer::Peer;
use super::transport::{Connect, Plain};
use crate::address::{self, AddressError};

/// Calls services on a fixed list of nodes, one connection to each, made when it is first needed.
///
/// A call goes to the node with the fewest calls in flight. If that node cannot be reached or refuses before it
/// begins, the next is asked; a call that may have begun is never sent twice.
pub struct Client {
    env: Env,
    peers: Vec<Peer>,
    connect: Arc<dyn Connect>,
    turn: AtomicUsize,
}

impl Client {
    /// A client over plain TCP, for nodes on this machine.
    ///
    /// # Errors
    /// `Invalid` for what is no address, `NotLoopback` for one of another machine.
    pub fn plain(env: Env, addresses: &[impl AsRef<str>]) -> Result<Self, AddressError> {
        let parsed: Result<_, _> =
            addresses.iter().map(|text| address::parse_loopback(text.as_ref())).collect();
        Ok(Self::new(env, Arc::new(Plain), parsed?))
    }

    /// A client over any transport.
    pub fn new(env: Env, connect: Arc<dyn Connect>, addresses: Vec<SocketAddr>) -> Self {
        let peers = addresses.into_iter().map(Peer::new).collect();
        Self { env, peers, connect, turn: AtomicUsize::new(0) }
    }

    /// The nodes, best first: fewest calls in flight, each first in turn where they have the same.
    fn by_load(&self) -> Vec<&Peer> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut peers: Vec<&Peer> = self.peers.iter().collect();
        peers.rotate_left(turn % self.peers.len().max(1));
        peers.sort_by_key(|peer| peer.in_flight.load(Ordering::Relaxed));
        peers
    }

    async fn call_some(
        &self,
        cx: &Context,
        service: &'static str,
        method: &'static str,
        body: Bytes,
    ) -> Result<Bytes, Fault> {
        let unavailable = || Fault::Unavailable { what: service.to_owned() };
        let mut refusal = None;
        for peer in self.by_load() {
            let _counted = peer.begin();
            let Some(connection) = peer.connection(&self.env, &*self.connect).await else { continue };
            // The time left is told as late as possible: connecting may have used some.
            let header = Header::encode(&self.env, cx, service, method);
            if !Frame::fits(&header, &body) {
                return Err(Fault::invalid("$", "too_large", "the call is larger than 16 MiB"));
            }
            match connection.call(header, body.clone()).await {
                Outcome::Answered(answer) => return answer,
                Outcome::Refused(fault) => refusal = Some(fault),
                Outcome::NotSent => {}
                Outcome::Lost => return Err(unavailable()),
            }
        }
        Err(refusal.unwrap_or_else(unavailable))
    }
}

#[async_trait]
impl Call for Client {
    async fn call(
        &self,
        cx: &Context,
        service: &'static str,
        method: &'static str,
        body: Bytes,
        _: bool,
    ) -> Result<Bytes, Fault> {
        cx.deadline.check(&self.env)?;
        let remaining = cx.deadline.remaining(&self.env);
        match timeout(remaining, self.call_some(cx, service, method, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(Fault::DeadlineExceeded {}),
        }
    }
}
