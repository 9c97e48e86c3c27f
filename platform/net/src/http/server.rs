use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tower::Service;

use super::{Health, HttpConfig, Peer, metrics};
use crate::address::{self, AddressError};

/// Pause after the operating system would not accept a connection, for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// HTTP/1.1 and HTTP/2 without TLS, on one listener.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    config: HttpConfig,
    health: Health,
}

impl Server {
    /// Listens on `config.listen`. Connections wait until [`Server::run`].
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong with the address.
    pub async fn bind(config: HttpConfig, health: Health) -> Result<Self, AddressError> {
        let (listener, address) = address::listen(address::parse(&config.listen)?).await?;
        Ok(Self { listener, address, config, health })
    }

    /// The address listened on, with the port the system chose if the configuration says 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` until `stop` resolves, then drains: not ready, listener closed, requests in flight
    /// finished within the configured time, connections closed.
    ///
    /// Returns whether every request in flight was answered in time.
    pub async fn run(self, router: Router, stop: impl Future<Output = ()>) -> bool {
        let Self { listener, config, health, .. } = self;
        let (stage, _) = watch::channel(Stage::Running);
        let connections_max = config.connections_max.max(1);
        let connections = Connections {
            router,
            http: http(&config),
            header_timeout: config.header_timeout,
            places: Arc::new(Semaphore::new(connections_max as usize)),
            stage: &stage,
        };
        let draining = async {
            stop.await;
            health.drain();
            tokio::time::sleep(config.drain_delay).await;
        };
        tokio::select! {
            () = draining => {}
            () = connections.accept_all(&listener) => {}
            () = metrics::fold_for_ever() => {}
        }
        drop(listener);
        stage.send_replace(Stage::Draining);
        // A connection gives its place back when it closes.
        let all_closed = connections.places.acquire_many(connections_max);
        let finished = timeout(config.drain_timeout, all_closed).await.is_ok();
        if !finished {
            tracing::warn!("requests were still in flight when the time to drain was over");
        }
        stage.send_replace(Stage::Closed);
        finished
    }
}

/// What connections are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Running,
    Draining,
    Closed,
}

fn http(config: &HttpConfig) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(config.header_timeout);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .max_header_list_size(64 << 10)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    http
}

struct Connections<'s> {
    router: Router,
    http: auto::Builder<TokioExecutor>,
    header_timeout: Duration,
    places: Arc<Semaphore>,
    stage: &'s watch::Sender<Stage>,
}

impl Connections<'_> {
    async fn accept_all(&self, listener: &TcpListener) {
        loop {
            let Ok(place) = self.places.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => self.serve(stream, Peer(peer), place),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: Peer, place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let (http, router, header_timeout) = (self.http.clone(), self.router.clone(), self.header_timeout);
        let mut stage = self.stage.subscribe();
        tokio::spawn(async move {
            let _place = place;
            // hyper would wait for ever for the first bytes, by which it tells HTTP/1 from HTTP/2.
            let mut first = [0];
            let speaks = tokio::select! {
                came = timeout(header_timeout, stream.peek(&mut first)) => came.is_ok(),
                _ = stage.wait_for(|stage| *stage >= Stage::Draining) => false,
            };
            if speaks {
                serve_connection(&http, stream, peer, router, stage).await;
            }
        });
    }
}

async fn serve_connection(
    http: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    peer: Peer,
    router: Router,
    mut stage: watch::Receiver<Stage>,
) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        router.clone().call(request)
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = stage.wait_for(|stage| *stage >= Stage::Draining) => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        ended = tokio::select! {
            ended = connection => Some(ended),
            _ = stage.wait_for(|stage| *stage == Stage::Closed) => None,
        };
    }
    if let Some(Err(error)) = ended {
        tracing::debug!(error, peer = %peer.0, "a connection broke");
    }
}
