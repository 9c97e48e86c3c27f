use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, counter, gauge};
use shoal_types::Fault;
use tokio::time::Instant;

use super::limit::Limit;

/// Decides for all connections of a server how many calls are worked on at a time: beyond what [`Limit`] finds to be of
/// use, a call is refused before it begins, while its caller has time to ask another node.
pub(super) struct Places {
    in_flight: AtomicUsize,
    /// What `limit` says, to be read without its lock.
    limit_now: AtomicUsize,
    limit: Mutex<Limit>,
    refused: Counter,
    in_flight_gauge: Gauge,
    limit_gauge: Gauge,
}

impl Default for Places {
    fn default() -> Self {
        let limit = Limit::new(Instant::now());
        Self {
            in_flight: AtomicUsize::new(0),
            limit_now: AtomicUsize::new(limit.get()),
            limit: Mutex::new(limit),
            refused: counter!("rpc_server_refused_total"),
            in_flight_gauge: gauge!("rpc_server_in_flight"),
            limit_gauge: gauge!("rpc_server_limit"),
        }
    }
}

impl Places {
    /// Lets a call in.
    ///
    /// # Errors
    /// `Overloaded`: more would only make all of them late.
    pub(super) fn take(self: &Arc<Self>, service: &str, method: &str) -> Result<Place, Fault> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        if before >= self.limit_now.load(Ordering::Relaxed) {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            self.refused.increment(1);
            return Err(Fault::Overloaded {});
        }
        self.in_flight_gauge.increment(1);
        let method = BuildHasherDefault::<DefaultHasher>::new().hash_one((service, method));
        Ok(Place { places: self.clone(), method, began: Instant::now(), answered: false })
    }
}

/// The place of a call that is worked on; given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    method: u64,
    began: Instant,
    answered: bool,
}

impl Place {
    /// Gives the place back after the answer. A call whose place is only dropped was stopped half-way.
    pub(super) fn leave(mut self) {
        self.answered = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let places = &self.places;
        let in_flight = places.in_flight.fetch_sub(1, Ordering::Relaxed);
        places.in_flight_gauge.decrement(1);
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        // Nothing that holds the lock can panic half-way.
        let mut limit = places.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if limit.ended(now, self.method, took, self.answered, in_flight) {
            let calls = limit.get();
            places.limit_now.store(calls, Ordering::Relaxed);
            places.limit_gauge.set(u32::try_from(calls).unwrap_or(u32::MAX));
        }
    }
}
