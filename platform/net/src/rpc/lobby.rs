use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shoal_types::wire::Peer;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::transport::{Accept, Io};

/// Connections that have not shown who they are. One more sends the oldest away: a node takes milliseconds, so those
/// that say nothing cannot keep the nodes out.
const ARRIVING_MAX: usize = 128;

/// Who has not shown who it is by then never will.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Where connections wait until they have shown who they are.
pub(super) struct Lobby {
    accept: Arc<dyn Accept>,
    arriving: JoinSet<Arrival>,
    oldest_first: VecDeque<AbortHandle>,
}

/// What became of a connection.
pub(super) struct Arrival {
    pub(super) from: SocketAddr,
    pub(super) shown: io::Result<(Box<dyn Io>, Peer)>,
}

impl Lobby {
    pub(super) fn new(accept: Arc<dyn Accept>) -> Self {
        Self { accept, arriving: JoinSet::new(), oldest_first: VecDeque::new() }
    }

    pub(super) fn enter(&mut self, stream: TcpStream, from: SocketAddr) {
        self.oldest_first.retain(|arriving| !arriving.is_finished());
        while self.oldest_first.len() >= ARRIVING_MAX {
            self.oldest_first.pop_front().as_ref().map(AbortHandle::abort);
        }
        let accept = self.accept.clone();
        self.oldest_first.push_back(self.arriving.spawn(async move {
            let shown = match timeout(HANDSHAKE_TIMEOUT, accept.accept(stream)).await {
                Ok(shown) => shown,
                Err(elapsed) => Err(elapsed.into()),
            };
            Arrival { from, shown }
        }));
    }

    /// The next connection that has shown who it is or was refused. Waits for ever if there is none.
    pub(super) async fn next(&mut self) -> Arrival {
        loop {
            match self.arriving.join_next().await {
                Some(Ok(arrival)) => return arrival,
                // Sent away.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }
}
