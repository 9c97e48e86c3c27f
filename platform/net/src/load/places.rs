use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge};
use shoal_types::Fault;
use tokio::time::Instant;

use super::Law;
use super::limit::Limit;

/// Where places tell how they are taken.
pub(crate) struct Meters {
    pub(crate) refused: Counter,
    pub(crate) in_flight: Gauge,
    pub(crate) limit: Gauge,
}

/// Decides how many calls of one kind a server works on at a time: beyond what [`Limit`] finds to be of use, a call is
/// refused before it begins, while its caller has time to ask another node.
pub(crate) struct Places {
    in_flight: AtomicUsize,
    /// What `limit` says, to be read without its lock.
    limit_now: AtomicUsize,
    limit: Mutex<Limit>,
    meters: Meters,
}

impl Places {
    pub(crate) fn new(law: Law, meters: Meters) -> Self {
        let limit = Limit::new(law, Instant::now());
        let (in_flight, limit_now) = (AtomicUsize::new(0), AtomicUsize::new(limit.get()));
        Self { in_flight, limit_now, limit: Mutex::new(limit), meters }
    }

    /// Lets a call of `method` in.
    ///
    /// # Errors
    /// `Overloaded`: more would only make all of them late.
    pub(crate) fn take(self: &Arc<Self>, method: impl Hash) -> Result<Place, Fault> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        if before >= self.limit_now.load(Ordering::Relaxed) {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            self.meters.refused.increment(1);
            return Err(Fault::Overloaded {});
        }
        self.meters.in_flight.increment(1);
        let method = BuildHasherDefault::<DefaultHasher>::new().hash_one(method);
        Ok(Place { places: self.clone(), method, began: Instant::now(), answered: false })
    }
}

/// The place of a call that is worked on; given back when dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    method: u64,
    began: Instant,
    answered: bool,
}

impl Place {
    /// Gives the place back after the answer. A call whose place is only dropped failed or was stopped half-way.
    pub(crate) fn leave(mut self) {
        self.answered = true;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let places = &self.places;
        let in_flight = places.in_flight.fetch_sub(1, Ordering::Relaxed);
        places.meters.in_flight.decrement(1);
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        // Nothing that holds the lock can panic half-way.
        let mut limit = places.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if limit.ended(now, self.method, took, self.answered, in_flight) {
            let calls = limit.get();
            places.limit_now.store(calls, Ordering::Relaxed);
            places.meters.limit.set(u32::try_from(calls).unwrap_or(u32::MAX));
        }
    }
}
