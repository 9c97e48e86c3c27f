//! Limits on size, time and number, and what every answer carries.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use futures::stream;
use http::StatusCode;
use insta::assert_snapshot;
use shoal_net::http::{
    Class, Cx, Health, HttpConfig, Metrics, Origin, Peer, QuotaConfig, RateLimitConfig, RouteRule, Stack,
    authenticate,
};
use shoal_types::{Caller, Id, Role};

use crate::api::{Answer, app, app_with, env, get_text, post_json, request, router, send};

fn empty(request: http::request::Builder) -> Request {
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn every_answer_carries_the_request_id_and_security_headers() {
    let app = app();
    let answer = send(&app, empty(request("GET /entity"))).await;
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or("?")))
        .collect();
    headers.sort();
    assert_snapshot!(headers.join("\n"), @r#"
    cache-control: no-cache
    content-length: 7
    content-security-policy: default-src 'none'; frame-ancestors 'none'
    content-type: application/json
    etag: "v7"
    ratelimit-limit: 200
    ratelimit-remaining: 199
    referrer-policy: no-referrer
    x-content-type-options: nosniff
    x-frame-options: DENY
    x-request-id: r1
    "#);
    let made = send(&app, empty(Request::builder().uri("/fish"))).await;
    assert_eq!(made.header("x-request-id").map(str::len), Some(32));
}

#[tokio::test]
async fn the_context_is_made_from_the_headers() {
    let traced = request("GET /context")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    assert_snapshot!(send(&app(), empty(traced)).await.text(), @"200 r1 4bf92f3577b34da6a3ce929d0e0e4736 Anonymous");
}

#[tokio::test]
async fn a_caller_once_known_is_in_the_context() {
    async fn as_staff(mut request: Request, next: Next) -> Response {
        let caller = Caller::User { id: Id::from_digest([1; 16]), role: Role::Staff };
        authenticate(request.extensions_mut(), caller);
        next.run(request).await
    }
    let router = router().layer(axum::middleware::from_fn(as_staff));
    let app = Stack::new(env().0, HttpConfig::default()).wrap(router);
    assert_snapshot!(get_text(&app, "/context").await, @"200 r1 45ceab7e97c2b4b8fec88e33fd0553a6 User { id: user_01040g2081g40r2081040g2081, role: Staff }");
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_is_answered_for_in_time() {
    assert_snapshot!(get_text(&app(), "/slow").await, @r#"504 {"type":"/errors/deadline_exceeded","title":"Deadline exceeded","status":504,"code":"deadline_exceeded","detail":"time ran out before the answer","request_id":"r1"}"#);
    let patient = RouteRule::new(None, "/slow").timeout(Duration::from_secs(61));
    let app = Stack::new(env().0, HttpConfig::default()).rule(patient).wrap(router());
    assert_eq!(send(&app, empty(request("GET /slow"))).await.status, 200);
}

#[tokio::test]
async fn a_panicking_handler_is_a_problem_and_the_next_request_is_served() {
    let app = app();
    assert_snapshot!(get_text(&app, "/panic").await, @r#"500 {"type":"/errors/internal","title":"Internal","status":500,"code":"internal","detail":"something went wrong on our side","request_id":"r1"}"#);
    assert_eq!(send(&app, empty(request("GET /fish"))).await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_whether_or_not_it_says_so() {
    let app = app_with(HttpConfig { body_max: 100, ..HttpConfig::default() });
    let told =
        request("POST /catches").header("content-type", "application/json").header("content-length", "101");
    let told = told.body(Body::from(vec![b' '; 101])).expect("a request");
    assert_snapshot!(send(&app, told).await.text(), @r#"413 {"type":"/errors/body_too_large","title":"Body too large","status":413,"code":"body_too_large","detail":"the body is larger than 100 bytes","request_id":"r1","max_bytes":100}"#);
    let untold = || {
        Body::from_stream(stream::iter((0..3).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 50])))))
    };
    assert_eq!(
        post_json(&app, "/catches", untold()).await.text().split(',').nth(3),
        Some(r#""code":"body_too_large""#)
    );
    assert_eq!(post_json(&app, "/raw", untold()).await.status, StatusCode::PAYLOAD_TOO_LARGE);

    let roomy = RouteRule::new(None, "/raw").body_max(3 << 20);
    let app =
        Stack::new(env().0, HttpConfig { body_max: 100, ..HttpConfig::default() }).rule(roomy).wrap(router());
    assert_eq!(post_json(&app, "/raw", untold()).await.text(), "200 150");
    assert_eq!(post_json(&app, "/raw", vec![b' '; 3 << 20]).await.text(), "200 3145728");
}

#[tokio::test]
async fn a_body_cut_off_is_refused() {
    let parts = [Ok(Bytes::from_static(b"{\"pond\":")), Err(std::io::Error::other("cut off"))];
    assert_snapshot!(post_json(&app(), "/catches", Body::from_stream(stream::iter(parts))).await.text(), @r#"400 {"type":"/errors/truncated_body","title":"Truncated body","status":400,"code":"truncated_body","detail":"the body ended before it was complete","request_id":"r1"}"#);
}

fn strict() -> HttpConfig {
    let quota = |requests| QuotaConfig {
        requests: NonZeroU32::new(requests).expect("not zero"),
        per: Duration::from_secs(10),
        burst: NonZeroU32::new(requests).expect("not zero"),
    };
    let rate_limits =
        RateLimitConfig { read: quota(5), write: quota(2), login: quota(1), ..RateLimitConfig::default() };
    HttpConfig { rate_limits, ..HttpConfig::default() }
}

async fn from(app: &axum::Router, address: &str, line: &str, token: Option<&str>) -> Answer {
    let mut request = request(line);
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    let mut request = empty(request);
    request.extensions_mut().insert(Peer(SocketAddr::new(address.parse().expect("an address"), 1)));
    send(app, request).await
}

#[tokio::test]
async fn each_caller_has_a_quota_per_class() {
    let (env, clock) = env();
    let app = Stack::new(env, strict()).wrap(router());
    let first = from(&app, "1.2.3.4", "GET /fish", None).await;
    assert_eq!(
        (first.header("ratelimit-limit"), first.header("ratelimit-remaining")),
        (Some("5"), Some("4"))
    );
    for _ in 0..4 {
        assert_eq!(from(&app, "1.2.3.4", "GET /fish", None).await.status, 200);
    }
    let refused = from(&app, "1.2.3.4", "GET /fish", None).await;
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_snapshot!(refused.text(), @r#"429 {"type":"/errors/rate_limited","title":"Rate limited","status":429,"code":"rate_limited","detail":"too many requests of the class read; try again in 2 s","request_id":"r1","class":"read","retry_after_s":2}"#);
    for (address, line, token) in [
        ("1.2.3.4", "PUT /key", None),
        ("1.2.3.5", "GET /fish", None),
        ("1.2.3.4", "GET /fish", Some("Bearer one")),
        ("127.0.0.1", "GET /fish", None),
    ] {
        assert_eq!(from(&app, address, line, token).await.status, 200, "{address} {line}");
    }
    clock.advance(Duration::from_secs(2));
    assert_eq!(from(&app, "1.2.3.4", "GET /fish", None).await.status, 200);
}

#[tokio::test]
async fn logins_are_counted_per_address_whatever_token_they_bring() {
    let login = RouteRule::new(Some(http::Method::PUT), "/key").class(Class::Login);
    let app = Stack::new(env().0, strict()).rule(login).wrap(router());
    assert_eq!(from(&app, "1.2.3.4", "PUT /key", Some("Bearer one")).await.status, 200);
    assert_eq!(from(&app, "1.2.3.4", "PUT /key", Some("Bearer two")).await.status, 429);
}

#[tokio::test]
async fn too_many_requests_at_once_are_shed_but_health_is_still_told() {
    let health = Health::new();
    let config = HttpConfig { requests_max: 0, ..HttpConfig::default() };
    let app = Stack::new(env().0, config).wrap(router().merge(health.router()));
    let shed = send(&app, empty(request("GET /fish"))).await;
    assert_eq!(shed.header("retry-after"), Some("1"));
    assert_snapshot!(shed.text(), @r#"503 {"type":"/errors/overloaded","title":"Overloaded","status":503,"code":"overloaded","detail":"too much work is waiting; try again in a moment","request_id":"r1"}"#);
    assert_snapshot!(get_text(&app, "/healthz").await, @r#"200 {"status":"alive"}"#);
    assert_snapshot!(get_text(&app, "/readyz").await, @r#"503 {"status":"starting"}"#);
    health.ready();
    assert_snapshot!(get_text(&app, "/readyz").await, @r#"200 {"status":"ready"}"#);
}

#[tokio::test]
async fn a_known_entity_is_not_sent_again() {
    let app = app();
    let asked =
        async |etag: &str| send(&app, empty(request("GET /entity").header("if-none-match", etag))).await;
    for etag in ["\"v7\"", "W/\"v7\"", "\"v6\", \"v7\"", "*"] {
        let answer = asked(etag).await;
        assert_eq!((answer.text().as_str(), answer.header("etag")), ("304 ", Some("\"v7\"")), "{etag}");
    }
    assert_eq!(asked("\"v6\"").await.text(), r#"200 {"a":1}"#);
}

#[tokio::test]
async fn head_and_options_say_what_get_would() {
    let app = app();
    let head = send(&app, empty(request("HEAD /entity"))).await;
    assert_eq!((head.text().as_str(), head.header("content-length")), ("200 ", Some("7")));
    let options = send(&app, empty(request("OPTIONS /fish/x"))).await;
    assert_eq!((options.text().as_str(), options.header("allow")), ("204 ", Some("GET,HEAD,PUT")));
    assert_eq!(send(&app, empty(request("OPTIONS /nowhere"))).await.status, 404);
}

#[tokio::test]
async fn long_texts_are_compressed_for_those_who_can_read_it() {
    let app = app();
    let asked = async |line: &str, encoding: &str| {
        send(&app, empty(request(line).header("accept-encoding", encoding))).await
    };
    let plain = asked("GET /large", "identity").await;
    assert_eq!((plain.header("content-encoding"), plain.header("content-length")), (None, Some("5002")));
    for encoding in ["gzip", "br"] {
        let packed = asked("GET /large", encoding).await;
        assert_eq!(packed.header("content-encoding"), Some(encoding));
        assert!(packed.body.len() < 200, "{}", packed.body.len());
        assert_eq!(asked("GET /entity", encoding).await.header("content-encoding"), None);
    }
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() {
    let origin = |text: &str| Origin::try_from(text.to_owned()).expect("an origin");
    let app =
        app_with(HttpConfig { cors_origins: vec![origin("https://shop.example")], ..HttpConfig::default() });
    let asked = async |from: &str| {
        let preflight = request("OPTIONS /catches")
            .header("origin", from)
            .header("access-control-request-method", "POST");
        let answer = send(&app, empty(preflight)).await;
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(asked("https://shop.example").await.as_deref(), Some("https://shop.example"));
    assert_eq!(asked("https://evil.example").await, None);
    let refused = send(&app, empty(request("GET /too-few").header("origin", "https://shop.example"))).await;
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://shop.example"));
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let metrics = Metrics::install().expect("the only recorder");
    let app = app();
    for uri in ["/fish/bird_1", "/secret-path", "/too-few"] {
        get_text(&app, uri).await;
    }
    let text = metrics.render();
    for line in [
        r#"http_requests_total{method="GET",route="/fish/{id}",status="404"}"#,
        r#"http_requests_total{method="GET",route="unmatched",status="404"}"#,
        r#"http_request_duration_seconds_bucket{method="GET",route="/too-few",le="0.005"}"#,
        "http_requests_in_flight",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(!text.contains("secret-path"));
}

#[tokio::test]
async fn the_deadline_of_services_is_the_time_limit() {
    let (env, _) = env();
    let own = env.clone();
    let deadline = post(async move |Cx(cx): Cx| cx.deadline.remaining(&own).as_secs().to_string());
    let app = Stack::new(env, HttpConfig::default()).wrap(router().route("/deadline", deadline));
    assert_eq!(post_json(&app, "/deadline", "{}").await.text(), "200 30");
}
