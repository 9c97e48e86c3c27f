//! Nodes for the tests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shoal_cluster::{Cluster, Directory, GossipKey, KeyRing, Link, Member, Options, Pace, State};
use shoal_types::{Clock, Env, NodeId, SystemClock, SystemRng, Timestamp};
use tokio::time::{interval, timeout};
use uuid::Uuid;

/// What the nodes of one cluster share.
#[derive(Clone)]
pub(crate) struct Shoal {
    pub(crate) id: Uuid,
    pub(crate) keys: KeyRing,
    pub(crate) pace: Pace,
}

pub(crate) fn key(byte: u8) -> GossipKey {
    GossipKey::new([byte; 32])
}

impl Shoal {
    pub(crate) fn new(id: u128, secret: u8) -> Self {
        Self { id: Uuid::from_u128(id), keys: KeyRing::new(key(secret), None), pace: Pace::default() }
    }

    /// The same four times as fast, for tests that wait for many rounds.
    pub(crate) fn in_haste(mut self) -> Self {
        self.pace.interval = Duration::from_millis(50);
        self
    }

    pub(crate) fn options(&self, name: &str, env: &Env, seeds: &[SocketAddr]) -> Options {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let peer_address = SocketAddr::from(([127, 0, 0, 1], 7_000));
        let mut me =
            Member::new(NodeId::new(env), name, "0.1.0", &["users", "orders"], peer_address, env.now());
        me.state = State::Ready;
        let mut options = Options::new(self.id, self.keys.clone(), listen, me);
        options.pace = self.pace;
        options.seeds = seeds.iter().map(SocketAddr::to_string).collect();
        options
    }

    /// A ready node on a free port.
    pub(crate) async fn join(&self, name: &str, seeds: &[SocketAddr]) -> Cluster {
        let env = Env::system();
        Cluster::join(self.options(name, &env, seeds), env).await.expect("a free port")
    }

    /// A ready node whose clock is off.
    pub(crate) async fn join_at(&self, name: &str, seeds: &[SocketAddr], clock: Skewed) -> Cluster {
        let env = Env::new(Arc::new(clock), Arc::new(SystemRng));
        Cluster::join(self.options(name, &env, seeds), env).await.expect("a free port")
    }

    /// A ready node on a link of the test's.
    pub(crate) fn join_over(&self, name: &str, seeds: &[SocketAddr], link: Arc<dyn Link>) -> Cluster {
        let env = Env::system();
        Cluster::join_over(link, self.options(name, &env, seeds), env).expect("small")
    }
}

/// A clock that is ahead by so many seconds.
pub(crate) struct Skewed(pub(crate) u64);

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(Duration::from_secs(self.0))
    }
}

/// The names of those that would get calls, sorted.
pub(crate) fn ready(directory: &Directory) -> Vec<String> {
    names(&directory.with_role("users"))
}

/// The names of all that are listed, sorted.
pub(crate) fn listed(directory: &Directory) -> Vec<String> {
    names(&directory.members())
}

fn names(members: &[Member]) -> Vec<String> {
    let mut names: Vec<_> = members.iter().map(|member| member.name.to_string()).collect();
    names.sort();
    names
}

/// Waits until the node would call exactly these.
pub(crate) async fn sees(cluster: &Cluster, expected: &[&str]) {
    let directory = cluster.directory();
    let seen = timeout(Duration::from_secs(20), directory.until(|directory| ready(directory) == expected));
    assert!(seen.await.is_ok(), "{expected:?} expected, seen {:?}", ready(&directory));
}

/// Waits until all of the nodes would call exactly these.
pub(crate) async fn all_see(clusters: &[&Cluster], expected: &[&str]) {
    for cluster in clusters {
        sees(cluster, expected).await;
    }
}

/// Waits for something the directory does not tell.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let mut again = interval(Duration::from_millis(10));
    let waiting = timeout(Duration::from_secs(20), async {
        while !condition() {
            again.tick().await;
        }
    });
    assert!(waiting.await.is_ok(), "{what}");
}
