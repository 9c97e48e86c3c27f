use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use shoal_types::wire::Peer;
use shoal_types::{Context, Env, Fact, Fault, Span, SpanKind};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use super::admission::Services;
use super::door::Door;
use super::frame::{FRAME_LEN_MAX, Frame, Header};
use super::hush::Hush;
use super::link::{FrameReader, IN_FLIGHT_MAX, QUEUE_LEN, greet, write_frames};
use super::lobby::{Arrival, Lobby};
use super::transport::{Accept, Io, Plain};
use crate::address::{self, AddressError};
use crate::identity::HandshakeError;

/// Connections of nodes that have shown who they are; further ones are closed.
const CONNECTIONS_MAX: usize = 1_024;

/// A client that is silent for so long is gone: it would have asked whether we live.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// After so long a client is asked to make its connection anew, with the certificates of then: one that was made with
/// what is not believed any more does not last for ever.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// Pause after the operating system would not accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bytes that an answer's frame has besides its body.
const ANSWER_HEAD_LEN: usize = 9;

/// Listens for calls of other nodes.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    accept: Arc<dyn Accept>,
    services: Services,
}

impl Server {
    /// Listens on `address` for plain TCP, on this machine only. Connections wait until [`Server::run`].
    ///
    /// # Errors
    /// `NotLoopback` if other machines could reach the address; else [`AddressError`] says what is wrong with it.
    pub async fn bind(address: &str, services: Services) -> Result<Self, AddressError> {
        let (listener, address) = address::listen(address::parse_loopback(address)?).await?;
        Ok(Self::behind(Door { listener, address }, Plain, services))
    }

    /// Answers at a door that is open already: `accept` finds out who comes in.
    pub fn behind(door: Door, accept: impl Accept, services: Services) -> Self {
        let Door { listener, address } = door;
        Self { listener, address, accept: Arc::new(accept), services }
    }

    /// The address listened on, with the port the system chose if it was asked for port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers calls until `stop` resolves, then takes no further ones and finishes those in flight, at most for
    /// `drain_timeout`.
    pub async fn run(self, stop: impl Future<Output = ()>, drain_timeout: Duration) {
        let Self { listener, accept, services, .. } = self;
        let (draining, _) = watch::channel(false);
        let mut connections = JoinSet::new();
        let refused = Hush::default();
        let accept = async {
            let mut lobby = Lobby::new(accept);
            loop {
                let arrival = tokio::select! {
                    accepted = accept_one(&listener) => {
                        if let Some((stream, from)) = accepted {
                            lobby.enter(stream, from);
                        }
                        continue;
                    }
                    arrival = lobby.next() => arrival,
                };
                let Some((stream, peer)) = let_in(arrival, &services.env, &refused) else { continue };
                // Reap those that have ended, lest they pile up.
                while connections.try_join_next().is_some() {}
                if connections.len() < CONNECTIONS_MAX {
                    connections.spawn(serve(stream, peer, services.clone(), draining.subscribe()));
                } else {
                    tracing::warn!(node = ?peer.node(), "closed a node's connection: there are too many");
                }
            }
        };
        tokio::select! {
            () = stop => {}
            () = accept => {}
        }
        drop(listener);
        draining.send_replace(true);
        let all_closed = async { while connections.join_next().await.is_some() {} };
        if timeout(drain_timeout, all_closed).await.is_err() {
            tracing::warn!("calls were still in flight when the time to drain was over");
        }
    }
}

async fn accept_one(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    let accepted = listener.accept().await.and_then(|(stream, from)| {
        stream.set_nodelay(true)?;
        Ok((stream, from))
    });
    match accepted {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "cannot accept a node's connection");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Passes on who has shown who it is. Who was refused is logged once a minute for each address and cause.
fn let_in(
    arrival: Arrival,
    env: &Env,
    refused: &Hush<(IpAddr, &'static str)>,
) -> Option<(Box<dyn Io>, Peer)> {
    let from = arrival.from.ip().to_canonical();
    let error = match arrival.shown {
        Ok(shown) => return Some(shown),
        Err(error) => error,
    };
    let cause = HandshakeError::of(&error);
    if let Some(cause) = cause {
        metrics::counter!("rpc_connections_refused_total", "code" => cause.code()).increment(1);
    }
    match cause {
        Some(cause) if refused.lets_log(env, (from, cause.code())) => {
            tracing::warn!(code = cause.code(), %from, %error, "refused a connection between nodes");
        }
        // A probe that only connects, a node that went away: nothing to act on.
        _ => tracing::debug!(%from, %error, "a connection between nodes was not made"),
    }
    None
}

/// Answers the calls of `peer` that come over one stream, until it closes it or breaks off; once `draining` says so,
/// only those already begun. Calls in flight end with the stream.
pub async fn serve(mut io: impl Io, peer: Peer, services: Services, draining: watch::Receiver<bool>) {
    let served = async {
        greet(&mut io).await?;
        let (read, write) = tokio::io::split(io);
        let (frames, queue) = mpsc::channel(QUEUE_LEN);
        let mut writing = tokio::spawn(write_frames(write, queue));
        let calls = Calls { services, peer, frames, running: JoinSet::new(), by_id: HashMap::new() };
        let ended = tokio::select! {
            ended = calls.answer_all(FrameReader::new(read), draining) => ended,
            _ = &mut writing => return Err(io::ErrorKind::BrokenPipe.into()),
        };
        // What is queued is still written: answers of calls that ended just now.
        let _ = writing.await;
        ended
    };
    if let Err(error) = served.await {
        tracing::debug!(%error, "a node's connection broke");
    }
}

/// The calls of one connection.
struct Calls {
    services: Services,
    peer: Peer,
    frames: mpsc::Sender<Frame>,
    /// Dropped with the connection, which stops what runs.
    running: JoinSet<u64>,
    by_id: HashMap<u64, AbortHandle>,
}

impl Calls {
    async fn answer_all<R: Io>(
        mut self,
        mut reader: FrameReader<R>,
        draining: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let mut going_away = false;
        let mut retires = pin!(timeout(CONNECTION_AGE_MAX, begins(draining)));
        loop {
            tokio::select! {
                read = timeout(SILENCE_MAX, reader.next()) => match read?? {
                    Some(frame) => self.take(frame, going_away).await?,
                    None => return Ok(()),
                },
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                    if let Ok(id) = ended {
                        self.by_id.remove(&id);
                    }
                }
                _ = &mut retires, if !going_away => {
                    // The client closes when it has its answers: what it sent meanwhile is still read and refused.
                    going_away = true;
                    self.send(Frame::GoAway).await?;
                }
            }
        }
    }

    async fn take(&mut self, frame: Frame, going_away: bool) -> io::Result<()> {
        match frame {
            Frame::Call { id, header, body } => match self.begin(id, &header, body, going_away) {
                Ok(()) => Ok(()),
                Err(fault) => self.send(Frame::Refused { id, fault }).await,
            },
            Frame::Cancel { id } => {
                if let Some(call) = self.by_id.remove(&id) {
                    call.abort();
                }
                Ok(())
            }
            Frame::Ping => self.send(Frame::Pong).await,
            Frame::Pong => Ok(()),
            Frame::Answer { .. } | Frame::Failed { .. } | Frame::Refused { .. } | Frame::GoAway => {
                Err(io::Error::other("the client sent a frame that only nodes send"))
            }
        }
    }

    fn begin(&mut self, id: u64, header: &[u8], body: Bytes, going_away: bool) -> Result<(), Fault> {
        let unreadable = || Fault::invalid("$", "unreadable", "the call's header cannot be read");
        let header = Header::decode(header).ok_or_else(unreadable)?;
        let service = self.services.admit(&self.peer, &header)?.clone();
        if going_away {
            return Err(Fault::Unavailable { what: header.service.to_string() });
        }
        if self.running.len() >= IN_FLIGHT_MAX {
            return Err(Fault::Overloaded {});
        }
        let place = self.services.places.take((service.service(), &header.method))?;
        let (cx, method, within) =
            (header.context(&self.services.env), header.method.to_string(), header.remaining());
        let mut span = self.span(&cx, service.service(), &method);
        let cx = span.within(&cx);
        let frames = self.frames.clone();
        let call = self.running.spawn(async move {
            let dispatched = AssertUnwindSafe(service.dispatch(&cx, &method, body)).catch_unwind();
            let answer = match timeout(within, dispatched).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) => {
                    let (service, request_id) = (service.service(), &*cx.request_id);
                    tracing::error!(service, method, request_id, "a call panicked");
                    Err(Fault::Internal {})
                }
                Err(_) => Err(Fault::DeadlineExceeded {}),
            };
            place.leave();
            if let Err(fault) = &answer {
                span.fail(fault.code());
            }
            // Who has the answer may look for its span.
            drop(span);
            // If the connection has broken, the client knows already.
            let _ = frames.send(answer_frame(id, answer)).await;
            id
        });
        self.by_id.insert(id, call);
        Ok(())
    }

    /// The span of answering one call.
    fn span(&self, cx: &Context, service: &'static str, method: &str) -> Span {
        let name = || format!("{service}/{method}").into();
        let mut span = Span::of(&self.services.env, cx, SpanKind::Server, name);
        span.set("rpc.system", || "shoal");
        span.set("rpc.service", || service);
        span.set("rpc.method", || method.to_owned());
        if let Some(node) = self.peer.node() {
            span.set("shoal.peer.node", || node.to_string());
        }
        span
    }

    async fn send(&self, frame: Frame) -> io::Result<()> {
        self.frames.send(frame).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Waits until the node drains; for ever if nobody can say so any more.
async fn begins(mut draining: watch::Receiver<bool>) {
    if draining.wait_for(|draining| *draining).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn answer_frame(id: u64, answer: Result<Bytes, Fault>) -> Frame {
    match answer {
        Ok(body) if body.len() + ANSWER_HEAD_LEN > FRAME_LEN_MAX => {
            tracing::error!(bytes = body.len(), "an answer is larger than a frame may be");
            Frame::Failed { id, fault: Fault::Internal {} }
        }
        Ok(body) => Frame::Answer { id, body },
        Err(fault) => Frame::Failed { id, fault },
    }
}
