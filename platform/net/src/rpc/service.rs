use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use metrics::{Counter, Histogram, counter, histogram};
use shoal_types::Fault;
use tokio::time::Instant;

use super::budget::Budget;
use super::pool::Choices;

/// Calls of one service that wait for a node to come; further ones fail at once.
const WAITING_MAX: usize = 1_024;

/// What a client keeps of one service.
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) choices: ArcSwap<Choices>,
    budget: Mutex<Budget>,
    away: Mutex<Option<Away>>,
    waiting: AtomicUsize,
    pub(super) metrics: ServiceMetrics,
}

/// A time in which no node of the service could be called.
#[derive(Debug, Clone, Copy)]
struct Away {
    since: Instant,
    noticed_at: Instant,
}

impl Service {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            choices: ArcSwap::default(),
            budget: Mutex::new(Budget::new(Instant::now())),
            away: Mutex::default(),
            waiting: AtomicUsize::new(0),
            metrics: ServiceMetrics::new(name),
        }
    }

    /// Counts a call.
    pub(super) fn deposit(&self) {
        lock(&self.budget).deposit(Instant::now());
    }

    /// Takes a retry from the budget; false if none is left.
    pub(super) fn withdraw(&self) -> bool {
        let granted = lock(&self.budget).withdraw(Instant::now());
        if granted { &self.metrics.retries } else { &self.metrics.retries_refused }.increment(1);
        granted
    }

    /// Notes that a node answers.
    pub(super) fn is_back(&self) {
        *lock(&self.away) = None;
    }

    /// Notes that no node can be called. Until when calls may wait for one: a short absence, such as a restart, costs
    /// time only; in a long one calls fail at once.
    pub(super) fn is_away(&self, patience: Duration) -> Instant {
        let now = Instant::now();
        let mut away = lock(&self.away);
        // What nobody has noticed for a while is another absence.
        let before = away.filter(|away| now.saturating_duration_since(away.noticed_at) <= patience);
        let since = before.map_or(now, |away| away.since);
        *away = Some(Away { since, noticed_at: now });
        since + patience
    }

    /// A place among the calls that wait for a node.
    pub(super) fn wait(&self) -> Option<Place<'_>> {
        let place = Place(&self.waiting);
        (self.waiting.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(place)
    }

    /// What a caller hears if no node can be called.
    pub(super) fn unavailable(&self) -> Fault {
        Fault::Unavailable { what: self.name.to_owned() }
    }
}

/// Given back when dropped.
pub(super) struct Place<'s>(&'s AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Labelled by service only: nodes come and go, and a label for each would stay for ever.
pub(super) struct ServiceMetrics {
    seconds: Histogram,
    answered: Counter,
    failed: Counter,
    retries: Counter,
    retries_refused: Counter,
}

impl ServiceMetrics {
    fn new(service: &'static str) -> Self {
        let calls = |outcome| counter!("rpc_calls_total", "service" => service, "outcome" => outcome);
        let retries = |granted| counter!("rpc_retries_total", "service" => service, "granted" => granted);
        Self {
            seconds: histogram!("rpc_call_duration_seconds", "service" => service),
            answered: calls("answered"),
            failed: calls("failed"),
            retries: retries("yes"),
            retries_refused: retries("no"),
        }
    }

    /// Counts a call with all its attempts.
    pub(super) fn record(&self, answered: bool, took: Duration) {
        if answered { &self.answered } else { &self.failed }.increment(1);
        self.seconds.record(took.as_secs_f64());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one of these locks can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
