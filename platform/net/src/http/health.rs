use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{CACHE_CONTROL, HeaderValue};

const STARTING: u8 = 0;
const READY: u8 = 1;
const DRAINING: u8 = 2;
const WAITING: u8 = 3;

/// Whether the node lives and whether it wants work; a cheap handle, shared by clones.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Condition>);

#[derive(Debug, Default)]
struct Condition {
    state: AtomicU8,
    /// What the node does without for now.
    degraded: Mutex<BTreeSet<&'static str>>,
}

impl Health {
    /// A node that lives and is not ready yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on `/readyz` says 200, unless the node drains already.
    pub fn ready(&self) {
        for state in [STARTING, WAITING] {
            let _ = self.0.state.compare_exchange(state, READY, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// From now on `/readyz` says 503 until the node is ready again: what it needs is out of reach.
    pub fn wait(&self) {
        let _ = self.0.state.compare_exchange(READY, WAITING, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// From now on, and for good, `/readyz` says 503.
    pub fn drain(&self) {
        self.0.state.store(DRAINING, Ordering::SeqCst);
    }

    /// Says in `/readyz` that the node does without `what`, or that it is back. It stays as ready as it is.
    pub fn degraded(&self, what: &'static str, without: bool) {
        let mut degraded = self.missing();
        if without {
            degraded.insert(what);
        } else {
            degraded.remove(what);
        }
    }

    fn missing(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.0.degraded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the node wants work.
    pub fn is_ready(&self) -> bool {
        self.0.state.load(Ordering::SeqCst) == READY
    }

    /// `GET /healthz` (200 while the process answers at all) and `GET /readyz` (200 while it wants work, else 503).
    pub fn router(&self) -> Router {
        let own = self.clone();
        Router::new()
            .route("/healthz", get(async || answer(StatusCode::OK, r#"{"status":"alive"}"#)))
            .route("/readyz", get(async move || own.readiness()))
    }

    fn readiness(&self) -> Response {
        match self.0.state.load(Ordering::SeqCst) {
            READY if self.missing().is_empty() => answer(StatusCode::OK, r#"{"status":"ready"}"#),
            READY => {
                let missing: Vec<&str> = self.missing().iter().copied().collect();
                let body = format!(r#"{{"status":"ready","degraded":["{}"]}}"#, missing.join(r#"",""#));
                answer(StatusCode::OK, body)
            }
            STARTING => answer(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"starting"}"#),
            WAITING => answer(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"waiting"}"#),
            _ => answer(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#),
        }
    }
}

fn answer(status: StatusCode, body: impl Into<Body>) -> Response {
    let json = (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, [json, (CACHE_CONTROL, HeaderValue::from_static("no-store"))], body.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_waits_and_is_ready_again_but_never_after_it_drains() {
        let health = Health::new();
        health.wait();
        assert_eq!(health.readiness().status(), StatusCode::SERVICE_UNAVAILABLE, "it has only started");
        health.ready();
        assert!(health.is_ready());
        health.wait();
        assert!(!health.is_ready());
        assert_eq!(health.readiness().status(), StatusCode::SERVICE_UNAVAILABLE);
        health.ready();
        assert_eq!(health.readiness().status(), StatusCode::OK);
        health.drain();
        health.wait();
        health.ready();
        assert_eq!(health.readiness().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
