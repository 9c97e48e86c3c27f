//! Requests to addresses that others chose, against real servers on this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use shoal_net::outgoing::{Answer, Client, ClientOptions, Destination, Failure, Guard, Post, Resolve};
use shoal_types::Env;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that gives every request the same answer and notes what it read.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: impl Into<Vec<u8>>) -> Self {
        Self::with(answer, None).await
    }

    async fn with(answer: impl Into<Vec<u8>>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (noted, answer) = (requests.clone(), answer.into());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, answer, tls) = (noted.clone(), answer.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &noted, &answer).await,
                        Some(tls) => serve(tls.accept(stream).await?, &noted, &answer).await,
                    }
                });
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("not poisoned").clone()
    }

    fn url(&self, host: &str) -> Destination {
        format!("http://{host}:{}/hooks?a=b", self.address.port()).parse().expect("a URL")
    }
}

/// Reads a request to the end of its body `{}` and answers it.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    noted: &Mutex<Vec<String>>,
    answer: &[u8],
) -> io::Result<()> {
    let mut read = Vec::new();
    while !read.ends_with(b"{}") {
        let mut some = [0; 1_024];
        let count = stream.read(&mut some).await?;
        if count == 0 {
            return Ok(());
        }
        read.extend_from_slice(&some[..count]);
    }
    noted.lock().expect("not poisoned").push(String::from_utf8_lossy(&read).into_owned());
    stream.write_all(answer).await?;
    stream.flush().await?;
    // Until the other end has had enough.
    let mut rest = [0; 1];
    stream.read(&mut rest).await.map(|_| ())
}

/// Says what a test tells it to, another thing each time it is asked; the last one for ever.
struct Names {
    answers: Vec<IpAddr>,
    asked: AtomicUsize,
}

impl Names {
    fn saying(answers: &[[u8; 4]]) -> Arc<Self> {
        let answers = answers.iter().map(|octets| Ipv4Addr::from(*octets).into()).collect();
        Arc::new(Self { answers, asked: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let place = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        Ok(vec![self.answers[place]])
    }
}

fn at_home() -> Guard {
    let allow_networks = vec!["127.0.0.0/8".parse().expect("a network")];
    Guard { allow_networks, allow_http: true, ..Guard::default() }
}

fn client(options: ClientOptions) -> Client {
    Client::new(options, Env::system())
}

async fn post(client: &Client, destination: &Destination) -> Result<Answer, Failure> {
    let headers = [("webhook-id", "event_1".to_owned())];
    client.post(Post { destination, headers: &headers, body: Bytes::from_static(b"{}") }).await
}

#[tokio::test]
async fn a_request_arrives_whole_and_its_answer_comes_back() {
    let server = Server::start("HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 5\r\n\r\nlater").await;
    let client = client(ClientOptions { guard: at_home(), ..ClientOptions::default() });
    let answer = post(&client, &server.url("127.0.0.1")).await.expect("answered");
    let expected =
        Answer { status: 503, retry_after: Some(Duration::from_secs(7)), body: Bytes::from_static(b"later") };
    assert_eq!(answer, expected);
    let [request] = &server.requests()[..] else { panic!("one request") };
    let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!((lines[0], body), ("POST /hooks?a=b HTTP/1.1", "{}"));
    let host = format!("host: {}", server.address);
    for line in [&*host, "content-type: application/json", "content-length: 2", "webhook-id: event_1"] {
        assert!(lines.contains(&line), "{line} in {head}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_nobody_follows_it() {
    let elsewhere = Server::start(OK).await;
    let redirect = format!(
        "HTTP/1.1 307 Go\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url("127.0.0.1").as_str()
    );
    let server = Server::start(redirect).await;
    let client = client(ClientOptions { guard: at_home(), ..ClientOptions::default() });
    let answer = post(&client, &server.url("127.0.0.1")).await.expect("answered");
    assert_eq!((answer.status, server.requests().len()), (307, 1));
    assert_eq!(elsewhere.requests(), [""; 0]);
}

#[tokio::test]
async fn a_name_that_stands_for_a_private_address_is_not_connected_to() {
    let server = Server::start(OK).await;
    let guard = Guard { allow_http: true, ports: vec![server.address.port()], ..Guard::default() };
    // The real resolver, and a name that everybody has.
    let real = client(ClientOptions { guard: guard.clone(), ..ClientOptions::default() });
    let refused = post(&real, &server.url("localhost")).await;
    assert!(matches!(refused, Err(Failure::ForbiddenAddress { .. })), "{refused:?}");
    for octets in [[127, 0, 0, 1], [10, 0, 0, 1], [169, 254, 169, 254]] {
        let options = ClientOptions {
            guard: guard.clone(),
            resolver: Names::saying(&[octets]),
            ..ClientOptions::default()
        };
        let refused = post(&client(options), &server.url("shop.example")).await;
        assert!(matches!(refused, Err(Failure::ForbiddenAddress { .. })), "{refused:?}");
    }
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn a_name_is_asked_for_once_so_that_it_cannot_change_after_it_was_judged() {
    let server = Server::start(OK).await;
    // 127.0.0.2 is allowed and nobody listens there; the server is where the name points a moment later.
    let guard = Guard {
        allow_networks: vec!["127.0.0.2/32".parse().expect("a network")],
        allow_http: true,
        ..Guard::default()
    };
    let names = Names::saying(&[[127, 0, 0, 2], [127, 0, 0, 1]]);
    let client = client(ClientOptions { guard, resolver: names.clone(), ..ClientOptions::default() });
    assert_eq!(post(&client, &server.url("shop.example")).await, Err(Failure::Unreachable));
    assert_eq!((names.asked.load(Ordering::SeqCst), server.requests().len()), (1, 0));
    // Asked again, the new address is judged like any other.
    let refused = post(&client, &server.url("shop.example")).await;
    assert!(matches!(refused, Err(Failure::ForbiddenAddress { range: "loopback" })), "{refused:?}");
    assert_eq!(server.requests(), [""; 0]);
}

#[tokio::test]
async fn who_says_nothing_or_says_it_without_end_is_left_in_time() {
    let timeout = Duration::from_millis(300);
    let options = || ClientOptions { guard: at_home(), timeout, ..ClientOptions::default() };
    let silent = Server::start("").await;
    assert_eq!(post(&client(options()), &silent.url("127.0.0.1")).await, Err(Failure::TimedOut));
    let nonsense = Server::start("220 mail.example ESMTP\r\n").await;
    assert_eq!(post(&client(options()), &nonsense.url("127.0.0.1")).await, Err(Failure::Broken));
    let mut endless = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n".to_vec();
    endless.extend(vec![b'a'; 1 << 20]);
    let server = Server::start(endless).await;
    let options = ClientOptions { guard: at_home(), ..ClientOptions::default() };
    let answer = post(&client(options), &server.url("127.0.0.1")).await.expect("answered");
    assert_eq!((answer.status, answer.body.len()), (200, 1_024));
}

#[tokio::test]
async fn nobody_at_the_port_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    drop(listener);
    let client = client(ClientOptions { guard: at_home(), ..ClientOptions::default() });
    assert_eq!(post(&client, &url.parse().expect("a URL")).await, Err(Failure::Unreachable));
}

/// An authority in a file, and what a server of the name shows.
fn authority(name: &str) -> (tempfile::NamedTempFile, TlsAcceptor) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer =
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), issuer.pem()).expect("written");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a certificate and its key");
    (file, TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn an_encrypted_server_must_be_who_the_url_names() {
    let (roots, tls) = authority("shop.example");
    let server = Server::with(OK, Some(tls)).await;
    let options = |roots| ClientOptions {
        guard: at_home(),
        roots,
        resolver: Names::saying(&[[127, 0, 0, 1]]),
        ..ClientOptions::default()
    };
    let knowing = client(options(Some(roots.path().to_owned())));
    let url = |host| format!("https://{host}:{}/", server.address.port()).parse().expect("a URL");
    assert_eq!(post(&knowing, &url("shop.example")).await.map(|answer| answer.status), Ok(200));
    assert_eq!(post(&knowing, &url("other.example")).await, Err(Failure::Untrusted));
    assert_eq!(post(&client(options(None)), &url("shop.example")).await, Err(Failure::Untrusted));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn plain_http_is_not_used_unless_it_may_be() {
    let server = Server::start(OK).await;
    let guard = Guard { allow_http: false, ..at_home() };
    let client = client(ClientOptions { guard, ..ClientOptions::default() });
    assert_eq!(post(&client, &server.url("127.0.0.1")).await, Err(Failure::NotEncrypted));
    assert_eq!(server.requests(), [""; 0]);
}
