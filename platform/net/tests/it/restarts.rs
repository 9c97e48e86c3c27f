//! Nodes that are killed and restarted while calls go to them, over real sockets and encrypted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use shoal_net::identity::Bundle;
use shoal_net::rpc::{Client, Door, Peers, Server, Services, Target};
use shoal_types::wire::{Call, Dispatch};
use shoal_types::{Context, Env, Fault, NodeId};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::cluster::{bundle, identity};
use crate::log;

/// Answers after a millisecond, and counts.
#[derive(Default)]
struct House {
    /// Of an earlier version, which knows fewer methods.
    earlier: bool,
    begun: AtomicUsize,
    running: AtomicUsize,
}

#[async_trait]
impl Dispatch for House {
    fn service(&self) -> &'static str {
        "pond"
    }

    fn callers(&self, method: &str) -> &'static [&'static str] {
        if self.earlier && method == "count" { &[] } else { &["gateway"] }
    }

    fn system_callers(&self) -> &'static [&'static str] {
        &["gateway"]
    }

    async fn dispatch(&self, _: &Context, _: &str, body: Bytes) -> Result<Bytes, Fault> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        Ok(body)
    }
}

struct Node {
    target: Target,
    house: Arc<House>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Node {
    async fn start(bundle: &Bundle) -> Self {
        Self::start_with(bundle, House::default()).await
    }

    async fn start_with(bundle: &Bundle, house: House) -> Self {
        let (env, house) = (Env::system(), Arc::new(house));
        let identity = identity(bundle, &["users"], &env);
        let (node, tls) = (identity.node(), identity.tls());
        let services = Services::new(env.clone(), [house.clone() as Arc<dyn Dispatch>]);
        let server = Server::behind(Door::open("127.0.0.1:0").await.expect("a free port"), tls, services);
        let target = Target { node, address: server.address() };
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let running = tokio::spawn(server.run(stopped, Duration::from_secs(10)));
        Self { target, house, stop, running }
    }
}

/// The nodes of a cluster that are named at the moment.
struct Directory {
    bundle: Bundle,
    named: Mutex<Arc<[Target]>>,
}

impl Directory {
    fn new() -> Arc<Self> {
        Arc::new(Self { bundle: bundle(&Env::system()), named: Mutex::default() })
    }

    fn name(&self, nodes: &[Node]) {
        let targets: Vec<Target> = nodes.iter().map(|node| node.target).collect();
        self.name_targets(&targets);
    }

    fn name_targets(&self, targets: &[Target]) {
        *self.named.lock().expect("not poisoned") = targets.into();
    }
}

impl Peers for Directory {
    fn with_service(&self, _: &str) -> Arc<[Target]> {
        self.named.lock().expect("not poisoned").clone()
    }
}

fn client(directory: &Arc<Directory>) -> Arc<Client> {
    let env = Env::system();
    let tls = identity(&directory.bundle, &["gateway"], &env).tls();
    Arc::new(Client::new(env, Arc::new(tls), directory.clone()))
}

/// Thirty-two callers, each of whom calls again as soon as it has its answer.
struct Callers {
    calls: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<Fault>>>,
    calling: JoinSet<()>,
}

impl Callers {
    fn start(directory: &Arc<Directory>, idempotent: bool) -> Self {
        let client = client(directory);
        let (calls, failures) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<Fault>>>::default());
        let mut calling = JoinSet::new();
        for _ in 0..32 {
            let (client, calls, failures) = (client.clone(), calls.clone(), failures.clone());
            calling.spawn(async move {
                loop {
                    let cx = Context::system(&Env::system(), Duration::from_secs(20));
                    let answer = client.call(&cx, "pond", "fish", Bytes::from_static(b"carp"), idempotent);
                    if let Err(fault) = answer.await {
                        failures.lock().expect("not poisoned").push(fault);
                    }
                    calls.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { calls, failures, calling }
    }

    /// Waits until so many further calls have ended.
    async fn until(&self, further: usize) {
        let goal = self.calls.load(Ordering::SeqCst) + further;
        let mut interval = tokio::time::interval(Duration::from_millis(2));
        while self.calls.load(Ordering::SeqCst) < goal {
            interval.tick().await;
        }
    }

    async fn stop(mut self) -> Vec<Fault> {
        self.calling.shutdown().await;
        std::mem::take(&mut self.failures.lock().expect("not poisoned"))
    }
}

async fn nodes(directory: &Directory, count: usize) -> Vec<Node> {
    let mut nodes = Vec::new();
    for _ in 0..count {
        nodes.push(Node::start(&directory.bundle).await);
    }
    directory.name(&nodes);
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_nodes_fail_no_idempotent_call() {
    let directory = Directory::new();
    let mut nodes = nodes(&directory, 3).await;
    let callers = Callers::start(&directory, true);
    callers.until(500).await;
    for _ in 0..2 {
        // Nobody tells the directory.
        let killed = nodes.remove(0);
        killed.running.abort();
        callers.until(1_000).await;
    }
    assert_eq!(callers.stop().await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_fails_at_most_what_is_in_flight_on_it() {
    let directory = Directory::new();
    let nodes = nodes(&directory, 3).await;
    let callers = Callers::start(&directory, false);
    callers.until(500).await;
    nodes[0].running.abort();
    callers.until(2_000).await;
    let failed = callers.stop().await.len();
    assert!(failed <= 32, "{failed} failed, and only so many call at a time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_of_all_nodes_fails_no_call() {
    let directory = Directory::new();
    let mut nodes = nodes(&directory, 3).await;
    let callers = Callers::start(&directory, false);
    for _ in 0..3 {
        callers.until(500).await;
        let old = nodes.remove(0);
        old.stop.send(()).expect("it runs");
        old.running.await.expect("it ends");
        assert_eq!(old.house.running.load(Ordering::SeqCst), 0, "it finished what it had begun");
        // The directory hears of both only now.
        nodes.push(Node::start(&directory.bundle).await);
        directory.name(&nodes);
    }
    callers.until(1_000).await;
    assert_eq!(callers.stop().await, []);
    assert!(nodes.iter().all(|node| node.house.begun.load(Ordering::SeqCst) > 50), "all take part");
}

#[tokio::test]
async fn what_a_node_of_an_earlier_version_does_not_know_goes_to_one_that_does() {
    let directory = Directory::new();
    let earlier = Node::start_with(&directory.bundle, House { earlier: true, ..House::default() }).await;
    let later = Node::start(&directory.bundle).await;
    let client = client(&directory);
    let call = async |method| {
        let cx = Context::system(&Env::system(), Duration::from_secs(20));
        client.call(&cx, "pond", method, Bytes::new(), false).await
    };
    let mut nodes = vec![earlier];
    directory.name(&nodes);
    assert!(matches!(call("count").await, Err(Fault::Invalid { .. })), "nobody knows it");
    nodes.push(later);
    directory.name(&nodes);
    for _ in 0..20 {
        assert_eq!((call("count").await, call("fish").await), (Ok(Bytes::new()), Ok(Bytes::new())));
    }
    assert!(nodes[0].house.begun.load(Ordering::SeqCst) > 0, "what it knows it is asked");
}

#[tokio::test]
async fn a_node_at_the_address_of_one_that_ended_is_sent_nothing() {
    log::listen();
    let directory = Directory::new();
    let newcomer = Node::start(&directory.bundle).await;
    let other = Node::start(&directory.bundle).await;
    let begun = || [&newcomer, &other].map(|node| node.house.begun.load(Ordering::SeqCst));
    let client = client(&directory);
    let call = async |within| {
        let cx = Context::system(&Env::system(), within);
        client.call(&cx, "pond", "fish", Bytes::new(), false).await
    };
    // The directory has not heard that it is another one by now.
    let gone = Target { node: NodeId::new(&Env::system()), address: newcomer.target.address };
    directory.name_targets(&[gone]);
    assert!(call(Duration::from_millis(200)).await.is_err());
    assert_eq!(begun(), [0, 0]);

    directory.name_targets(&[gone, other.target]);
    for _ in 0..20 {
        assert_eq!(call(Duration::from_secs(20)).await, Ok(Bytes::new()), "not begun: another one is asked");
    }
    assert_eq!(begun(), [0, 20]);
    let heard = log::heard();
    let why = format!("the node at this address is {} and not {}", newcomer.target.node, gone.node);
    assert_eq!(heard.matches(&why).count(), 1, "{heard}");

    directory.name_targets(&[newcomer.target]);
    assert_eq!(call(Duration::from_secs(20)).await, Ok(Bytes::new()));
    assert_eq!(begun(), [1, 20]);
}
