//! What a server that ends owes to those who are connected.

use std::time::Duration;

use shoal_net::http::HttpConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::api::router;
use crate::server::{Running, start};

/// Longer than any test may take: what ends before was not waited for.
const LONG: Duration = Duration::from_secs(60);

async fn lingering(linger: Duration) -> Running {
    start(HttpConfig { drain_linger: linger, ..HttpConfig::default() }, router()).await
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("the port is open")
    }

    /// Tells it to stop, and waits until it has begun to.
    async fn drains(self) -> tokio::task::JoinHandle<bool> {
        self.stop.send(()).expect("it runs");
        while self.health.is_ready() {
            tokio::task::yield_now().await;
        }
        self.ended
    }
}

/// Asks over a connection that is kept, and reads the answer up to its end.
async fn ask(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let count = stream.read_buf(&mut answer).await.expect("an answer");
        assert!(count > 0, "closed after {:?}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).expect("text")
}

async fn is_closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let read = timeout(LONG, stream.read_to_end(&mut rest)).await.expect("it closes");
    assert_eq!((read.expect("no reset"), rest), (0, Vec::new()));
}

#[tokio::test]
async fn a_request_on_an_idle_connection_is_answered_after_the_drain_has_begun() {
    let server = lingering(LONG).await;
    let mut kept = server.connect().await;
    let before = ask(&mut kept, "/readyz").await;
    assert!(before.starts_with("HTTP/1.1 200") && !before.contains("connection: close"), "{before}");

    let ended = server.drains().await;
    let last = ask(&mut kept, "/readyz").await;
    assert!(last.starts_with("HTTP/1.1 503") && last.contains("\r\nconnection: close\r\n"), "{last}");
    is_closed(&mut kept).await;
    // That was all it waited for.
    assert!(timeout(LONG / 2, ended).await.expect("it ends by itself").expect("no panic"));
}

#[tokio::test]
async fn who_comes_while_others_are_connected_is_served_too() {
    let server = lingering(LONG).await;
    let idle = server.connect().await;
    let address = server.address;
    let ended = server.drains().await;
    let mut newcomer = TcpStream::connect(address).await.expect("it still listens");
    let answer = ask(&mut newcomer, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    is_closed(&mut newcomer).await;
    drop(idle);
    assert!(timeout(LONG / 2, ended).await.expect("it ends by itself").expect("no panic"));
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn idle_connections_are_closed_when_their_time_is_over() {
    let server = lingering(Duration::from_millis(50)).await;
    let (mut kept, mut silent) = (server.connect().await, server.connect().await);
    ask(&mut kept, "/healthz").await;
    let ended = server.drains().await;
    is_closed(&mut kept).await;
    is_closed(&mut silent).await;
    assert!(ended.await.expect("no panic"));
}

#[tokio::test]
async fn who_has_just_connected_when_the_listener_closes_is_heard_out() {
    let server = lingering(Duration::from_millis(1)).await;
    let mut early = server.connect().await;
    let address = server.address;
    let _ended = server.drains().await;
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let answer = ask(&mut early, "/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn without_connections_a_server_ends_at_once() {
    let server = lingering(LONG).await;
    let ended = server.drains().await;
    assert!(timeout(LONG / 2, ended).await.expect("nobody is waited for").expect("no panic"));
}

/// A frame of HTTP/2: RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// GET / of host x: all but the host are entries of the static table.
fn get(stream: u32) -> Vec<u8> {
    const END_STREAM_AND_HEADERS: u8 = 5;
    frame(HEADERS, END_STREAM_AND_HEADERS, stream, &[0x82, 0x86, 0x84, 0x41, 1, b'x'])
}

/// Reads frames until one of this kind; its stream and payload.
async fn until_frame(stream: &mut TcpStream, wanted: u8) -> (u32, Vec<u8>) {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.expect("a whole frame");
        if head[3] == wanted {
            return (u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload);
        }
    }
}

#[tokio::test]
async fn http2_is_told_to_go_away_and_loses_nothing_that_was_on_its_way() {
    let server = lingering(LONG).await;
    let mut kept = server.connect().await;
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &*frame(SETTINGS, 0, 0, &[])].concat();
    kept.write_all(&preface).await.expect("written");
    kept.write_all(&get(1)).await.expect("written");
    assert_eq!(until_frame(&mut kept, HEADERS).await.0, 1);

    let ended = server.drains().await;
    let any_stream = (u32::MAX >> 1).to_be_bytes();
    assert_eq!(until_frame(&mut kept, GOAWAY).await.1[..4], any_stream);
    let (_, ping) = until_frame(&mut kept, PING).await;
    // Sent before the news had come.
    kept.write_all(&get(3)).await.expect("written");
    assert_eq!(until_frame(&mut kept, HEADERS).await.0, 3);
    kept.write_all(&frame(PING, 1, 0, &ping)).await.expect("written");
    assert_eq!(until_frame(&mut kept, GOAWAY).await.1[..4], 3_u32.to_be_bytes());
    assert!(timeout(LONG / 2, ended).await.expect("it ends by itself").expect("no panic"));
}
