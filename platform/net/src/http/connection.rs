use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tower::Service;

use super::Peer;

/// A client that has connected is about to ask: so long its first request is waited for, even by a server that closes.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_millis(500);

/// What connections are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Running,
    /// Answer what comes, and say each time that it was the last.
    Leaving,
    /// Finish what is under way.
    Closing,
    Closed,
}

/// One connection, from its first byte to its last.
pub(super) struct Connection {
    peer: Peer,
    accepted_at: Instant,
    stage: watch::Receiver<Stage>,
    /// Whether the stage is past `Running`: asked for with each answer, so it must be quick.
    leaving: Arc<AtomicBool>,
    seen: Arc<Seen>,
}

/// What has come over a connection.
#[derive(Default)]
struct Seen {
    request: AtomicBool,
    http2: AtomicBool,
    first: Notify,
}

impl Seen {
    fn request(&self, version: Version) {
        if !self.request.load(Ordering::Relaxed) {
            self.http2.store(version == Version::HTTP_2, Ordering::Relaxed);
            self.request.store(true, Ordering::Release);
            self.first.notify_one();
        }
    }
}

impl Connection {
    pub(super) fn new(peer: Peer, stage: watch::Receiver<Stage>, leaving: Arc<AtomicBool>) -> Self {
        Self { peer, accepted_at: Instant::now(), stage, leaving, seen: Arc::default() }
    }

    /// Serves until the client closes, or the server does and has answered.
    pub(super) async fn serve(
        mut self,
        http: &auto::Builder<TokioExecutor>,
        stream: TcpStream,
        router: Router,
        header_timeout: Duration,
    ) {
        // hyper would wait for ever for the first bytes, by which it tells HTTP/1 from HTTP/2.
        let mut first = [0];
        let mut stage = self.stage.clone();
        let speaks = tokio::select! {
            came = timeout(header_timeout, stream.peek(&mut first)) => came.is_ok(),
            () = gives_up(&mut stage, self.accepted_at) => false,
        };
        if speaks {
            self.serve_requests(http, stream, router).await;
        }
    }

    async fn serve_requests(
        &mut self,
        http: &auto::Builder<TokioExecutor>,
        stream: TcpStream,
        router: Router,
    ) {
        let (seen, leaving, peer) = (self.seen.clone(), self.leaving.clone(), self.peer);
        let service = service_fn(move |request: Request<Incoming>| {
            let version = request.version();
            seen.request(version);
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let (answer, leaving) = (router.clone().call(request), leaving.clone());
            async move {
                let mut response = answer.await?;
                if leaving.load(Ordering::Relaxed) && version != Version::HTTP_2 {
                    say_last(&mut response);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let mut ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = self.leaves() => None,
        };
        if ended.is_none() {
            connection.as_mut().graceful_shutdown();
            ended = tokio::select! {
                ended = connection => Some(ended),
                _ = self.stage.wait_for(|stage| *stage == Stage::Closed) => None,
            };
        }
        if let Some(Err(error)) = ended {
            tracing::debug!(error, peer = %self.peer.0, "a connection broke");
        }
    }

    /// Resolves when the connection is to end as soon as nothing is under way on it.
    async fn leaves(&mut self) {
        let leaving = self.stage.wait_for(|stage| *stage >= Stage::Leaving).await.is_ok();
        if leaving && !self.seen.request.load(Ordering::Acquire) {
            tokio::select! {
                () = self.seen.first.notified() => {}
                () = gives_up(&mut self.stage, self.accepted_at) => {}
            }
        }
        // HTTP/2 says GOAWAY and loses nothing that is on its way. HTTP/1 can only say it with an answer, and who asks
        // while an idle connection closes gets none: so it stays open for a while.
        if !self.seen.http2.load(Ordering::Relaxed) {
            // Without a server nobody waits either.
            let _ = self.stage.wait_for(|stage| *stage >= Stage::Closing).await;
        }
    }
}

/// Resolves when a connection that has brought no request yet need not be waited for any more.
async fn gives_up(stage: &mut watch::Receiver<Stage>, accepted_at: Instant) {
    // Without a server nobody waits either.
    let _ = stage.wait_for(|stage| *stage >= Stage::Closing).await;
    sleep_until(accepted_at + FIRST_REQUEST_WITHIN).await;
}

fn say_last(response: &mut Response) {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
}
