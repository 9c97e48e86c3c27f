//! A small API to send requests to.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{get, post, put};
use garde::Validate;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use shoal_net::http::{
    Cx, Entity, HttpConfig, IdempotencyKey, Idempotent, IfMatch, Json, Path, Problem, Query, Stack,
};
use shoal_types::{Env, Id, ManualClock, Noun, SeededRng, Timestamp};
use tower::ServiceExt;

#[derive(Debug)]
pub(crate) struct Fish;
impl Noun for Fish {
    const PREFIX: &'static str = "fish";
}

shoal_types::errors! {
    /// What can go wrong at the pond.
    pub enum PondError {
        /// Too few fish.
        TooFew { available: u32 } => (Conflict, "too_few", "only {available} left"),
    }
}

#[derive(Debug, Serialize, Deserialize, Validate)]
pub(crate) struct Catch {
    #[garde(length(chars, min = 1, max = 5))]
    pond: String,
    #[serde(default)]
    #[garde(dive)]
    lines: Vec<Line>,
}

#[derive(Debug, Serialize, Deserialize, Validate)]
pub(crate) struct Line {
    #[garde(range(min = 1, max = 100))]
    quantity: u32,
    #[garde(custom(even_length))]
    #[serde(default)]
    note: String,
}

fn even_length(note: &str, _: &()) -> garde::Result {
    if note.len().is_multiple_of(2) {
        Ok(())
    } else {
        Err(garde::Error::new("odd: must have an even length"))
    }
}

#[derive(Debug, Deserialize, Validate)]
struct Page {
    #[garde(range(min = 1))]
    limit: Option<u32>,
    #[garde(skip)]
    text: Option<String>,
}

/// Its clock stands still, so that headers and ids are always the same.
pub(crate) fn env() -> (Env, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_700_000_000_000_000)));
    (Env::new(clock.clone(), Arc::new(SeededRng::new(7))), clock)
}

pub(crate) fn router() -> Router {
    Router::new()
        .route("/catches", post(async |Json(catch): Json<Catch>| (StatusCode::CREATED, Json(catch))))
        .route("/catches/keyed", post(keyed))
        .route("/raw", post(async |body: bytes::Bytes| body.len().to_string()))
        .route("/fish", get(async |Query(page): Query<Page>| format!("{:?} {:?}", page.limit, page.text)))
        .route("/fish/{id}", get(async |Path(id): Path<Id<Fish>>| id.to_string()).put(versioned))
        .route("/key", put(async |key: Option<IdempotencyKey>| format!("{key:?}")))
        .route("/context", get(async |Cx(cx): Cx| format!("{} {} {:?}", cx.request_id, cx.trace, cx.caller)))
        .route("/too-few", get(async || Problem::from(PondError::TooFew { available: 2 })))
        .route("/panic", get(async || -> String { panic!("the pond is dry") }))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(60)).await))
        .route("/entity", get(async |headers: HeaderMap| Entity::json(7, r#"{"a":1}"#).answer(&headers)))
        .route("/large", get(async || Json("carp ".repeat(1_000))))
        .route("/plain-error", get(async || (StatusCode::BAD_REQUEST, "bare words")))
}

async fn versioned(IfMatch(version): IfMatch) -> String {
    version.to_string()
}

async fn keyed(sent: Idempotent<Catch>) -> String {
    format!("{} {} {}", sent.body.pond, sent.idempotency.key, sent.idempotency.fingerprint.len())
}

pub(crate) fn app() -> Router {
    app_with(HttpConfig::default())
}

pub(crate) fn app_with(config: HttpConfig) -> Router {
    Stack::new(env().0, config).wrap(router())
}

/// An answer as text: status, the headers that say something about it, body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: bytes::Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.status.as_u16(), String::from_utf8_lossy(&self.body))
    }
}

pub(crate) async fn send(app: &Router, request: Request) -> Answer {
    let response = app.clone().oneshot(request).await.expect("the router never fails");
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("the body comes whole").to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

/// A request with the id `r1`: `METHOD /path`.
pub(crate) fn request(line: &str) -> http::request::Builder {
    let (method, uri) = line.split_once(' ').expect("a method and a path");
    Request::builder().method(method).uri(uri).header("x-request-id", "r1")
}

pub(crate) async fn get_text(app: &Router, uri: &str) -> String {
    send(app, request(&format!("GET {uri}")).body(Body::empty()).expect("a request")).await.text()
}

pub(crate) async fn post_json(app: &Router, uri: &str, body: impl Into<Body>) -> Answer {
    let request = request(&format!("POST {uri}")).header("content-type", "application/json");
    send(app, request.body(body.into()).expect("a request")).await
}
