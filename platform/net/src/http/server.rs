use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use super::connection::{Connection, Stage};
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

    /// Serves `router` until `stop` resolves, then drains.
    ///
    /// From then on the node is not ready, and every answer says that its connection ends. New requests and
    /// connections are still taken for `drain_delay`, and after that until no connection is open, at most for
    /// `drain_linger`: a client that has not heard of the end yet loses nothing. Then the listener closes, idle
    /// connections are closed, and requests in flight are finished within `drain_timeout`.
    ///
    /// Returns whether every request in flight was answered in time.
    pub async fn run(self, router: Router, stop: impl Future<Output = ()>) -> bool {
        let Self { listener, config, health, .. } = self;
        let connections = Connections::new(router, &config);
        let draining = async {
            stop.await;
            health.drain();
            connections.enter(Stage::Leaving);
            tokio::time::sleep(config.drain_delay).await;
            // Those that are still open then have been idle all the while.
            let _ = timeout(config.drain_linger, connections.all_closed()).await;
        };
        tokio::select! {
            () = draining => {}
            () = connections.accept_all(&listener) => {}
            () = metrics::fold_for_ever() => {}
        }
        connections.accept_last(listener);
        connections.enter(Stage::Closing);
        let finished = timeout(config.drain_timeout, connections.all_closed()).await.is_ok();
        if !finished {
            tracing::warn!("requests were still in flight when the time to drain was over");
        }
        connections.enter(Stage::Closed);
        finished
    }
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

/// All connections of a server.
struct Connections {
    router: Router,
    http: auto::Builder<TokioExecutor>,
    header_timeout: Duration,
    places: Arc<Semaphore>,
    open: Arc<watch::Sender<u32>>,
    stage: watch::Sender<Stage>,
    leaving: Arc<AtomicBool>,
}

impl Connections {
    fn new(router: Router, config: &HttpConfig) -> Self {
        Self {
            router,
            http: http(config),
            header_timeout: config.header_timeout,
            places: Arc::new(Semaphore::new(config.connections_max.max(1) as usize)),
            open: Arc::default(),
            stage: watch::Sender::new(Stage::Running),
            leaving: Arc::default(),
        }
    }

    fn enter(&self, stage: Stage) {
        self.leaving.store(stage >= Stage::Leaving, Ordering::Relaxed);
        self.stage.send_replace(stage);
    }

    async fn all_closed(&self) {
        // The sender is in our hands: there is no error.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

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

    /// Takes those whom the system has let in already, and closes the listener: the others are refused, while these
    /// would be cut off.
    fn accept_last(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok(place) = self.places.clone().try_acquire_owned() {
            let Ok((stream, peer)) = listener.accept() else { return };
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            match stream {
                Ok(stream) => self.serve(stream, Peer(peer), place),
                Err(error) => tracing::debug!(%error, "cannot take the last connection"),
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: Peer, place: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let connection = Connection::new(peer, self.stage.subscribe(), self.leaving.clone());
        let (http, router, header_timeout) = (self.http.clone(), self.router.clone(), self.header_timeout);
        let open = Open::count(self.open.clone(), place);
        tokio::spawn(async move {
            connection.serve(&http, stream, router, header_timeout).await;
            drop(open);
        });
    }
}

/// A connection among those that are open, until it is dropped.
struct Open {
    count: Arc<watch::Sender<u32>>,
    _place: OwnedSemaphorePermit,
}

impl Open {
    fn count(count: Arc<watch::Sender<u32>>, place: OwnedSemaphorePermit) -> Self {
        count.send_modify(|open| *open += 1);
        Self { count, _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.send_modify(|open| *open -= 1);
    }
}
