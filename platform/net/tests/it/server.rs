//! The life of a server.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use shoal_net::AddressError;
use shoal_net::http::{Health, HttpConfig, Server, Stack};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::api::{env, router};

pub(crate) struct Running {
    pub(crate) address: std::net::SocketAddr,
    pub(crate) health: Health,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) ended: JoinHandle<bool>,
}

pub(crate) async fn start(config: HttpConfig, router: Router) -> Running {
    let config = HttpConfig { listen: "127.0.0.1:0".into(), ..config };
    let health = Health::new();
    let server = Server::bind(config.clone(), health.clone()).await.expect("a free port");
    let address = server.address();
    health.ready();
    let router = Stack::new(env().0, config).wrap(router.merge(health.router()));
    let (stop, stopped) = oneshot::channel();
    let stopped = async {
        let _ = stopped.await;
    };
    Running { address, health, stop, ended: tokio::spawn(server.run(router, stopped)) }
}

/// Sends `bytes` and reads until the server closes.
async fn exchange(address: std::net::SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the port is open");
    stream.write_all(bytes.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

fn ask(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn a_request_is_answered_over_tcp() {
    let server = start(HttpConfig::default(), router()).await;
    assert!(exchange(server.address, &ask("/readyz")).await.starts_with("HTTP/1.1 200"));
    assert!(exchange(server.address, &ask("/panic")).await.starts_with("HTTP/1.1 500"));
    assert!(exchange(server.address, "nonsense\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    server.stop.send(()).expect("it runs");
    assert!(server.ended.await.expect("it ends"));
    assert!(TcpStream::connect(server.address).await.is_err());
}

/// A route that says when a request has come and answers when it may.
fn held() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (came, may) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (comes, waits) = (came.clone(), may.clone());
    let handler = async move || {
        comes.notify_one();
        waits.notified().await;
        "done"
    };
    (Router::new().route("/held", get(handler)), came, may)
}

#[tokio::test]
async fn a_server_that_stops_finishes_what_it_began() {
    let (router, came, may) = held();
    let config = HttpConfig { drain_linger: Duration::from_millis(20), ..HttpConfig::default() };
    let server = start(config, router).await;
    let idle = TcpStream::connect(server.address).await.expect("the port is open");
    let asking = tokio::spawn(exchange(server.address, "GET /held HTTP/1.1\r\nhost: x\r\n\r\n"));
    came.notified().await;
    server.stop.send(()).expect("it runs");
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.health.is_ready() && !server.ended.is_finished());
    may.notify_one();
    let answer = asking.await.expect("no panic");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert!(server.ended.await.expect("it ends"));
    drop(idle);
}

#[tokio::test]
async fn a_server_says_that_it_drains_before_it_closes() {
    let config = HttpConfig { drain_delay: Duration::from_secs(60), ..HttpConfig::default() };
    let server = start(config, router()).await;
    server.stop.send(()).expect("it runs");
    while server.health.is_ready() {
        tokio::task::yield_now().await;
    }
    let answer = exchange(server.address, &ask("/readyz")).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with(r#"{"status":"draining"}"#), "{answer}");
    server.ended.abort();
}

#[tokio::test]
async fn a_request_that_outlives_the_drain_is_cut_off() {
    let (router, came, _may) = held();
    let soon = Duration::from_millis(20);
    let config = HttpConfig { drain_linger: soon, drain_timeout: soon, ..HttpConfig::default() };
    let server = start(config, router).await;
    let asking = tokio::spawn(exchange(server.address, "GET /held HTTP/1.1\r\nhost: x\r\n\r\n"));
    came.notified().await;
    server.stop.send(()).expect("it runs");
    assert!(!server.ended.await.expect("it ends"));
    assert_eq!(asking.await.expect("closed"), "");
}

#[tokio::test]
async fn a_client_that_never_speaks_is_disconnected() {
    let config = HttpConfig { header_timeout: Duration::from_millis(20), ..HttpConfig::default() };
    let server = start(config, router()).await;
    assert_eq!(exchange(server.address, "").await, "");
    assert_eq!(exchange(server.address, "GET /fish HTTP/1.1\r\nhos").await, "");
}

#[tokio::test]
async fn a_port_that_cannot_be_had_is_a_clear_error() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let bind = async |listen: &str| {
        let config = HttpConfig { listen: listen.into(), ..HttpConfig::default() };
        Server::bind(config, Health::new()).await.err()
    };
    assert_eq!(bind(&address).await, Some(AddressError::InUse { address: address.clone() }));
    for wrong in ["8080", "localhost:8080", "127.0.0.1:99999", ""] {
        assert_eq!(bind(wrong).await, Some(AddressError::Invalid { address: wrong.into() }));
    }
}
