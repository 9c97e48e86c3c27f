//! Bodies that are none.

use std::time::Duration;

use shoal_testkit::{Market, Route};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::everything;

/// Bodies that no route takes, with the answer to each.
fn spoilt() -> Vec<(&'static str, String, (u16, &'static str))> {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    vec![
        ("nothing", String::new(), (400, "malformed_body")),
        ("half an object", r#"{"title": "Mu"#.into(), (400, "malformed_body")),
        ("two values", "{} {}".into(), (400, "malformed_body")),
        ("a key twice", r#"{"title": "a", "title": "b"}"#.into(), (400, "malformed_body")),
        ("33 levels", deep(33), (400, "malformed_body")),
        ("100,000 levels", "[".repeat(100_000), (400, "malformed_body")),
        ("a list", "[]".into(), (422, "invalid_request")),
        ("a text", r#""mug""#.into(), (422, "invalid_request")),
        ("a number", "7".into(), (422, "invalid_request")),
        ("null", "null".into(), (422, "invalid_request")),
        ("NUL", r#"{"title": "a\u0000b"}"#.into(), (422, "invalid_request")),
    ]
}

/// The path of a route about things that could be there.
fn path(route: &Route) -> String {
    let mut path = route.path.clone();
    for noun in ["user", "address", "session", "product", "category", "cart", "checkout", "order"] {
        path = path.replace(&format!("{{{noun}}}"), &format!("{noun}_01h455vb4pex5vsknk084sn02q"));
    }
    for (part, noun) in
        [("{endpoint}", "webhook_endpoint"), ("{delivery}", "webhook_delivery"), ("{mail}", "mail")]
    {
        path = path.replace(part, &format!("{noun}_01h455vb4pex5vsknk084sn02q"));
    }
    path.replace("{sku}", "MUG")
}

#[tokio::test]
async fn every_route_refuses_a_body_that_is_none() {
    let shop = Market::start().await;
    shop.product("mug").stock(1).create().await;
    shop.quiet().await;
    let before = everything(&shop);
    let routes = Route::all(&shop).await;
    let mut taking: Vec<_> = routes.iter().filter(|route| route.takes_json).collect();
    taking.retain(|route| !route.path.starts_with("/v1/webhooks/"));
    assert!(taking.len() > 20, "only {} routes take a body", taking.len());
    for route in taking {
        for (name, body, told) in spoilt() {
            let request = shop.staff().request(route.method.clone(), path(route)).key("k").body(body);
            let answer = request.await;
            assert_eq!(answer.problem(), (told.0, told.1.to_owned()), "{name} to {route:?}: {answer}");
        }
        let huge = shop.staff().apart().request(route.method.clone(), path(route)).key("k");
        // Who goes on sending after the refusal may lose the answer with the connection.
        if let Ok(answer) = huge.body(vec![b' '; 2 << 20]).send().await {
            assert_eq!(answer.problem(), (413, "body_too_large".into()), "{route:?}: {answer}");
        }
        let plain = shop.staff().request(route.method.clone(), path(route)).body("{}");
        let answer = plain.header("content-type", "text/plain").await;
        assert_eq!(answer.problem(), (415, "unsupported_media_type".into()), "{route:?}: {answer}");
        let unknown = shop.staff().request(route.method.clone(), path(route)).key("k");
        let answer = unknown.body(r#"{"no_such_field": 1}"#).await;
        assert_eq!(answer.status, 422, "{route:?}: {answer}");
        assert!(answer.fields().contains(&"no_such_field".to_owned()), "{route:?}: {answer}");
    }
    assert_eq!(everything(&shop), before);
}

/// Sends raw bytes, says that no more come, and reads the answer.
async fn raw(shop: &Market, request: &str) -> String {
    let mut stream = TcpStream::connect(shop.address()).await.expect("the shop listens");
    stream.write_all(request.as_bytes()).await.expect("the shop reads");
    stream.shutdown().await.expect("half of it can be closed");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    // The shop may close at once on what it cannot trust.
    let _ = read.expect("the connection ends");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_that_is_cut_off_changes_nothing() {
    let shop = Market::start().await;
    shop.quiet().await;
    let before = everything(&shop);
    let head = "POST /v1/carts HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n";
    for rest in [
        "content-length: 100\r\n\r\n{\"note\": \"hel",
        "content-length: 16\r\n\r\n{\"note\": \"help\"",
        "transfer-encoding: chunked\r\n\r\n8\r\n{\"note\":\r\n",
        "transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "content-length: -5\r\n\r\n{}",
        "content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    ] {
        let answer = raw(&shop, &format!("{head}{rest}")).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{rest}: {answer}");
    }
    for nonsense in ["\0\0\0\0", "GET / HTTP/9.9\r\n\r\n", "GET /v1/products\r\n\r\n", "\r\n\r\n\r\n"] {
        let answer = raw(&shop, nonsense).await;
        assert!(
            !answer.starts_with("HTTP/1.1 2") && !answer.starts_with("HTTP/1.1 5"),
            "{nonsense}: {answer}"
        );
    }
    assert_eq!(everything(&shop), before);
    shop.get("/v1/products").await.expect(200);
}

#[tokio::test]
async fn a_body_without_end_is_stopped() {
    let shop = Market::start().await;
    let mut stream = TcpStream::connect(shop.address()).await.expect("the shop listens");
    let head = "POST /v1/carts HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("the shop reads");
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let (mut from, mut to) = stream.into_split();
    let sending = tokio::spawn(async move { while to.write_all(chunk.as_bytes()).await.is_ok() {} });
    let mut answer = [0; 512];
    let read = tokio::time::timeout(Duration::from_secs(10), from.read(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer[..read.expect("it answers").unwrap_or(0)]).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 413"), "{answer}");
    drop(from);
    sending.await.expect("it is told to stop");
    shop.get("/v1/products").await.expect(200);
}

#[tokio::test]
async fn a_line_of_the_request_without_end_is_stopped() {
    let shop = Market::start().await;
    let long = shop.get(format!("/v1/search?q={}", "x".repeat(9_000))).await;
    assert_eq!(long.problem(), (414, "uri_too_long".into()));
    let answer = raw(&shop, &format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(1 << 20))).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    shop.get("/v1/products").await.expect(200);
}
