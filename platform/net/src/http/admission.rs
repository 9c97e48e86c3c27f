use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap};
use shoal_types::Fault;

use super::routes::Endpoint;
use super::{Class, IdempotencyKey};
use crate::load::{Law, Meters, Place, Places};

/// Sheds requests before anything is done for them, when more would only make all late.
///
/// Reads, changes and logins have places of their own, so that a crowd of one kind leaves the others theirs. A repeat of a
/// change that is under way here, told by its idempotency key, takes no place: what it asks for is being done, and who
/// waits for it should learn how it ends.
///
/// Source: docs/adr/0010-calls-between-nodes.md
pub(super) struct Admission {
    reads: Arc<Places>,
    changes: Arc<Places>,
    logins: Arc<Places>,
    under_way: Arc<UnderWay>,
}

/// A request that was let in, until it is dropped.
pub(super) struct Admitted {
    place: Option<Place>,
    _first: Option<First>,
}

impl Admitted {
    /// Gives the place back after an answer that did what was asked: what such a one takes tells how busy the node is.
    pub(super) fn done(mut self) {
        if let Some(place) = self.place.take() {
            place.leave();
        }
    }
}

impl Admission {
    /// Waiting beyond twice a change's own time is worth up to `patience`.
    pub(super) fn new(patience: Duration) -> Self {
        let changes = Law::REQUESTS.patient(patience);
        let places = |class: Class, law| {
            let class = class.as_str();
            let meters = Meters {
                refused: metrics::counter!("http_requests_shed_total", "class" => class),
                in_flight: metrics::gauge!("http_places_taken", "class" => class),
                limit: metrics::gauge!("http_places", "class" => class),
            };
            Arc::new(Places::new(law, meters))
        };
        Self {
            reads: places(Class::Read, Law::REQUESTS.patient(patience / 3)),
            changes: places(Class::Write, changes),
            logins: places(Class::Login, changes),
            under_way: Arc::default(),
        }
    }

    /// Lets a request in.
    ///
    /// # Errors
    /// `Overloaded`: it would be late, or make others late.
    pub(super) fn admit(&self, endpoint: &Endpoint, headers: &HeaderMap) -> Result<Admitted, Fault> {
        let places = match endpoint.class {
            Class::Open => return Ok(Admitted { place: None, _first: None }),
            Class::Read => &self.reads,
            Class::Write => &self.changes,
            Class::Login => &self.logins,
        };
        let digest = digest(endpoint, headers);
        if digest.is_some_and(|digest| self.under_way.has(digest)) {
            return Ok(Admitted { place: None, _first: None });
        }
        let place = places.take((endpoint.method, &endpoint.route))?;
        let first = digest.and_then(|digest| self.under_way.begin(digest));
        Ok(Admitted { place: Some(place), _first: first })
    }
}

/// Which change this is, if its client can repeat it.
fn digest(endpoint: &Endpoint, headers: &HeaderMap) -> Option<u64> {
    let key = headers.get(IdempotencyKey::NAME).filter(|_| endpoint.class == Class::Write)?;
    let caller = headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
    let what = (endpoint.method, &endpoint.route, key.as_bytes(), caller);
    Some(BuildHasherDefault::<DefaultHasher>::new().hash_one(what))
}

/// The changes under way that can be repeated: as many as there are places at most.
#[derive(Default)]
struct UnderWay(Mutex<HashSet<u64>>);

/// The first request for a change, while it is under way.
struct First {
    under_way: Arc<UnderWay>,
    digest: u64,
}

impl UnderWay {
    fn has(&self, digest: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest)
    }

    /// `None` if another request has begun it meanwhile.
    fn begin(self: &Arc<Self>, digest: u64) -> Option<First> {
        let first = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
        first.then(|| First { under_way: self.clone(), digest })
    }
}

impl Drop for First {
    fn drop(&mut self) {
        self.under_way.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.digest);
    }
}
