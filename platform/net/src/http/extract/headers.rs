use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::header::{HeaderMap, HeaderName, IF_MATCH};
use http::request::Parts;

use crate::http::{HttpError, Problem};

const KEY_LEN_MAX: usize = 255;

/// The `Idempotency-Key` header: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Arc<str>);

impl IdempotencyKey {
    pub(in crate::http) const NAME: HeaderName = HeaderName::from_static("idempotency-key");

    fn find(headers: &HeaderMap) -> Result<Option<Self>, HttpError> {
        let Some(value) = only(headers, &Self::NAME).map_err(|_| HttpError::IdempotencyKeyInvalid {})? else {
            return Ok(None);
        };
        let fits = (1..=KEY_LEN_MAX).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Some(Self(value.into()))) } else { Err(HttpError::IdempotencyKeyInvalid {}) }
    }

    pub(super) fn require(headers: &HeaderMap) -> Result<Self, HttpError> {
        Self::find(headers)?.ok_or(HttpError::IdempotencyKeyMissing {})
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::require(&parts.headers)?)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok(Self::find(&parts.headers)?)
    }
}

/// The version a change is based on: one strong ETag `"v7"` in the `If-Match` header.
///
/// Take `Option<IfMatch>` where the header may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub u64);

impl IfMatch {
    fn find(headers: &HeaderMap) -> Result<Option<Self>, HttpError> {
        let Some(value) = only(headers, &IF_MATCH).map_err(|_| HttpError::IfMatchInvalid {})? else {
            return Ok(None);
        };
        let digits = value.strip_prefix("\"v").and_then(|rest| rest.strip_suffix('"'));
        // `parse` alone would also take a sign and leading zeros, which this system never sends.
        let version =
            digits.and_then(|digits| digits.parse::<u64>().ok().filter(|v| v.to_string() == digits));
        version.map(|version| Some(Self(version))).ok_or(HttpError::IfMatchInvalid {})
    }
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::find(&parts.headers)?.ok_or(HttpError::IfMatchMissing {})?)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok(Self::find(&parts.headers)?)
    }
}

/// More than one header of a name that may come once, or one that is no text.
struct Unclear;

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Unclear> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Unclear),
        _ => Err(Unclear),
    }
}
