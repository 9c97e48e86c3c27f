use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::balance::{Latency, cost};
use super::connection::Connection;
use super::peer::{Net, Peer};
use super::stats::TargetStats;

/// A call that ends unanswered counts as the node's failure only if it had so long to give a sign of life.
const PATIENCE: Duration = Duration::from_millis(500);

/// A node that answers for one service, and what its calls of this service were like. Latencies are kept by service:
/// a checkout takes longer than a look-up wherever it runs.
pub(super) struct Candidate {
    pub(super) peer: Arc<Peer>,
    in_flight: AtomicUsize,
    calls: AtomicU64,
    failures: AtomicU64,
    load: Mutex<Load>,
}

struct Load {
    latency: Latency,
    shunned_until: Option<Instant>,
}

impl Candidate {
    /// A node that is taken to be as quick as `latency` until it has shown otherwise.
    pub(super) fn new(peer: Arc<Peer>, latency: Duration) -> Self {
        let load = Load { latency: Latency::new(latency, Instant::now()), shunned_until: None };
        Self {
            peer,
            in_flight: AtomicUsize::new(0),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            load: Mutex::new(load),
        }
    }

    pub(super) fn latency(&self, now: Instant) -> Duration {
        self.lock().latency.read(now)
    }

    /// What another call would cost.
    pub(super) fn cost(&self, now: Instant) -> Duration {
        cost(self.latency(now), self.in_flight.load(Ordering::Relaxed))
    }

    /// Whether it refused a call a moment ago: refusals are quick, and must not make it look good.
    pub(super) fn is_shunned(&self, now: Instant) -> bool {
        self.lock().shunned_until.is_some_and(|until| now < until)
    }

    /// Asks others first for so long.
    pub(super) fn shun(&self, time: Duration) {
        self.lock().shunned_until = Some(Instant::now() + time);
    }

    /// Counts a call until the guard is dropped.
    pub(super) fn begin<'c>(&'c self, net: &'c Net, connection: &'c Connection) -> InFlight<'c> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.calls.fetch_add(1, Ordering::Relaxed);
        InFlight { candidate: self, net, connection, began: Instant::now(), ended: false }
    }

    pub(super) fn stats(&self, service: &'static str) -> TargetStats {
        TargetStats {
            service,
            node: self.peer.target.node,
            address: self.peer.target.address,
            connected: self.peer.ready().is_some(),
            breaker: self.peer.breaker(),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            latency: self.latency(Instant::now()),
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Load> {
        // Nothing that holds the lock can panic half-way.
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call on its way. If it is dropped without a word, its caller has gone or its time has run out.
pub(super) struct InFlight<'c> {
    candidate: &'c Candidate,
    net: &'c Net,
    connection: &'c Connection,
    began: Instant,
    ended: bool,
}

impl InFlight<'_> {
    /// The node answered.
    pub(super) fn answered(mut self) {
        self.ended = true;
        let now = Instant::now();
        self.candidate.lock().latency.observe(now - self.began, now);
        self.candidate.peer.succeeded(now);
    }

    /// The node would not begin: it is alive, but how long it takes is not known from that.
    pub(super) fn refused(mut self) {
        self.ended = true;
        self.candidate.peer.succeeded(Instant::now());
    }

    /// The call has not left; that says nothing.
    pub(super) fn not_sent(mut self) {
        self.ended = true;
    }

    /// The connection broke, or the node stayed silent.
    pub(super) fn lost(mut self) {
        self.ended = true;
        self.count_failure();
    }

    fn count_failure(&self) {
        self.candidate.failures.fetch_add(1, Ordering::Relaxed);
        self.candidate.peer.failed(self.net);
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.candidate.in_flight.fetch_sub(1, Ordering::Relaxed);
        if self.ended {
            return;
        }
        let (now, took) = (Instant::now(), self.began.elapsed());
        self.candidate.lock().latency.observe_at_least(took, now);
        // A node that is only slow answers pings.
        if took >= PATIENCE && self.connection.heard_at() < self.began {
            self.count_failure();
        }
    }
}
