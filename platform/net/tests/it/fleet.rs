//! Nodes in one process and the links to them, for tests in paused time.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use shoal_net::rpc::{Client, Connect, Io, Peers, Services, Target, TargetStats, serve};
use shoal_types::wire::{Call, Dispatch, Peer};
use shoal_types::{Clock, Context, Env, Fault, NodeId, SeededRng, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex, split};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// The time of the paused runtime.
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus(self.0.elapsed())
    }
}

pub(crate) fn env(seed: u64) -> Env {
    Env::new(Arc::new(RuntimeClock(Instant::now())), Arc::new(SeededRng::new(seed)))
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What the link to a node does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Up,
    /// 200 kB a second.
    Slow,
    /// Connections live on, new ones are refused: the node has closed its listener.
    Closed,
    /// Nothing comes through and nobody says so.
    BlackHole,
    /// Connections break and new ones are refused.
    Down,
}

/// A house that takes its time, with so many workers.
pub(crate) struct House {
    delay_ms: AtomicU64,
    workers: Semaphore,
    pub(crate) begun: AtomicUsize,
    running: AtomicUsize,
}

#[async_trait]
impl Dispatch for House {
    fn service(&self) -> &'static str {
        "pond"
    }

    async fn dispatch(&self, _: &Context, _: &str, body: Bytes) -> Result<Bytes, Fault> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(&self.running);
        let _worker = self.workers.acquire().await.expect("never closed");
        sleep(ms(self.delay_ms.load(Ordering::SeqCst))).await;
        Ok(body)
    }
}

struct Running<'h>(&'h AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(crate) struct Node {
    pub(crate) target: Target,
    pub(crate) house: Arc<House>,
    services: Services,
    link: watch::Sender<Link>,
    draining: watch::Sender<bool>,
    connections: watch::Sender<usize>,
    pub(crate) attempts: AtomicUsize,
}

impl Node {
    pub(crate) fn link(&self, link: Link) {
        self.link.send_replace(link);
    }

    pub(crate) fn delay(&self, delay_ms: u64) {
        self.house.delay_ms.store(delay_ms, Ordering::SeqCst);
    }

    pub(crate) fn begun(&self) -> usize {
        self.house.begun.load(Ordering::SeqCst)
    }

    pub(crate) fn running(&self) -> usize {
        self.house.running.load(Ordering::SeqCst)
    }

    /// Says that it goes away, as a server does that is told to stop.
    pub(crate) fn drain(&self) {
        self.link(Link::Closed);
        self.draining.send_replace(true);
    }

    pub(crate) async fn until_unconnected(&self) {
        self.connections.subscribe().wait_for(|open| *open == 0).await.expect("the node is held");
    }

    pub(crate) async fn until_connected(&self) {
        self.connections.subscribe().wait_for(|open| *open > 0).await.expect("the node is held");
    }
}

/// The nodes, and the directory that names some of them.
pub(crate) struct Fleet {
    pub(crate) env: Env,
    nodes: Mutex<HashMap<SocketAddr, Arc<Node>>>,
    listed: ArcSwap<Vec<Target>>,
    named: ArcSwap<Arc<[Target]>>,
}

impl Fleet {
    /// A fleet of so many nodes, at each of which calls take 5 ms, all listed.
    pub(crate) fn new(count: usize) -> Arc<Self> {
        let fleet = Arc::new(Self {
            env: env(7),
            nodes: Mutex::default(),
            listed: ArcSwap::default(),
            named: ArcSwap::new(Arc::new(Arc::default())),
        });
        for _ in 0..count {
            let node = fleet.start(1_000);
            fleet.list(&node);
        }
        fleet
    }

    /// Starts a node with so many workers that is not listed yet.
    pub(crate) fn start(&self, workers: usize) -> Arc<Node> {
        let house = Arc::new(House {
            delay_ms: AtomicU64::new(5),
            workers: Semaphore::new(workers),
            begun: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
        });
        let mut nodes = self.lock();
        let port = 7_000 + u16::try_from(nodes.len()).expect("few nodes");
        let target = Target { node: NodeId::new(&self.env), address: ([127, 0, 0, 1], port).into() };
        let node = Arc::new(Node {
            target,
            services: Services::new(self.env.clone(), [house.clone() as Arc<dyn Dispatch>]),
            house,
            link: watch::Sender::new(Link::Up),
            draining: watch::Sender::new(false),
            connections: watch::Sender::new(0),
            attempts: AtomicUsize::new(0),
        });
        nodes.insert(target.address, node.clone());
        node
    }

    pub(crate) fn list(&self, node: &Node) {
        let mut listed = Vec::clone(&self.listed.load());
        listed.push(node.target);
        self.name(listed);
    }

    pub(crate) fn unlist(&self, node: &Node) {
        let mut listed = Vec::clone(&self.listed.load());
        listed.retain(|target| *target != node.target);
        self.name(listed);
    }

    fn name(&self, listed: Vec<Target>) {
        self.named.store(Arc::new(listed.clone().into()));
        self.listed.store(Arc::new(listed));
    }

    /// The nodes in the order in which they were started.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        let mut nodes: Vec<_> = self.lock().values().cloned().collect();
        nodes.sort_by_key(|node| node.target.address);
        nodes
    }

    pub(crate) fn client(self: &Arc<Self>) -> Arc<Client> {
        Arc::new(Client::new(self.env.clone(), self.clone(), self.clone()))
    }

    pub(crate) async fn call(
        &self,
        client: &Client,
        idempotent: bool,
        within: Duration,
    ) -> Result<Bytes, Fault> {
        let cx = Context::system(&self.env, within);
        client.call(&cx, "pond", "fish", Bytes::from_static(b"carp"), idempotent).await
    }

    /// Sends so many calls a second until the load is stopped, whatever becomes of those before.
    pub(crate) fn load(
        self: &Arc<Self>,
        client: &Arc<Client>,
        per_s: u32,
        idempotent: bool,
        within: Duration,
    ) -> Load {
        let outcomes = Arc::new(Mutex::new(Vec::new()));
        let (fleet, client, noted) = (self.clone(), client.clone(), outcomes.clone());
        let sending = tokio::spawn(async move {
            let mut interval = tokio::time::interval(Duration::from_secs(1) / per_s);
            loop {
                interval.tick().await;
                let (fleet, client, noted) = (fleet.clone(), client.clone(), noted.clone());
                tokio::spawn(async move {
                    let began = Instant::now();
                    let answer = fleet.call(&client, idempotent, within).await;
                    let outcome = Outcome { began, took: began.elapsed(), fault: answer.err() };
                    noted.lock().expect("not poisoned").push(outcome);
                });
            }
        });
        Load { sending, outcomes, within }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Arc<Node>>> {
        self.nodes.lock().expect("not poisoned")
    }
}

/// Calls that are sent one after the other at a steady pace.
pub(crate) struct Load {
    sending: JoinHandle<()>,
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    within: Duration,
}

impl Load {
    /// Stops sending, and gives what became of all calls.
    pub(crate) async fn stop(self) -> Vec<Outcome> {
        self.sending.abort();
        sleep(self.within).await;
        std::mem::take(&mut self.outcomes.lock().expect("not poisoned"))
    }
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) began: Instant,
    pub(crate) took: Duration,
    pub(crate) fault: Option<Fault>,
}

pub(crate) fn failures(outcomes: &[Outcome]) -> Vec<&Outcome> {
    outcomes.iter().filter(|outcome| outcome.fault.is_some()).collect()
}

pub(crate) fn stats_of(client: &Client, node: &Node) -> TargetStats {
    let stats = client.stats();
    stats.into_iter().find(|stats| stats.node == node.target.node).expect("the node is listed")
}

impl Peers for Fleet {
    fn with_service(&self, _: &str) -> Arc<[Target]> {
        Arc::clone(&self.named.load())
    }
}

#[async_trait]
impl Connect for Fleet {
    async fn connect(&self, target: Target) -> io::Result<Box<dyn Io>> {
        let node = self.lock().get(&target.address).cloned().ok_or(io::ErrorKind::ConnectionRefused)?;
        node.attempts.fetch_add(1, Ordering::SeqCst);
        let link = *node.link.borrow();
        match link {
            Link::Up | Link::Slow => {}
            Link::Closed | Link::Down => return Err(io::ErrorKind::ConnectionRefused.into()),
            Link::BlackHole => std::future::pending().await,
        }
        let (client, near) = duplex(64 << 10);
        let (far, server) = duplex(64 << 10);
        let ((near_read, near_write), (far_read, far_write)) = (split(near), split(far));
        let carried = [
            tokio::spawn(carry(near_read, far_write, node.link.subscribe())),
            tokio::spawn(carry(far_read, near_write, node.link.subscribe())),
        ];
        tokio::spawn(async move {
            node.connections.send_modify(|open| *open += 1);
            serve(server, Peer::local(), node.services.clone(), node.draining.subscribe()).await;
            carried.iter().for_each(JoinHandle::abort);
            node.connections.send_modify(|open| *open -= 1);
        });
        Ok(Box::new(client))
    }
}

/// Carries bytes one way as the link lets it.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut link: watch::Receiver<Link>,
) {
    let mut bytes = vec![0; 4_096];
    loop {
        let now = *link.borrow_and_update();
        let flows = matches!(now, Link::Up | Link::Slow | Link::Closed);
        if now == Link::Slow {
            sleep(ms(20)).await;
        }
        tokio::select! {
            read = from.read(&mut bytes), if flows => match read {
                Ok(1..) if *link.borrow() == Link::BlackHole => std::future::pending().await,
                Ok(count @ 1..) if to.write_all(&bytes[..count]).await.is_ok() => {}
                _ => break,
            },
            changed = link.changed() => if changed.is_err() || *link.borrow() == Link::Down {
                break;
            },
        }
    }
    let _ = to.shutdown().await;
}
