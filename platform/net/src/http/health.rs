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
        let _ = self.0.compare_exchange(STARTING, READY, Ordering::SeqCst, Ordering::SeqCst);
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
            _ => answer(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#),
        }
    }
}

fn answer(status: StatusCode, body: &'static str) -> Response {
    let json = (http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, [json, (CACHE_CONTROL, HeaderValue::from_static("no-store"))], body).into_response()
}
