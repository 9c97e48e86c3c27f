use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::shop::SOON;

/// The pause before a request is sent again that was too much.
const AGAIN: Duration = Duration::from_millis(20);

/// Where a shop is reached at present; a restart moves it to another port.
#[derive(Debug, Clone)]
pub struct Whereabouts {
    /// An address for each way in.
    ways: Vec<Arc<RwLock<String>>>,
    turn: Arc<AtomicUsize>,
}

impl Default for Whereabouts {
    fn default() -> Self {
        Self { ways: vec![Arc::default()], turn: Arc::default() }
    }
}

impl Whereabouts {
    /// Everywhere that these are, in turns. Moves of each are followed.
    pub fn around(all: &[Self]) -> Self {
        let ways = all.iter().flat_map(|one| one.ways.iter().cloned()).collect();
        Self { ways, turn: Arc::default() }
    }

    /// The shop is at `address`, an IP address and a port.
    pub fn moved_to(&self, address: impl ToString) {
        for way in &self.ways {
            *way.write().unwrap_or_else(PoisonError::into_inner) = address.to_string();
        }
    }

    /// The address whose turn it is.
    pub fn address(&self) -> String {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.ways.len();
        self.ways[turn].read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Somebody who uses the public API: a guest, or a user who has logged in. Keeps connections open.
#[derive(Debug, Clone)]
pub struct Client {
    whereabouts: Whereabouts,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    token: Option<String>,
}

impl Client {
    /// A guest.
    pub fn new(whereabouts: Whereabouts) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { whereabouts, http, token: None }
    }

    /// The same machine, logged in with `token`.
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same caller, over connections of its own.
    pub fn apart(&self) -> Self {
        Self { token: self.token.clone(), ..Self::new(self.whereabouts.clone()) }
    }

    /// The token it is logged in with.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Where it sends its next request.
    pub fn address(&self) -> String {
        self.whereabouts.address()
    }

    /// Reads.
    pub fn get(&self, path: impl Into<String>) -> Request {
        self.request(Method::GET, path)
    }

    /// Removes.
    pub fn delete(&self, path: impl Into<String>) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Makes or changes something.
    pub fn post(&self, path: impl Into<String>, body: &Value) -> Request {
        self.request(Method::POST, path).json(body)
    }

    /// Replaces something.
    pub fn put(&self, path: impl Into<String>, body: &Value) -> Request {
        self.request(Method::PUT, path).json(body)
    }

    /// Changes a part of something.
    pub fn patch(&self, path: impl Into<String>, body: &Value) -> Request {
        self.request(Method::PATCH, path).json(body)
    }

    /// A request that is not sent until it is awaited.
    pub fn request(&self, method: Method, path: impl Into<String>) -> Request {
        let mut headers = HeaderMap::new();
        if let Some(token) = &self.token {
            let bearer = HeaderValue::try_from(format!("Bearer {token}")).expect("tokens are visible ASCII");
            headers.insert(AUTHORIZATION, bearer);
        }
        Request { client: self.clone(), method, path: path.into(), headers, body: Bytes::new() }
    }
}

/// A request; await it for its [`Answer`].
#[derive(Debug, Clone)]
pub struct Request {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    /// With this `Idempotency-Key`.
    pub fn key(self, key: impl AsRef<str>) -> Self {
        self.header("idempotency-key", key)
    }

    /// With this header.
    pub fn header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        let value = HeaderValue::from_str(value.as_ref()).expect("a test's header is visible text");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// With this JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    /// With these bytes, said to be JSON.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = body.into();
        self
    }

    /// How it asks.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path with its query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The body as text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Sends it until it is not refused for too much other work, which is nothing done.
    pub async fn patiently(self) -> Answer {
        let late = tokio::time::Instant::now() + SOON;
        loop {
            let answer = self.clone().await;
            if answer.code() != "overloaded" || tokio::time::Instant::now() > late {
                return answer;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Sends it.
    ///
    /// # Errors
    /// If no whole answer came: the server is away, or went away meanwhile.
    pub async fn send(self) -> Result<Answer, Lost> {
        let (from, asked) = (self.client.address(), format!("{} {}", self.method, self.path));
        let uri = format!("http://{from}{}", self.path);
        let mut request = http::Request::builder().method(self.method).uri(uri);
        if let Some(headers) = request.headers_mut() {
            *headers = self.headers;
        }
        let request = request.body(Full::new(self.body)).expect("a test's path is a path");
        let lost = |error: &dyn std::error::Error| Lost(error.to_string());
        let (head, body) =
            self.client.http.request(request).await.map_err(|error| lost(&error))?.into_parts();
        let body = body.collect().await.map_err(|error| lost(&error))?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body, from, asked })
    }
}

impl IntoFuture for Request {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let what = format!("{} {}", self.method, self.path);
        Box::pin(async move { self.send().await.unwrap_or_else(|lost| panic!("{what}: {lost}")) })
    }
}

/// No answer came, so that what became of the request is not known.
#[derive(Debug, Clone)]
pub struct Lost(String);

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no answer came: {}", self.0)
    }
}

/// What the API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
    /// The address that it came from.
    pub from: String,
    /// Method and path of the request.
    pub asked: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The value at a JSON pointer such as `/order/id`; null if there is none.
    pub fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or_default()
    }

    /// The text at a JSON pointer; panics if there is none.
    pub fn text(&self, pointer: &str) -> String {
        self.at(pointer).as_str().unwrap_or_else(|| panic!("no text at {pointer} of {self}")).to_owned()
    }

    /// The number at a JSON pointer; panics if there is none.
    pub fn number(&self, pointer: &str) -> i64 {
        self.at(pointer).as_i64().unwrap_or_else(|| panic!("no number at {pointer} of {self}"))
    }

    /// The body as a `T`; panics if it is none.
    pub fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The stable code of a problem; empty for what is none.
    pub fn code(&self) -> String {
        let problem = self.header("content-type") == "application/problem+json";
        if problem { self.at("/code").as_str().unwrap_or_default().to_owned() } else { String::new() }
    }

    /// Status and code of a problem, to be compared at once.
    pub fn problem(&self) -> (u16, String) {
        (self.status, self.code())
    }

    /// The fields a problem complains of, in its order.
    pub fn fields(&self) -> Vec<String> {
        let field = |violation: &Value| violation["field"].as_str().unwrap_or_default().to_owned();
        self.at("/violations").as_array().map(|all| all.iter().map(field).collect()).unwrap_or_default()
    }

    /// A header; empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Passes this status; panics with the body of any other.
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (asked, from, body) = (&self.asked, &self.from, String::from_utf8_lossy(&self.body));
        write!(f, "{asked} at {from}: {}: {body}", self.status)
    }
}
