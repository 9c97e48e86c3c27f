//! Calls between nodes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use shoal_net::AddressError;
use shoal_net::rpc::{Client, Server, Services};
use shoal_types::wire::{Call, Dispatch};
use shoal_types::{Caller, Context, Env, Fault, Id, Idempotency, Role, SpanId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// Answers calls and counts those that wait within it.
#[derive(Default)]
struct Pond {
    waiting: AtomicUsize,
    changed: Notify,
    release: Notify,
}

impl Pond {
    async fn until_waiting(&self, count: usize) {
        loop {
            let changed = self.changed.notified();
            if self.waiting.load(Ordering::SeqCst) == count {
                return;
            }
            changed.await;
        }
    }

    fn wait(&self) -> Waits<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
        Waits(self)
    }
}

struct Waits<'p>(&'p Pond);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

#[async_trait]
impl Dispatch for Pond {
    fn service(&self) -> &'static str {
        "pond"
    }

    async fn dispatch(&self, cx: &Context, method: &str, body: Bytes) -> Result<Bytes, Fault> {
        match method {
            "echo" => Ok(body),
            "context" => {
                let left_s = cx.deadline.remaining(&Env::system()).as_secs();
                let (caller, trace, span) = (cx.caller, cx.trace, cx.span);
                let said =
                    format!("{left_s} {caller:?} {} {trace} {span:?} {:?}", cx.request_id, cx.idempotency);
                Ok(said.into())
            }
            "wait" => {
                let _waits = self.wait();
                self.release.notified().await;
                Ok(body)
            }
            "grow" => Ok(Bytes::from(vec![0; 17 << 20])),
            "panic" => panic!("the pond is dry"),
            _ => Err(Fault::invalid("$", "unknown_method", "no such method")),
        }
    }
}

/// A node that answers for a pond.
struct Node {
    pond: Arc<Pond>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Node {
    async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    async fn start_at(address: &str) -> Self {
        let pond = Arc::new(Pond::default());
        let services = Services::new(Env::system(), [pond.clone() as Arc<dyn Dispatch>]);
        let server = Server::bind(address, services).await.expect("a free port");
        let (stop, stopped) = oneshot::channel();
        let address = server.address();
        let stopped = async {
            let _ = stopped.await;
        };
        let running = tokio::spawn(server.run(stopped, Duration::from_secs(5)));
        Self { pond, address, stop, running }
    }

    fn client(&self) -> Arc<Client> {
        client(&[self.address])
    }
}

fn client(addresses: &[SocketAddr]) -> Arc<Client> {
    let addresses: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    let client = Client::plain(Env::system(), &addresses).expect("loopback addresses");
    Arc::new(client.with_patience(Duration::from_secs(1)))
}

fn within(time: Duration) -> Context {
    Context::system(&Env::system(), time)
}

fn soon() -> Context {
    within(Duration::from_secs(20))
}

fn away() -> Fault {
    Fault::Unavailable { what: "pond".into() }
}

#[tokio::test]
async fn a_call_is_answered_with_its_body() {
    let node = Node::start().await;
    let client = node.client();
    for body in ["", "carp"] {
        assert_eq!(client.call(&soon(), "pond", "echo", body.into(), false).await, Ok(Bytes::from(body)));
    }
    let large = Bytes::from(vec![7; 15 << 20]);
    assert!(client.call(&soon(), "pond", "echo", large.clone(), false).await == Ok(large));
}

#[tokio::test]
async fn the_context_travels_with_the_call() {
    let node = Node::start().await;
    let mut cx = within(Duration::from_millis(90_500));
    cx.caller = Caller::User { id: Id::from_digest([1; 16]), role: Role::Staff };
    cx.request_id = "r1".into();
    cx.span = Some(SpanId([5; 8]));
    cx.idempotency = Some(Idempotency { key: "k1".into(), fingerprint: [9; 32] });
    let answer = node.client().call(&cx, "pond", "context", Bytes::new(), false).await.expect("an answer");
    let expected = format!("90 {:?} r1 {} {:?} {:?}", cx.caller, cx.trace, cx.span, cx.idempotency);
    assert_eq!(String::from_utf8_lossy(&answer), expected);
}

#[tokio::test]
async fn a_thousand_calls_at_once_get_their_own_answers() {
    let node = Node::start().await;
    let client = node.client();
    let calls = (0..1_000_u32).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            let body = Bytes::from(number.to_string());
            assert_eq!(client.call(&soon(), "pond", "echo", body.clone(), false).await, Ok(body));
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("the right answer");
    }
}

#[tokio::test]
async fn a_node_takes_no_more_calls_than_it_can_bear() {
    let node = Node::start().await;
    let client = node.client();
    let call =
        |client: Arc<Client>| async move { client.call(&soon(), "pond", "wait", Bytes::new(), false).await };
    let held: Vec<_> = (0..1_024).map(|_| tokio::spawn(call(client.clone()))).collect();
    node.pond.until_waiting(1_024).await;
    assert_eq!(call(client.clone()).await, Err(Fault::Overloaded {}));
    held.iter().for_each(JoinHandle::abort);
    node.pond.until_waiting(0).await;
    assert!(
        client.call(&soon(), "pond", "echo", Bytes::new(), false).await.is_ok(),
        "the place is free again"
    );
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_on_both_sides() {
    let node = Node::start().await;
    let waited =
        node.client().call(&within(Duration::from_millis(50)), "pond", "wait", Bytes::new(), false).await;
    assert_eq!(waited, Err(Fault::DeadlineExceeded {}));
    node.pond.until_waiting(0).await;
    let late = node.client().call(&within(Duration::ZERO), "pond", "echo", Bytes::new(), false).await;
    assert_eq!(late, Err(Fault::DeadlineExceeded {}));
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_the_call() {
    let node = Node::start().await;
    let client = node.client();
    let calling = tokio::spawn(async move {
        let answer = client.call(&soon(), "pond", "wait", Bytes::new(), false).await;
        (client, answer)
    });
    node.pond.until_waiting(1).await;
    calling.abort();
    node.pond.until_waiting(0).await;
}

#[tokio::test]
async fn mistakes_of_one_call_harm_no_other() {
    let node = Node::start().await;
    let client = node.client();
    let call = async |method| client.call(&soon(), "pond", method, Bytes::new(), false).await;
    assert_eq!(call("panic").await, Err(Fault::Internal {}));
    assert_eq!(call("grow").await, Err(Fault::Internal {}));
    assert!(matches!(call("swim").await, Err(Fault::Invalid { .. })));
    assert_eq!(
        client.call(&soon(), "lake", "echo", Bytes::new(), false).await,
        Err(Fault::Unavailable { what: "lake".into() })
    );
    let too_large = client.call(&soon(), "pond", "echo", vec![0; 17 << 20].into(), false).await;
    assert!(matches!(too_large, Err(Fault::Invalid { .. })));
    assert_eq!(call("echo").await, Ok(Bytes::new()));
}

#[tokio::test]
async fn garbage_on_the_port_closes_that_connection_only() {
    let node = Node::start().await;
    let greeting = b"shoal/1\n";
    let unreadable_header =
        [greeting.as_slice(), &[0, 0, 0, 15, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 2, 0xc1, 0xc1]].concat();
    let garbage: [&[u8]; 4] =
        [b"GET / HTTP/1.1\r\n\r\n", &[0xff; 64], &[greeting.as_slice(), &[0xff; 64]].concat(), b""];
    for bytes in garbage {
        let mut stream = TcpStream::connect(node.address).await.expect("the port is open");
        stream.write_all(bytes).await.expect("written");
        stream.shutdown().await.expect("half closed");
        let mut answer = Vec::new();
        // A reset is as good an end as a close.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.len() <= greeting.len(), "{answer:?}");
    }
    let mut stream = TcpStream::connect(node.address).await.expect("the port is open");
    stream.write_all(&unreadable_header).await.expect("written");
    let mut answer = [0; 8 + 4 + 9];
    stream.read_exact(&mut answer).await.expect("a refusal");
    assert_eq!((answer[12], answer[20]), (4, 9), "the call 9 is refused");
    assert!(node.client().call(&soon(), "pond", "echo", Bytes::new(), false).await.is_ok());
}

#[tokio::test]
async fn a_node_that_sends_garbage_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"shoal/1\n\0\0\0\x09\xff\0\0\0\0\0\0\0\0").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    assert_eq!(client(&[address]).call(&soon(), "pond", "echo", Bytes::new(), false).await, Err(away()));
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_fails_its_calls_and_is_made_anew() {
    let node = Node::start().await;
    let (proxy, cut) = proxy(node.address).await;
    let client = client(&[proxy]);
    let caller = client.clone();
    let calling =
        tokio::spawn(async move { caller.call(&soon(), "pond", "wait", Bytes::new(), false).await });
    node.pond.until_waiting(1).await;
    cut.notify_waiters();
    assert_eq!(calling.await.expect("no panic"), Err(away()));
    node.pond.until_waiting(0).await;
    assert!(client.call(&soon(), "pond", "echo", Bytes::new(), false).await.is_ok());
}

/// Passes bytes on to `target` until it is told to cut all connections.
async fn proxy(target: SocketAddr) -> (SocketAddr, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let cut = Arc::new(Notify::new());
    let told = cut.clone();
    tokio::spawn(async move {
        while let Ok((mut inbound, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                let mut outbound = TcpStream::connect(target).await.expect("the node listens");
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut inbound, &mut outbound) => {}
                    () = told.notified() => {}
                }
            });
        }
    });
    (address, cut)
}

#[tokio::test]
async fn a_node_that_is_away_is_passed_over() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a free port").local_addr().expect("bound");
    let node = Node::start().await;
    let client = client(&[gone, node.address]);
    for _ in 0..10 {
        assert!(client.call(&soon(), "pond", "echo", Bytes::new(), false).await.is_ok());
    }
    let alone = self::client(&[gone]);
    assert_eq!(alone.call(&soon(), "pond", "echo", Bytes::new(), false).await, Err(away()));
}

#[tokio::test]
async fn calls_are_spread_over_the_nodes() {
    let (first, second) = (Node::start().await, Node::start().await);
    let client = client(&[first.address, second.address]);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(&soon(), "pond", "wait", Bytes::new(), false).await })
        })
        .collect();
    first.pond.until_waiting(10).await;
    second.pond.until_waiting(10).await;
    calls.iter().for_each(JoinHandle::abort);
}

#[tokio::test]
async fn a_node_that_drains_finishes_what_it_began_and_sends_the_rest_on() {
    let (first, second) = (Node::start().await, Node::start().await);
    let client = client(&[first.address, second.address]);
    let caller = client.clone();
    let calling =
        tokio::spawn(async move { caller.call(&soon(), "pond", "wait", "carp".into(), false).await });
    let (draining, other) = tokio::select! {
        () = first.pond.until_waiting(1) => (first, second),
        () = second.pond.until_waiting(1) => (second, first),
    };
    draining.stop.send(()).expect("it runs");
    for _ in 0..10 {
        assert!(client.call(&soon(), "pond", "echo", Bytes::new(), false).await.is_ok());
    }
    draining.pond.release.notify_one();
    assert_eq!(calling.await.expect("no panic"), Ok("carp".into()));
    draining.running.await.expect("it ends");
    assert!(client.call(&soon(), "pond", "echo", Bytes::new(), false).await.is_ok());
    drop(other.stop);
}

#[tokio::test]
async fn a_node_that_comes_back_is_found_again() {
    let node = Node::start().await;
    let (address, client) = (node.address, node.client());
    assert!(client.call(&soon(), "pond", "echo", Bytes::new(), false).await.is_ok());
    node.stop.send(()).expect("it runs");
    node.running.await.expect("it ends");
    assert_eq!(client.call(&soon(), "pond", "echo", Bytes::new(), false).await, Err(away()));
    let _again = Node::start_at(&address.to_string()).await;
    let mut interval = tokio::time::interval(Duration::from_millis(5));
    while client.call(&soon(), "pond", "echo", Bytes::new(), false).await.is_err() {
        interval.tick().await;
    }
}

#[tokio::test]
async fn addresses_that_others_can_reach_are_refused() {
    let services = || Services::new(Env::system(), []);
    for address in ["0.0.0.0:0", "10.0.0.1:7000", "[::]:0"] {
        let refused = AddressError::NotLoopback { address: address.into() };
        assert_eq!(Server::bind(address, services()).await.err(), Some(refused.clone()));
        assert_eq!(Client::plain(Env::system(), &[address]).err(), Some(refused));
    }
    let unreadable = AddressError::Invalid { address: "localhost".into() };
    assert_eq!(Client::plain(Env::system(), &["localhost"]).err(), Some(unreadable));
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    assert_eq!(Server::bind(&address, services()).await.err(), Some(AddressError::InUse { address }));
}
