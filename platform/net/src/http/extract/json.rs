use std::fmt::Write;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use garde::Validate;
use http::header::{CONTENT_TYPE, HeaderMap};
use http::{HeaderValue, Method};
use http_body_util::{BodyExt, LengthLimitError};
use serde::de::DeserializeOwned;
use serde::{Deserializer, Serialize};
use sha2::{Digest, Sha256};
use shoal_types::{Fault, Idempotency};

use super::IdempotencyKey;
use super::shape;
use super::strict::Strict;
use super::validate::validate;
use super::violations::Violations;
use crate::http::exchange::BodyMax;
use crate::http::{HttpError, Problem};

/// A JSON body. As a request it is refused, with the path of each bad value, unless it is exactly a valid `T`;
/// as a response it is written compactly.
///
/// Unknown fields are found through the type's structs: `#[serde(flatten)]` and untagged enums hide them and lose
/// paths, so request types do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let body = collect(request).await?;
        read(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let mut response = Response::new(Body::from(body));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written as JSON");
                Problem::from(Fault::Internal {}).into_response()
            }
        }
    }
}

/// A JSON body of a request that changes something, with its `Idempotency-Key` and the fingerprint of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotent<T> {
    /// The body.
    pub body: T,
    /// The key and the fingerprint, for [`Context::idempotency`](shoal_types::Context).
    pub idempotency: Idempotency,
}

impl<T, S> FromRequest<S> for Idempotent<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        require_json(request.headers())?;
        let IdempotencyKey(key) = IdempotencyKey::require(request.headers())?;
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let bytes = collect(request).await?;
        let body = read(&bytes)?;
        Ok(Self { body, idempotency: Idempotency { key, fingerprint: fingerprint(&method, &path, &bytes) } })
    }
}

/// SHA-256 over method, path and body, for [`Idempotency::fingerprint`].
pub fn fingerprint(method: &Method, path: &str, body: &[u8]) -> [u8; 32] {
    let mut digest = Sha256::new();
    // Neither a method nor a path can contain a line feed, so no two requests give the same text.
    digest.update(method.as_str());
    digest.update("\n");
    digest.update(path);
    digest.update("\n");
    digest.update(body);
    digest.finalize().into()
}

fn require_json(headers: &HeaderMap) -> Result<(), HttpError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let json = essence.eq_ignore_ascii_case("application/json")
        || essence
            .get(essence.len().saturating_sub(5)..)
            .is_some_and(|end| end.eq_ignore_ascii_case("+json"));
    if json { Ok(()) } else { Err(HttpError::UnsupportedMediaType {}) }
}

async fn collect(request: Request) -> Result<Bytes, HttpError> {
    let max_bytes = request.extensions().get::<BodyMax>().map_or(BodyMax::DEFAULT, |max| max.0);
    match http_body_util::Limited::new(request.into_body(), max_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_large(&*error) => Err(HttpError::BodyTooLarge { max_bytes: max_bytes as u64 }),
        Err(_) => Err(HttpError::TruncatedBody {}),
    }
}

/// The limit may sit below wrappers that axum puts around a body's error.
fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<LengthLimitError>() || error.source().is_some_and(is_too_large)
}

fn read<T: DeserializeOwned + Validate<Context = ()>>(body: &[u8]) -> Result<T, Problem> {
    shape::check(body)?;
    let mut violations = Violations::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = typed(Strict(&mut json), &mut violations);
    violations.check()?;
    let value: T = value.ok_or(Fault::Internal {})?;
    validate(&value)?;
    Ok(value)
}

/// Reads a `T`, or notes the first value that does not fit, and every field that `T` does not have.
pub(super) fn typed<'de, T, D>(deserializer: D, violations: &mut Violations) -> Option<T>
where
    T: serde::Deserialize<'de>,
    D: Deserializer<'de>,
    D::Error: std::fmt::Display,
{
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
    let mut ignored = |path: serde_ignored::Path<'_>| violations.unknown_field(dotted(&path));
    let result = T::deserialize(serde_ignored::Deserializer::new(tracked, &mut ignored));
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            violations.add_serde(&track.path().to_string(), &error.to_string());
            None
        }
    }
}

/// `lines[2].quantity`, as the other paths are written.
fn dotted(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => {
            let mut text = dotted(parent);
            let _ = write!(text, "[{index}]");
            text
        }
        Path::Map { parent, key } => match dotted(parent) {
            text if text.is_empty() => key.clone(),
            text => format!("{text}.{key}"),
        },
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            dotted(parent)
        }
    }
}
