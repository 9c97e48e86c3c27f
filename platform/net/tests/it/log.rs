//! The access log.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use axum::body::Body;
use insta::assert_snapshot;
use shoal_net::http::{Access, HttpConfig};

use crate::api::{app_with, request, send};

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what is logged on this thread, which is this test.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// From here on keeps what is logged on this thread.
pub(crate) fn listen() {
    // One for the process: tracing remembers per place in the code whether anybody listens.
    static LISTEN: Once = Once::new();
    LISTEN.call_once(|| {
        let subscriber = tracing_subscriber::fmt().json().without_time().with_writer(|| Lines).finish();
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
    });
    LOGGED.take();
}

/// What was logged on this thread since [`listen`].
pub(crate) fn heard() -> String {
    String::from_utf8(LOGGED.take()).expect("text")
}

async fn logged(access_log: Access, paths: &[&str]) -> String {
    listen();
    let app = app_with(HttpConfig { access_log, ..HttpConfig::default() });
    for path in paths {
        let asked = request(&format!("GET {path}")).header("authorization", "Bearer secret");
        send(&app, asked.body(Body::empty()).expect("a request")).await;
    }
    heard()
}

#[tokio::test]
async fn refused_requests_are_one_line_each_without_secrets() {
    let text = logged(Access::Errors, &["/fish?limit=secret", "/fish/secret", "/fish", "/too-few"]).await;
    assert_snapshot!(text, @r#"
    {"level":"INFO","fields":{"message":"request answered","method":"GET","route":"/fish","status":422,"duration_ms":0.0,"request_id":"r1"},"target":"shoal_net::http::log"}
    {"level":"INFO","fields":{"message":"request answered","method":"GET","route":"/fish/{id}","status":404,"duration_ms":0.0,"request_id":"r1"},"target":"shoal_net::http::log"}
    {"level":"INFO","fields":{"message":"request answered","method":"GET","route":"/too-few","status":409,"duration_ms":0.0,"request_id":"r1"},"target":"shoal_net::http::log"}
    "#);
}

#[tokio::test]
async fn every_request_is_logged_if_asked_for() {
    assert_snapshot!(logged(Access::All, &["/fish"]).await, @r#"{"level":"INFO","fields":{"message":"request answered","method":"GET","route":"/fish","status":200,"duration_ms":0.0,"request_id":"r1"},"target":"shoal_net::http::log"}"#);
}

#[tokio::test]
async fn a_panic_is_logged_with_its_message_once() {
    let text = logged(Access::Errors, &["/panic"]).await;
    assert_snapshot!(text, @r#"
    {"level":"ERROR","fields":{"message":"a handler panicked","route":"/panic","request_id":"r1","panic":"the pond is dry"},"target":"shoal_net::http::exchange"}
    {"level":"INFO","fields":{"message":"request answered","method":"GET","route":"/panic","status":500,"duration_ms":0.0,"request_id":"r1"},"target":"shoal_net::http::log"}
    "#);
}
