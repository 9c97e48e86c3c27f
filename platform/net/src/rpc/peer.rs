use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shoal_types::Env;
use tokio::time::{Instant, timeout};

use super::connection::Connection;
use super::transport::Connect;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Pause after the first failed attempt to connect; it doubles with each further one.
const PAUSE_MIN_MS: u32 = 20;
const PAUSE_MAX_MS: u32 = 2_000;

/// One node that is called, and the connection to it once there is one.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) in_flight: AtomicUsize,
    link: Mutex<Link>,
    /// Held while connecting, so that a thousand callers make one attempt.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Link {
    connection: Option<Arc<Connection>>,
    failures: u32,
    not_before: Option<Instant>,
}

impl Peer {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            in_flight: AtomicUsize::new(0),
            link: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// The open connection, or a new one. `None` if the node cannot be reached, or could not a moment ago.
    pub(super) async fn connection(&self, env: &Env, connect: &dyn Connect) -> Option<Arc<Connection>> {
        if let Some(connection) = self.open() {
            return Some(connection);
        }
        let _turn = self.turn.lock().await;
        if let Some(connection) = self.open() {
            return Some(connection);
        }
        if self.lock().not_before.is_some_and(|instant| Instant::now() < instant) {
            return None;
        }
        match self.connect(connect).await {
            Ok(connection) => {
                let connection = Arc::new(connection);
                *self.lock() = Link { connection: Some(connection.clone()), failures: 0, not_before: None };
                Some(connection)
            }
            Err(error) => {
                self.failed(env, &error);
                None
            }
        }
    }

    /// Counts a call until the guard is dropped.
    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }

    fn open(&self) -> Option<Arc<Connection>> {
        self.lock().connection.as_ref().filter(|connection| connection.is_open()).cloned()
    }

    async fn connect(&self, connect: &dyn Connect) -> io::Result<Connection> {
        let opening = async { Connection::open(connect.connect(self.address).await?).await };
        timeout(CONNECT_TIMEOUT, opening).await?
    }

    fn failed(&self, env: &Env, error: &io::Error) {
        let mut link = self.lock();
        link.connection = None;
        link.failures += 1;
        if link.failures == 1 {
            tracing::warn!(peer = %self.address, %error, "cannot connect to a node");
        }
        let pause_ms = PAUSE_MIN_MS.saturating_mul(1 << link.failures.min(16)).min(PAUSE_MAX_MS);
        let jittered_ms = pause_ms / 2 + env.rng().below(pause_ms / 2);
        link.not_before = Some(Instant::now() + Duration::from_millis(jittered_ms.into()));
    }

    fn lock(&self) -> MutexGuard<'_, Link> {
        // Nothing that holds the lock can panic half-way.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call on its way.
pub(super) struct InFlight<'p>(&'p AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
