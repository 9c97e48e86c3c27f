use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as Task, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderMap, HeaderName};
use http::{Method, StatusCode};
use metrics::Gauge;
use shoal_types::{Env, Fault};
use tower::util::option_layer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_http::compression::predicate::{Predicate, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::admission::Admission;
use super::exchange::Exchange;
use super::routes::Routes;
use super::trace::{Names, REQUEST_ID};
use super::{Class, HttpConfig, HttpError, Problem, RateLimiter};

/// Smaller answers fit one packet as they are.
const COMPRESSED_LEN_MIN: u64 = 1_024;
/// How long after its deadline a request may still be answered by who works on it.
const LAST_WORDS: Duration = Duration::from_millis(400);

/// What one route does differently from the configuration.
#[derive(Debug, Clone)]
pub struct RouteRule {
    method: Option<Method>,
    route: String,
    pub(super) class: Option<Class>,
    pub(super) body_max: Option<usize>,
    pub(super) timeout: Option<Duration>,
    pub(super) kept: bool,
}

impl RouteRule {
    /// A rule for `method` (all if `None`) of `route`, written as the router has it: `/v1/products/{id}`.
    pub fn new(method: Option<Method>, route: impl Into<String>) -> Self {
        Self { method, route: route.into(), class: None, body_max: None, timeout: None, kept: false }
    }

    /// Counts as `class` in the rate limits.
    pub fn class(mut self, class: Class) -> Self {
        self.class = Some(class);
        self
    }

    /// Takes bodies of at most `bytes`.
    pub fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = Some(bytes);
        self
    }

    /// May take as long as `timeout`.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Is not shed because the node is busy, only beyond `requests_max`: what those need who look after the shop.
    pub fn kept(mut self) -> Self {
        self.kept = true;
        self
    }

    pub(super) fn covers(&self, method: &Method, route: &str) -> bool {
        self.route == route && self.method.as_ref().is_none_or(|own| own == method)
    }
}

/// Everything a request passes through on its way to a handler and back.
///
/// In one pass: request id and trace, context with deadline, limits on load, rate, address length, body and time,
/// panics, problem+json for every refusal, security headers, metrics, access log. Around it compression and, if
/// origins are configured, CORS.
pub struct Stack {
    env: Env,
    config: HttpConfig,
    rules: Vec<RouteRule>,
    pages: Option<Router>,
    headers: Vec<HeaderName>,
}

impl Stack {
    /// A stack that treats all routes as `config` says.
    pub fn new(env: Env, config: HttpConfig) -> Self {
        let open = |route: &str| RouteRule::new(None, route).class(Class::Open);
        let rules = ["/healthz", "/readyz", "/metrics"].map(open).into();
        Self { env, config, rules, pages: None, headers: Vec::new() }
    }

    /// Lets pages of the configured origins send `header` too.
    pub fn header(mut self, header: HeaderName) -> Self {
        self.headers.push(header);
        self
    }

    /// Lets `pages` answer browsers that ask for what no route has; programs still get the problem.
    pub fn pages(mut self, pages: Router) -> Self {
        self.pages = Some(pages);
        self
    }

    /// Adds a rule; the first that covers a route counts.
    pub fn rule(mut self, rule: RouteRule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Puts the stack around all routes of `router`, and around the answer to paths and methods it does not have.
    pub fn wrap(mut self, router: Router) -> Router {
        let cors = cors(&self.config, &self.headers);
        let pages = self.pages.take();
        let shared = Arc::new(Shared::new(self));
        let layers = ServiceBuilder::new().layer(option_layer(cors)).layer(compression()).layer(Pass(shared));
        router
            .fallback(async move |request: Request| missing(pages, request).await)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(layers)
            // Builds each route's service now rather than anew for every request.
            .with_state(())
    }
}

async fn missing(pages: Option<Router>, request: Request) -> Response {
    match pages {
        Some(pages) if wants_page(request.method(), request.headers()) => {
            pages.oneshot(request).await.into_response()
        }
        _ => Problem::from(HttpError::RouteNotFound {}).into_response(),
    }
}

/// Whether a browser asks for something to show: it names HTML among what it accepts.
pub fn wants_page(method: &Method, headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    matches!(*method, Method::GET | Method::HEAD) && accepted.contains("text/html")
}

/// The router adds the `Allow` header to either answer.
async fn method_not_allowed(method: Method) -> Response {
    match method {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => Problem::from(HttpError::MethodNotAllowed {}).into_response(),
    }
}

fn compression() -> CompressionLayer<impl Predicate> {
    // Level 4 of brotli costs about as much time as gzip's default and saves more.
    let worth_it = SizeAbove::new(COMPRESSED_LEN_MIN).and(is_text);
    CompressionLayer::new().quality(CompressionLevel::Precise(4)).compress_when(worth_it)
}

fn is_text(_: StatusCode, _: http::Version, headers: &http::HeaderMap, _: &http::Extensions) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    matches!(essence, "application/json" | "application/javascript" | "image/svg+xml")
        || essence.ends_with("+json")
        || essence.starts_with("text/") && essence != "text/event-stream"
}

fn cors(config: &HttpConfig, further: &[HeaderName]) -> Option<CorsLayer> {
    const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    const SENT: [HeaderName; 6] = [
        http::header::AUTHORIZATION,
        CONTENT_TYPE,
        http::header::IF_MATCH,
        http::header::IF_NONE_MATCH,
        HeaderName::from_static("idempotency-key"),
        REQUEST_ID,
    ];
    if config.cors_origins.is_empty() {
        return None;
    }
    let origins = AllowOrigin::list(config.cors_origins.iter().map(super::Origin::header));
    let shown = [ETAG, REQUEST_ID, http::header::LOCATION, http::header::RETRY_AFTER];
    let sent: Vec<_> = SENT.iter().chain(further).cloned().collect();
    let layer = CorsLayer::new().allow_origin(origins).allow_methods(METHODS).allow_headers(sent);
    Some(layer.expose_headers(shown).max_age(Duration::from_secs(3_600)))
}

/// What all requests of one stack share.
pub(super) struct Shared {
    pub(super) env: Env,
    pub(super) config: HttpConfig,
    pub(super) names: Names,
    pub(super) routes: Routes,
    pub(super) limiter: Option<RateLimiter>,
    pub(super) load: Load,
    pub(super) admission: Admission,
}

impl Shared {
    fn new(stack: Stack) -> Self {
        let limits = &stack.config.rate_limits;
        Self {
            names: Names::new(stack.env.rng()),
            routes: Routes::new(stack.rules),
            limiter: limits.enabled.then(|| RateLimiter::new(&stack.env, limits)),
            load: Load { in_flight: AtomicUsize::new(0), gauge: metrics::gauge!("http_requests_in_flight") },
            admission: Admission::new(stack.config.patience),
            env: stack.env,
            config: stack.config,
        }
    }
}

/// Requests being worked on.
pub(super) struct Load {
    in_flight: AtomicUsize,
    gauge: Gauge,
}

impl Load {
    pub(super) fn enter(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.gauge.increment(1);
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.gauge.decrement(1);
    }

    pub(super) fn is_over(&self, max: usize) -> bool {
        self.in_flight.load(Ordering::Relaxed) > max
    }
}

/// Makes the one service that does all of it.
#[derive(Clone)]
struct Pass(Arc<Shared>);

impl<S> Layer<S> for Pass {
    type Service = PassService<S>;

    fn layer(&self, inner: S) -> PassService<S> {
        PassService { shared: self.0.clone(), inner }
    }
}

#[derive(Clone)]
struct PassService<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S> Service<Request> for PassService<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let mut exchange = Exchange::begin(&self.shared, &request);
        let within = exchange.endpoint.timeout.unwrap_or(self.shared.config.request_timeout);
        let admitted = exchange.admit(&mut request).map(|()| self.inner.call(request));
        Box::pin(async move {
            let mut response = match admitted {
                Ok(future) => answer(&exchange, within, future).await,
                Err(problem) => problem.into_response(),
            };
            exchange.finish(&mut response);
            Ok(response)
        })
    }
}

async fn answer(
    exchange: &Exchange,
    within: Duration,
    future: impl Future<Output = Result<Response, Infallible>>,
) -> Response {
    // Who heeds the deadline says what was wrong, and is heard out.
    let within = within + LAST_WORDS;
    // The future is dropped after a panic, so nothing half-changed in it is seen again.
    match tokio::time::timeout(within, AssertUnwindSafe(future).catch_unwind()).await {
        Ok(Ok(Ok(response))) => response,
        Ok(Err(panic)) => {
            exchange.log_panic(&*panic);
            Problem::from(Fault::Internal {}).into_response()
        }
        Err(_) => Problem::from(Fault::DeadlineExceeded {}).into_response(),
    }
}
