use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use shoal_types::{Env, Rng, SeededRng};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::breaker::{Admits, Breaker, BreakerState};
use super::connection::Connection;
use super::target::Target;
use super::transport::Connect;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Pause after the first failed attempt to connect; it doubles with each further one.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What all peers of one client share.
pub(super) struct Net {
    pub(super) env: Env,
    connect: Arc<dyn Connect>,
    /// Drawn from for every choice, so it must be quick; nothing it decides is a secret.
    rng: SeededRng,
    /// Changes whenever an attempt to connect ends.
    news: watch::Sender<()>,
}

impl Net {
    pub(super) fn new(env: Env, connect: Arc<dyn Connect>) -> Self {
        let mut seed = [0; 8];
        env.rng().fill(&mut seed);
        let rng = SeededRng::new(u64::from_le_bytes(seed));
        Self { env, connect, rng, news: watch::Sender::new(()) }
    }

    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// 64 random bits.
    pub(super) fn draw(&self) -> u64 {
        let mut bytes = [0; 8];
        self.rng.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A random time below `longest`.
    pub(super) fn jitter(&self, longest: Duration) -> Duration {
        let rng: &dyn Rng = &self.rng;
        longest * rng.below(1_000) / 1_000
    }
}

/// One node that is called: the connection to it once there is one, and whether it is to be trusted.
pub(super) struct Peer {
    pub(super) target: Target,
    connection: ArcSwapOption<Connection>,
    dialling: Mutex<Dialling>,
    breaker: Mutex<Breaker>,
    /// The breaker is not closed; saves a lock for each choice.
    tripped: AtomicBool,
}

/// The attempts to connect.
#[derive(Default)]
struct Dialling {
    under_way: bool,
    failures: u32,
    not_before: Option<Instant>,
}

impl Peer {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            connection: ArcSwapOption::empty(),
            dialling: Mutex::default(),
            breaker: Mutex::new(Breaker::new(Instant::now())),
            tripped: AtomicBool::new(false),
        }
    }

    /// The connection, if there is one that takes calls.
    pub(super) fn ready(&self) -> Option<Arc<Connection>> {
        let connection = self.connection.load();
        connection.as_ref().filter(|connection| connection.is_open()).cloned()
    }

    /// Sees to it that a connection is being made, unless the last attempt failed a moment ago. Whether one is.
    ///
    /// The attempt is nobody's in particular: it goes on when the call that wanted it is gone.
    pub(super) fn dial(self: &Arc<Self>, net: &Arc<Net>) -> bool {
        {
            let mut dialling = lock(&self.dialling);
            if dialling.under_way {
                return true;
            }
            if dialling.not_before.is_some_and(|instant| Instant::now() < instant) {
                return false;
            }
            dialling.under_way = true;
        }
        let (own, net) = (self.clone(), net.clone());
        tokio::spawn(async move {
            let target = own.target;
            let opening = async { Connection::open(net.connect.connect(target).await?, target).await };
            match timeout(CONNECT_TIMEOUT, opening).await.unwrap_or_else(|late| Err(late.into())) {
                Ok(connection) => own.connected(connection),
                Err(error) => own.not_connected(&net, &error),
            }
            net.news.send_replace(());
        });
        true
    }

    fn connected(&self, connection: Connection) {
        self.connection.store(Some(Arc::new(connection)));
        *lock(&self.dialling) = Dialling::default();
    }

    fn not_connected(&self, net: &Net, error: &io::Error) {
        {
            let mut dialling = lock(&self.dialling);
            dialling.under_way = false;
            if dialling.failures == 0 {
                let Target { node, address } = self.target;
                tracing::warn!(%node, %address, %error, "cannot connect to a node");
            }
            let pause = PAUSE_MIN.saturating_mul(1 << dialling.failures.min(16)).min(PAUSE_MAX);
            dialling.failures = dialling.failures.saturating_add(1);
            dialling.not_before = Some(Instant::now() + pause / 2 + net.jitter(pause / 2));
        }
        self.failed(net);
    }

    /// What the breaker lets through.
    pub(super) fn admits(&self, now: Instant) -> Admits {
        if self.tripped.load(Ordering::Relaxed) { lock(&self.breaker).admits(now) } else { Admits::Calls }
    }

    /// Claims the breaker's probe; false if another call has it.
    pub(super) fn probe(&self, now: Instant) -> bool {
        lock(&self.breaker).probe(now)
    }

    pub(super) fn breaker(&self) -> BreakerState {
        lock(&self.breaker).state(Instant::now())
    }

    /// Notes that the node answered.
    pub(super) fn succeeded(&self, now: Instant) {
        let mut breaker = lock(&self.breaker);
        breaker.succeeded(now);
        let closed = breaker.state(now) == BreakerState::Closed;
        if closed && self.tripped.swap(false, Ordering::Relaxed) {
            let Target { node, address } = self.target;
            tracing::info!(%node, %address, "a node is called again");
        }
    }

    /// Notes that the node could not be reached or did not answer.
    pub(super) fn failed(&self, net: &Net) {
        let jitter = u32::try_from(net.draw() % 1_000).unwrap_or(0);
        let opened = lock(&self.breaker).failed(Instant::now(), jitter);
        if opened && !self.tripped.swap(true, Ordering::Relaxed) {
            let Target { node, address } = self.target;
            tracing::warn!(%node, %address, "a node fails again and again and is left alone for a while");
            metrics::counter!("rpc_breaker_openings_total").increment(1);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one of these locks can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
