//! Bytes that no node sends, before and after the handshake.

use std::net::SocketAddr;
use std::sync::OnceLock;

use proptest::prelude::*;
use shoal_net::identity::{Bundle, Tls};
use shoal_net::rpc::Connect;
use shoal_types::{Caller, Env};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::cluster::{Node, call, client, code_of, identity, somebody_at};

/// One node for all cases, so that what one of them breaks shows in the next.
struct Pond {
    runtime: Runtime,
    address: SocketAddr,
    bundle: Bundle,
    _node: Node,
}

fn pond() -> &'static Pond {
    static POND: OnceLock<Pond> = OnceLock::new();
    POND.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("threads");
        let (node, bundle) = runtime.block_on(Node::alone());
        Pond { runtime, address: node.address, bundle, _node: node }
    })
}

impl Pond {
    fn tls(&self) -> Tls {
        identity(&self.bundle, &["gateway"], &Env::system()).tls().with_any_node()
    }

    /// Sends `bytes` in the clear and reads until the node closes.
    async fn send_plain(&self, bytes: &[u8]) {
        let mut stream = TcpStream::connect(self.address).await.expect("the port is open");
        // The node may close in the middle of it.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }

    /// Sends `bytes` after the handshake and the greeting, as a node would that has gone mad.
    async fn send_encrypted(&self, bytes: &[u8]) {
        let mut stream = self.tls().connect(somebody_at(self.address)).await.expect("a node");
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }

    async fn answers(&self) {
        let env = Env::system();
        let client = client(&identity(&self.bundle, &["gateway"], &env), self.address, &env);
        assert_eq!(call(&client, Caller::Anonymous, "say", "carp").await, Ok("carp".into()));
    }
}

/// A good call: the greeting and one frame.
fn good_call() -> Vec<u8> {
    let header = b"\x86\xa7service\xa4echo\xa6method\xa3say\xacremaining_us\xce\x00\x98\x96\x80\xa6caller\xa9anonymous\
        \xaarequest_id\xa1r\xa5trace\xdc\x00\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let (header_len, body) = (u32::try_from(header.len()).expect("short"), b"carp");
    let length = 9 + 4 + header_len + 4;
    let parts: [&[u8]; 7] = [
        b"shoal/1\n",
        &length.to_be_bytes(),
        &[1],
        &7_u64.to_be_bytes(),
        &header_len.to_be_bytes(),
        header,
        body,
    ];
    parts.concat()
}

#[test]
fn the_call_that_is_mutated_is_good() {
    let pond = pond();
    let answer = pond.runtime.block_on(async {
        let mut stream = pond.tls().connect(somebody_at(pond.address)).await.expect("a node");
        stream.write_all(&good_call()).await.expect("written");
        let mut answer = [0; 8 + 4 + 9 + 4];
        stream.read_exact(&mut answer).await.expect("an answer");
        answer
    });
    assert_eq!((answer[12], &answer[21..]), (2, b"carp".as_slice()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_before_the_handshake_harm_nobody(
        head in prop::sample::select(vec![
            &b""[..], b"\x16\x03\x01", b"\x16\x03\x03\x00\x40\x01", b"\x15\x03\x03\x00\x02", b"GET / HTTP/1.1\r\n",
            b"shoal/1\n", b"\x17\x03\x03\xff\xff",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let pond = pond();
        pond.runtime.block_on(async {
            pond.send_plain(&[head, &rest].concat()).await;
            pond.answers().await;
        });
    }

    #[test]
    fn any_bytes_after_the_handshake_harm_nobody(
        greeted in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..2_000),
    ) {
        let pond = pond();
        let greeting: &[u8] = if greeted { b"shoal/1\n" } else { b"" };
        pond.runtime.block_on(async {
            pond.send_encrypted(&[greeting, &bytes].concat()).await;
            pond.answers().await;
        });
    }

    #[test]
    fn a_call_cut_or_changed_anywhere_harms_nobody(
        cut in 0..200_usize,
        changes in prop::collection::vec((0..200_usize, any::<u8>()), 0..4),
    ) {
        let pond = pond();
        let mut bytes = good_call();
        for (place, byte) in changes {
            let place = place % bytes.len();
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len() - cut % bytes.len());
        pond.runtime.block_on(async {
            pond.send_encrypted(&bytes).await;
            pond.answers().await;
        });
    }
}

#[test]
fn a_handshake_cut_or_changed_anywhere_harms_nobody() {
    let pond = pond();
    pond.runtime.block_on(async {
        let hello = first_flight(pond).await;
        for place in (0..hello.len()).step_by(3) {
            let mut changed = hello.clone();
            changed[place] ^= 0x55;
            pond.send_plain(&changed).await;
            pond.send_plain(&hello[..place]).await;
        }
        pond.answers().await;
    });
}

/// The first bytes that a node sends to another.
async fn first_flight(pond: &Pond) -> Vec<u8> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let tls = pond.tls();
    let connecting = tokio::spawn(async move { tls.connect(somebody_at(address)).await.map(|_| ()) });
    let (mut stream, _) = listener.accept().await.expect("it connects");
    let mut bytes = vec![0; 4_096];
    let read = stream.read(&mut bytes).await.expect("a hello");
    bytes.truncate(read);
    connecting.abort();
    bytes
}

#[test]
fn those_that_connect_and_say_nothing_keep_no_node_out() {
    let pond = pond();
    pond.runtime.block_on(async {
        let mut silent = Vec::new();
        for _ in 0..300 {
            silent.push(TcpStream::connect(pond.address).await.expect("the port is open"));
        }
        for _ in 0..10 {
            let gateway = identity(&pond.bundle, &["gateway"], &Env::system());
            assert_eq!(code_of(&gateway, pond.address).await, "");
        }
        drop(silent);
    });
}
