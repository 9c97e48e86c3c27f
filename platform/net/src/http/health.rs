use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Router;
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
pub struct Health(Arc<AtomicU8>);

impl Health {
    /// A node that lives and is not ready yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on `/readyz` says 200, unless the node drains already.
    pub fn ready(&self) {
        for state in [STARTING, WAITING] {
            let _ = self.0.compare_exchange(state, READY, Ordering::SeqCst, Ordering::SeqCst);
        }
    }

    /// From now on `/readyz` says 503 until the node is ready again: what it needs is out of reach.
    pub fn wait(&self) {
        let _ = self.0.compare_exchange(READY, WAITING, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// From now on, and for good, `/readyz` says 503.
    pub fn drain(&self) {
        self.0.store(DRAINING, Ordering::SeqCst);
    }

    /// Whether the node wants work.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::SeqCst) == READY
    }

    /// `GET /healthz` (200 while the process answers at all) and `GET /readyz` (200 while it wants work, else 503).
    pub fn router(&self) -> Router {
        let own = self.clone();
        Router::new()
            .route("/healthz", get(async || answer(StatusCode::OK, r#"{"status":"alive"}"#)))
            .route("/readyz", get(async move || own.readiness()))
    }

    fn readiness(&self) -> Response {
        match self.0.load(Ordering::SeqCst) {
            READY => answer(StatusCode::OK, r#"{"status":"ready"}"#),
            STARTING => answer(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"starting"}"#),
            WAITING => answer(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"waiting"}"#),
            _ => answer(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#),
        }
    }
}

fn answer(status: StatusCode, body: &'static str) -> Response {
    let json = (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, [json, (CACHE_CONTROL, HeaderValue::from_static("no-store"))], body).into_response()
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
