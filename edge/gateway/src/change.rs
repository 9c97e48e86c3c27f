use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request};
use bytes::Bytes;
use garde::Validate;
use http::request::Parts;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use shoal_net::http::{IdempotencyKey, Json, Problem, fingerprint};
use shoal_types::{Context, Idempotency};

use crate::auth::Cx;
use crate::gateway::Gateway;

/// A `POST` that changes something: who sends it, its body, and in the context its `Idempotency-Key`, if it has one.
pub(crate) struct Change<T> {
    pub(crate) cx: Context,
    pub(crate) body: T,
}

impl<T> FromRequest<Gateway> for Change<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let Cx(mut cx) = Cx::from_request_parts(&mut parts, gateway).await?;
        let Some(key) = key(&mut parts).await? else {
            let Json(body) = Json::from_request(Request::from_parts(parts, body), gateway).await?;
            return Ok(Self { cx, body });
        };
        let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
        let (body, seen) = copied(body);
        let Json(body) = Json::from_request(Request::from_parts(parts, body), gateway).await?;
        cx.idempotency = Some(Idempotency { key, fingerprint: fingerprint(&method, &path, &seen.bytes()) });
        Ok(Self { cx, body })
    }
}

/// A `POST` that changes something and needs no body.
pub(crate) struct BareChange(pub(crate) Context);

impl FromRequestParts<Gateway> for BareChange {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let Cx(mut cx) = Cx::from_request_parts(parts, gateway).await?;
        if let Some(key) = key(parts).await? {
            let fingerprint = fingerprint(&parts.method, parts.uri.path(), b"");
            cx.idempotency = Some(Idempotency { key, fingerprint });
        }
        Ok(Self(cx))
    }
}

async fn key(parts: &mut Parts) -> Result<Option<Arc<str>>, Problem> {
    let key = <IdempotencyKey as OptionalFromRequestParts<()>>::from_request_parts(parts, &()).await?;
    Ok(key.map(|IdempotencyKey(key)| key))
}

/// The bytes of a body that another reads.
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    fn bytes(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The same body, whose bytes are noted while it is read; the middleware bounds how many.
fn copied(body: Body) -> (Body, Seen) {
    let bytes = Arc::<Mutex<Vec<u8>>>::default();
    let seen = Seen(bytes.clone());
    let noted = body.map_frame(move |frame| {
        let note =
            |data: &Bytes| bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(data);
        frame.data_ref().into_iter().for_each(note);
        frame
    });
    (Body::new(noted), seen)
}
