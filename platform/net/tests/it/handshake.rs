//! Who is let in, and what the others are told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use shoal_net::identity::Identity;
use shoal_net::rpc::{Client, Server, Target};
use shoal_types::{Caller, Env, ManualClock, NodeId, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::cluster::{NOON, Node, at, bundle, call, client, code_of, identity, noon, somebody_at};
use crate::log;

#[tokio::test]
async fn nodes_of_one_cluster_talk_and_those_of_another_are_refused_with_one_line_each() {
    log::listen();
    let (node, bundle) = Node::alone().await;
    let env = Env::system();
    let ours = identity(&bundle, &["gateway"], &env);
    assert_eq!(code_of(&ours, node.address).await, "");
    let foreign = identity(&crate::cluster::bundle(&env), &["gateway"], &env);
    // The one that connects sees the other's certificate first, and says so.
    for _ in 0..10 {
        assert_eq!(code_of(&foreign, node.address).await, "foreign_cluster");
    }
    // An old bundle of the same cluster is told apart from another cluster.
    let old = identity(&bundle, &["gateway"], &env);
    let steps = (0..3).scan(bundle, |bundle, _| {
        *bundle = bundle.rotated_ca(&env);
        Some(bundle.clone())
    });
    for step in steps {
        node.identity.reload(&step).expect("the same cluster");
    }
    assert_eq!(code_of(&old, node.address).await, "certificate_untrusted");
    let targets: Arc<[Target]> = [Target { node: node.identity.node(), address: node.address }].into();
    let client = Client::new(env, Arc::new(foreign.tls()), Arc::new(targets)).with_patience(Duration::ZERO);
    for _ in 0..3 {
        assert!(call(&client, Caller::Anonymous, "say", "hello").await.is_err());
    }
    let heard =
        hear(&["refused_as_foreign", "refused_as_untrusted", "the other node belongs to the cluster"]).await;
    assert_eq!(heard.matches("refused a connection between nodes").count(), 2, "{heard}");
}

#[tokio::test]
async fn clocks_that_differ_are_told_of_on_both_sides() {
    let (_, env) = noon();
    let bundle = bundle(&env);
    let at = |time: &str| at(Arc::new(ManualClock::at(Timestamp::parse(time).expect("a time"))));
    let node = Node::start(identity(&bundle, &["users"], &env), &env).await;
    for (time, expected) in [
        ("2026-05-03T12:04:00Z", ""),
        ("2026-05-03T11:56:00Z", ""),
        // Ours is from the future to them: theirs, which we see first, is good by our clock until tomorrow.
        ("2026-05-03T12:06:00Z", "refused_by_clock"),
        ("2026-05-03T11:54:00Z", "certificate_not_yet_valid"),
        ("2026-05-04T12:00:01Z", "certificate_expired"),
    ] {
        let other = at(time);
        let identity = identity(&bundle, &["gateway"], &other);
        assert_eq!(code_of(&identity, node.address).await, expected, "{time}");
    }
    let early = at("2026-05-03T11:00:00Z");
    let tls = identity(&bundle, &["gateway"], &early).tls();
    let error =
        shoal_net::rpc::reach(&tls, somebody_at(node.address)).await.expect_err("refused").to_string();
    assert_eq!(
        error,
        "the other node's certificate begins at 2026-05-03T11:55:00.000000Z and the clock here shows \
         2026-05-03T11:00:00.000000Z: compare both clocks"
    );
}

#[tokio::test]
async fn an_expired_certificate_is_refused_by_whoever_sees_it() {
    let (clock, env) = noon();
    let bundle = bundle(&env);
    let hour = Duration::from_secs(60 * 60);
    let short = Identity::mint_for(hour, &bundle, NodeId::new(&env), &["gateway"], &env).expect("good");
    let long = identity(&bundle, &["gateway"], &env);
    let node = Node::start(identity(&bundle, &["users"], &env), &env).await;
    let short_node = Node::start(short.clone(), &env).await;
    assert_eq!(short.not_after(), Timestamp::parse(NOON).expect("a time").plus(hour));
    assert_eq!((code_of(&short, node.address).await, code_of(&long, short_node.address).await), ("", ""));
    clock.advance(hour + Duration::from_secs(1));
    assert_eq!(code_of(&short, node.address).await, "refused_by_clock");
    assert_eq!(code_of(&long, short_node.address).await, "certificate_expired");
    short.renew().expect("the same bundle");
    assert_eq!((code_of(&short, node.address).await, code_of(&long, short_node.address).await), ("", ""));
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_renewed_after_two_thirds_of_its_life() {
    let (clock, env) = noon();
    let identity = identity(&bundle(&env), &["users"], &env);
    let first = identity.not_after();
    let renewing = tokio::spawn(identity.clone().keep_renewed());
    clock.advance(Duration::from_secs(16 * 60 * 60 - 1));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(identity.not_after(), first);
    clock.advance(Duration::from_secs(1));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(identity.not_after(), first.plus(Duration::from_secs(16 * 60 * 60)));
    renewing.abort();
}

/// Believes everybody, as a stranger on the network would.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// A client that knows TLS but is no node: its certificate, if it has one, it made itself.
fn stranger(
    version: &'static rustls::SupportedProtocolVersion,
    protocol: Option<&str>,
    certificate: Option<rcgen::CertificateParams>,
) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous));
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some(params) => {
            let key = rcgen::KeyPair::generate().expect("a key");
            let certificate = params.self_signed(&key).expect("a certificate");
            let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
            builder.with_client_auth_cert(vec![certificate.into()], key.into()).expect("fits")
        }
    };
    config.alpn_protocols = protocol.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// A certificate that says what a node's would say.
fn forged(cluster: impl std::fmt::Display) -> rcgen::CertificateParams {
    let mut params = rcgen::CertificateParams::default();
    let name = format!("shoal://{cluster}/{}?roles=checkout", NodeId::new(&Env::system()));
    params.subject_alt_names = vec![rcgen::SanType::URI(name.try_into().expect("ascii"))];
    params
}

#[tokio::test]
async fn strangers_are_refused_each_with_its_code() {
    use rustls::version::{TLS12, TLS13};
    let shoal = Some("shoal/1");
    let env = Env::system();
    let (bundle, foreign) = (bundle(&env), bundle(&env).cluster());
    for (config, expected) in [
        (stranger(&TLS13, shoal, None), "no_certificate"),
        (stranger(&TLS13, shoal, Some(forged(bundle.cluster()))), "certificate_untrusted"),
        (stranger(&TLS13, shoal, Some(forged(foreign))), "foreign_cluster"),
        (stranger(&TLS13, shoal, Some(rcgen::CertificateParams::default())), "certificate_unusable"),
        (stranger(&TLS13, Some("shoal/9"), None), "protocol_version"),
        (stranger(&TLS13, None, Some(forged(foreign))), "foreign_cluster"),
        (stranger(&TLS12, shoal, None), "protocol_version"),
    ] {
        log::listen();
        let node = Node::start(identity(&bundle, &["users"], &env), &env).await;
        let stream = TcpStream::connect(node.address).await.expect("the port is open");
        let name = ServerName::IpAddress(node.address.ip().into());
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        // In TLS 1.3 a client that was refused learns of it when it reads.
        if let Ok(mut stream) = connected {
            stream.write_all(b"shoal/1\n").await.expect("written");
            assert!(stream.read_u8().await.is_err());
        }
        hear_code(expected).await;
        assert_eq!(code_of(&identity(&bundle, &["gateway"], &env), node.address).await, "");
    }
}

#[tokio::test]
async fn ends_without_encryption_are_told_from_nodes() {
    log::listen();
    let (node, bundle) = Node::alone().await;
    let ours = identity(&bundle, &["gateway"], &Env::system());
    let services = shoal_net::rpc::Services::new(Env::system(), []);
    let plain = Server::bind("127.0.0.1:0", services).await.expect("a free port");
    let address = plain.address();
    let serving = tokio::spawn(plain.run(std::future::pending(), Duration::ZERO));
    assert_eq!(code_of(&ours, address).await, "not_tls");
    serving.abort();
    let mut stream = TcpStream::connect(node.address).await.expect("the port is open");
    stream.write_all(b"shoal/1\n").await.expect("written");
    // What comes back is an alert, if anything.
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.len() < 16, "{answer:?}");
    hear_code("not_tls").await;
}

async fn hear_code(code: &str) {
    hear(&[&format!("\"code\":\"{code}\"")]).await;
}

/// Waits until all `words` are logged and gives what was logged until then.
async fn hear(words: &[&str]) -> String {
    let mut heard = String::new();
    for _ in 0..10_000 {
        heard += &log::heard();
        if words.iter().all(|words| heard.contains(words)) {
            return heard;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{words:?} were not logged, but: {heard}");
}

/// Passes bytes on to `target` and keeps a copy of all of them.
async fn recorder(target: std::net::SocketAddr) -> (std::net::SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let taken = Arc::new(Mutex::new(Vec::new()));
    let tape = taken.clone();
    tokio::spawn(async move {
        while let Ok((inbound, _)) = listener.accept().await {
            let outbound = TcpStream::connect(target).await.expect("the node listens");
            let (from_client, to_client) = inbound.into_split();
            let (from_node, to_node) = outbound.into_split();
            tokio::spawn(pass(from_client, to_node, tape.clone()));
            tokio::spawn(pass(from_node, to_client, tape.clone()));
        }
    });
    (address, taken)
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, tape: Arc<Mutex<Vec<u8>>>) {
    let mut bytes = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        tape.lock().expect("not poisoned").extend_from_slice(&bytes[..read]);
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn no_word_of_a_call_can_be_read_on_the_way() {
    let (node, bundle) = Node::alone().await;
    let env = Env::system();
    let (proxy, taken) = recorder(node.address).await;
    let client = client(&identity(&bundle, &["gateway"], &env), proxy, &env);
    let secret = "four carps and a very secret word, again and again";
    for _ in 0..10 {
        assert_eq!(call(&client, Caller::Anonymous, "say", secret).await, Ok(secret.into()));
    }
    let taken = taken.lock().expect("not poisoned");
    assert!(taken.len() > 20 * secret.len(), "{} bytes", taken.len());
    let shows = |word: &str| taken.windows(word.len()).any(|window| window == word.as_bytes());
    for word in ["carps", "echo", "say", "request_id", "shoal/1\n", "roles=", "127.0.0.1"] {
        assert!(!shows(word), "{word}");
    }
}
