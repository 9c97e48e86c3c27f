use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};
use http::{HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

/// Bytes written once and sent many times, with the ETag that saves sending them again.
///
/// A clone shares the bytes. An answer allocates nothing for the body.
#[derive(Debug, Clone)]
pub struct Entity {
    body: Bytes,
    content_type: HeaderValue,
    etag: HeaderValue,
    cache_control: HeaderValue,
}

impl Entity {
    /// A resource in JSON, at `version`. Caches must ask again each time.
    pub fn json(version: u64, body: impl Into<Bytes>) -> Self {
        let content_type = HeaderValue::from_static("application/json");
        Self::with_etag(content_type, etag(version), body.into())
    }

    /// Bytes that have no version; their ETag is a digest of them.
    pub fn bytes(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let digest = hex::encode(&Sha256::digest(&body)[..16]);
        let etag = HeaderValue::try_from(format!("\"{digest}\"")).expect("digits are visible ASCII");
        Self::with_etag(HeaderValue::from_static(content_type), etag, body)
    }

    fn with_etag(content_type: HeaderValue, etag: HeaderValue, body: Bytes) -> Self {
        Self { body, content_type, etag, cache_control: HeaderValue::from_static("no-cache") }
    }

    /// The same, with another `Cache-Control`.
    pub fn with_cache_control(mut self, cache_control: &'static str) -> Self {
        self.cache_control = HeaderValue::from_static(cache_control);
        self
    }

    /// 200 with the bytes, or 304 if the request's `If-None-Match` names this ETag.
    pub fn answer(&self, request: &HeaderMap) -> Response {
        let known = request.get_all(IF_NONE_MATCH).iter().any(|value| self.is_named_in(value));
        let mut response = Response::new(if known { Body::empty() } else { Body::from(self.body.clone()) });
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.reserve(16);
        if !known {
            headers.insert(CONTENT_TYPE, self.content_type.clone());
        }
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CACHE_CONTROL, self.cache_control.clone());
        response
    }

    /// Compares weakly, as RFC 9110 section 13.1.2 says.
    fn is_named_in(&self, value: &HeaderValue) -> bool {
        let own = self.etag.as_bytes();
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|tag| tag == b"*" || tag == own || tag.strip_prefix(b"W/") == Some(own))
    }
}

/// The strong ETag of a resource's version: `"v7"`.
pub fn etag(version: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"v{version}\"")).expect("digits are visible ASCII")
}
