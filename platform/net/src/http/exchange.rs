use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap};
use http::{Extensions, HeaderName, HeaderValue};
use shoal_types::{Caller, Context, Deadline, Fault, Id, Span, SpanKind, Timestamp, User};

use super::admission::Admitted;
use super::log;
use super::rate_limit::Allowance;
use super::routes::Endpoint;
use super::security;
use super::stack::Shared;
use super::trace::{Named, REQUEST_ID};
use super::{Class, HttpError, Problem};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const URI_LEN_MAX: usize = 8 << 10;

/// What a request is counted as when its client went away before the answer.
const CLIENT_GONE: u16 = 499;

/// The address at the other end of the connection; the server puts it into each request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// The largest body this route takes, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyMax(pub(super) usize);

impl BodyMax {
    /// Where a handler runs without the middleware.
    pub(super) const DEFAULT: usize = 1 << 20;
}

/// Where the handler's side of a request writes down who calls, for the log.
#[derive(Clone, Default)]
struct Known(Arc<OnceLock<Id<User>>>);

/// Notes that `caller` makes this request: the context in its extensions says so from now on, and the access log.
pub fn authenticate(extensions: &mut Extensions, caller: Caller) {
    if let Some(context) = extensions.get_mut::<Context>() {
        context.caller = caller;
    }
    if let (Some(known), Some(user)) = (extensions.get::<Known>(), caller.user()) {
        // A request that is authenticated twice is the first caller's in the log.
        let _ = known.0.set(user);
    }
}

/// One request and its answer, from the first header to the log line.
pub(super) struct Exchange {
    shared: Arc<Shared>,
    pub(super) endpoint: Arc<Endpoint>,
    named: Named,
    span: Span,
    caller: Known,
    started: Timestamp,
    allowance: Option<Allowance>,
    admitted: Option<Admitted>,
    /// Whether it was refused because the node is busy.
    shed: bool,
    answered: bool,
}

impl Exchange {
    pub(super) fn begin(shared: &Arc<Shared>, request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let endpoint = shared.routes.endpoint(request.method(), route);
        shared.load.enter();
        let named = shared.names.name(request.headers());
        Self {
            span: span(shared, &endpoint, &named),
            endpoint,
            named,
            caller: Known::default(),
            started: shared.env.now(),
            allowance: None,
            admitted: None,
            shed: false,
            answered: false,
            shared: shared.clone(),
        }
    }

    /// Checks the limits and gives the request its context.
    pub(super) fn admit(&mut self, request: &mut Request) -> Result<(), Problem> {
        if self.endpoint.class != Class::Open {
            self.check_load(request)?;
        }
        let uri = request.uri();
        if uri.path().len() + uri.query().map_or(0, str::len) > URI_LEN_MAX {
            return Err(HttpError::UriTooLong {}.into());
        }
        self.limit_body(request)?;
        let within = self.endpoint.timeout.unwrap_or(self.shared.config.request_timeout);
        let context = Context {
            deadline: Deadline::at(self.started.plus(within)),
            caller: Caller::Anonymous,
            request_id: self.named.request_id.clone(),
            trace: self.named.trace,
            span: self.span.id().or(self.named.recorded_by_client()),
            idempotency: None,
        };
        request.extensions_mut().insert(context);
        request.extensions_mut().insert(self.caller.clone());
        Ok(())
    }

    fn check_load(&mut self, request: &Request) -> Result<(), Problem> {
        if self.shared.load.is_over(self.shared.config.requests_max) {
            self.shed = true;
            return Err(Fault::Overloaded {}.into());
        }
        if !self.endpoint.kept {
            let admitted = self.shared.admission.admit(&self.endpoint, request.headers());
            self.shed = admitted.is_err();
            self.admitted = Some(admitted?);
        }
        let Some(limiter) = &self.shared.limiter else { return Ok(()) };
        let address = client_address(request, &self.shared.config.trusted_proxies);
        let token = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
        self.allowance = limiter.admit(self.endpoint.class, address, token)?;
        Ok(())
    }

    fn body_max(&self) -> usize {
        self.endpoint.body_max.unwrap_or(self.shared.config.body_max)
    }

    fn limit_body(&self, request: &mut Request) -> Result<(), Problem> {
        if request.body().is_end_stream() {
            return Ok(());
        }
        let max = self.body_max();
        let told =
            request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if told.is_some_and(|length| length > max as u64) {
            return Err(HttpError::BodyTooLarge { max_bytes: max as u64 }.into());
        }
        request.extensions_mut().insert(BodyMax(max));
        // axum's own extractors have a limit of their own otherwise.
        DefaultBodyLimit::max(max).apply(request);
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::new(http_body_util::Limited::new(body, max));
        Ok(())
    }

    /// Completes the answer, counts it and writes the log line.
    pub(super) fn finish(mut self, response: &mut Response) {
        self.answered = true;
        let status = response.status();
        if let Some(admitted) = self.admitted.take()
            && (status.is_success() || status.is_redirection())
        {
            admitted.done();
        }
        self.name_problem(response);
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, self.named.header.clone());
        security::add_headers(headers);
        if let Some(allowance) = self.allowance {
            allowance.add_headers(headers);
        }
        self.record(response.status().as_u16());
    }

    /// Writes the request id into a problem; turns a bare error of a library into a problem.
    fn name_problem(&self, response: &mut Response) {
        if !response.status().is_client_error() && !response.status().is_server_error() {
            return;
        }
        let own = response.extensions_mut().remove::<Problem>();
        let Some(problem) = own.or_else(|| Problem::instead_of(response, self.body_max())) else { return };
        let named = problem.with_request_id(&self.named.request_id).into_response();
        let (parts, body) = named.into_parts();
        *response.status_mut() = parts.status;
        *response.body_mut() = body;
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().extend(parts.headers);
    }

    pub(super) fn log_panic(&self, panic: &(dyn std::any::Any + Send)) {
        let text = panic.downcast_ref::<&str>().copied();
        let text =
            text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
        let (route, request_id) = (&*self.endpoint.route, &*self.named.request_id);
        tracing::error!(route, request_id, panic = text, "a handler panicked");
    }

    fn record(&mut self, status: u16) {
        self.span.set("http.response.status_code", || i64::from(status));
        if status >= 499 {
            self.span.fail(status.to_string());
        }
        let took = self.shared.env.now().since(self.started);
        self.endpoint.record(status, took);
        let line = log::Line {
            method: self.endpoint.method,
            route: &self.endpoint.route,
            status,
            took,
            request_id: &self.named.request_id,
            caller: self.caller.0.get(),
            shed: self.shed,
        };
        line.write(self.shared.config.access_log);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.shared.load.leave();
        if !self.answered {
            self.record(CLIENT_GONE);
        }
    }
}

/// The span of answering a request. What only asks how the node is has none.
fn span(shared: &Shared, endpoint: &Endpoint, named: &Named) -> Span {
    let recorded = match named.parent {
        Some(parent) => parent.sampled,
        None => shared.env.spans().is_some_and(|spans| spans.samples(named.trace)),
    };
    if !recorded || endpoint.class == Class::Open {
        return Span::none();
    }
    let (method, parent) = (endpoint.method, named.recorded_by_client());
    let name = || format!("{method} {}", endpoint.route).into();
    let mut span = Span::begin(&shared.env, named.trace, parent, SpanKind::Server, name);
    span.set("http.request.method", || method);
    span.set("http.route", || endpoint.route.to_string());
    span.set("shoal.request_id", || named.request_id.to_string());
    span
}

/// The address of the client: the nearest one in `X-Forwarded-For` that is no trusted proxy, if a trusted proxy
/// sent it.
fn client_address(request: &Request, trusted: &[IpAddr]) -> IpAddr {
    let peer = request.extensions().get::<Peer>();
    let mut address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip().to_canonical());
    if !trusted.contains(&address) {
        return address;
    }
    for hop in forwarded(request.headers()).into_iter().rev() {
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        address = hop.to_canonical();
        if !trusted.contains(&address) {
            break;
        }
    }
    address
}

fn forwarded(headers: &HeaderMap) -> Vec<&str> {
    let values = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let proxy: IpAddr = "10.0.0.1".parse().expect("an address");
        let from = |peer: &str, forwarded: &str| {
            let mut request = Request::new(Body::empty());
            request.extensions_mut().insert(Peer(SocketAddr::new(peer.parse().expect("an address"), 1)));
            request.headers_mut().insert(FORWARDED_FOR, forwarded.parse().expect("a header"));
            client_address(&request, &[proxy]).to_string()
        };
        assert_eq!(from("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.1"), "1.2.3.4");
        assert_eq!(from("10.0.0.1", "nonsense"), "10.0.0.1");
        assert_eq!(from("9.9.9.9", "1.2.3.4"), "9.9.9.9");
    }
}
