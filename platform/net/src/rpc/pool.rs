use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use shoal_types::NodeId;
use tokio::time::Instant;

use super::balance::{LATENCY_MIN, pick};
use super::breaker::Admits;
use super::candidate::Candidate;
use super::connection::Connection;
use super::peer::{Net, Peer};
use super::service::Service;
use super::target::{Peers, Target};

/// What a new node is taken to need if there is none to compare it with.
const LATENCY_START: Duration = Duration::from_millis(1);

/// A call whose loss would be seen probes a node only if no other call has come to do it for so long.
const PROBE_OVERDUE: Duration = Duration::from_secs(1);

/// The nodes one client knows, by service. A node that has left is forgotten, and its connection closed, with the last
/// call on it.
pub(super) struct Pool {
    pub(super) net: Arc<Net>,
    directory: Arc<dyn Peers>,
    services: ArcSwap<HashMap<&'static str, Arc<Service>>>,
    /// So that the services of one node share its connection.
    known: Mutex<HashMap<Target, Weak<Peer>>>,
}

impl Pool {
    pub(super) fn new(net: Net, directory: Arc<dyn Peers>) -> Self {
        Self { net: Arc::new(net), directory, services: ArcSwap::default(), known: Mutex::default() }
    }

    /// The state of a service, its nodes as the directory has them now. Services are as many as the contract has.
    pub(super) fn service(&self, name: &'static str) -> Arc<Service> {
        let found = self.services.load().get(name).cloned();
        let service = found.unwrap_or_else(|| self.learn(name));
        self.update(&service);
        service
    }

    fn learn(&self, name: &'static str) -> Arc<Service> {
        let service = Arc::new(Service::new(name));
        self.services.rcu(|services| {
            let mut grown = HashMap::clone(services);
            grown.entry(name).or_insert_with(|| service.clone());
            grown
        });
        self.services.load().get(name).cloned().unwrap_or(service)
    }

    /// Takes in what the directory says, for all services that were ever called.
    pub(super) fn update_all(&self) {
        self.services().iter().for_each(|service| self.update(service));
    }

    pub(super) fn services(&self) -> Vec<Arc<Service>> {
        self.services.load().values().cloned().collect()
    }

    fn update(&self, service: &Service) {
        let targets = self.directory.with_service(service.name);
        let same = |choices: &Choices| Arc::ptr_eq(&choices.targets, &targets) || choices.targets == targets;
        if same(&service.choices.load()) {
            return;
        }
        let mut known = self.lock();
        let before = service.choices.load_full();
        if same(&before) {
            return;
        }
        let latency = before.latency(Instant::now());
        let candidates = targets.iter().map(|target| {
            let stayed = before.candidates.iter().find(|candidate| candidate.peer.target == *target);
            stayed.cloned().unwrap_or_else(|| {
                let peer = known.get(target).and_then(Weak::upgrade).unwrap_or_else(|| {
                    let peer = Arc::new(Peer::new(*target));
                    known.insert(*target, Arc::downgrade(&peer));
                    peer
                });
                Arc::new(Candidate::new(peer, latency))
            })
        });
        let candidates = candidates.collect();
        service.choices.store(Arc::new(Choices { targets, candidates }));
        drop(before);
        known.retain(|_, peer| peer.strong_count() > 0);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Target, Weak<Peer>>> {
        // Nothing that holds the lock can panic half-way.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The nodes of one service among which a call chooses.
#[derive(Default)]
pub(super) struct Choices {
    targets: Arc<[Target]>,
    pub(super) candidates: Vec<Arc<Candidate>>,
}

/// Whom a call goes to.
pub(super) enum Choice {
    /// A node and the connection to it.
    Node(Arc<Candidate>, Arc<Connection>),
    /// Nobody yet; whether a connection to one that was not tried is being made.
    Nobody { dialling: bool },
}

/// How good a node that has a connection looks. The best come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Well,
    Shunned,
    /// Calls wait there and not even a ping was answered.
    Silent,
}

impl Choices {
    /// Where a new node starts: as good as the others are on average, so that it is neither flooded nor starved.
    fn latency(&self, now: Instant) -> Duration {
        let count = u32::try_from(self.candidates.len()).unwrap_or(u32::MAX);
        let sum: Duration = self.candidates.iter().map(|candidate| candidate.latency(now)).sum();
        sum.checked_div(count).unwrap_or(LATENCY_START).max(LATENCY_MIN)
    }

    /// The node for a call that was not at those in `tried` yet, among those with a connection. To the others, connections
    /// are made meanwhile.
    pub(super) fn choose(&self, net: &Arc<Net>, tried: &[NodeId], idempotent: bool) -> Choice {
        let now = Instant::now();
        let all_count = self.more_than_half_are_ejected(now);
        let mut best = Vec::new();
        let mut best_rank = Rank::Silent;
        let mut dialling = false;
        for candidate in &self.candidates {
            let admits = if all_count { Admits::Calls } else { candidate.peer.admits(now) };
            if admits == Admits::Nothing || tried.contains(&candidate.peer.target.node) {
                continue;
            }
            let Some(connection) = candidate.peer.ready() else {
                dialling |= candidate.peer.dial(net);
                continue;
            };
            if let Admits::Probe { due } = admits {
                if (idempotent || due >= PROBE_OVERDUE) && candidate.peer.probe(now) {
                    return Choice::Node(candidate.clone(), connection);
                }
                continue;
            }
            let rank = rank(candidate, &connection, now);
            if rank < best_rank {
                best.clear();
                best_rank = rank;
            }
            if rank == best_rank {
                best.push((candidate, connection));
            }
        }
        let chosen = pick(best.len(), net.draw(), |index| best[index].0.cost(now));
        let Some(chosen) = chosen else { return Choice::Nobody { dialling } };
        let (candidate, connection) = best.swap_remove(chosen);
        Choice::Node(candidate.clone(), connection)
    }

    /// Then it is more likely that something between us and all of them is ill, or that they are few: leaving them out
    /// would only send the load to the rest.
    fn more_than_half_are_ejected(&self, now: Instant) -> bool {
        let ejected = |candidate: &&Arc<Candidate>| candidate.peer.admits(now) != Admits::Calls;
        self.candidates.iter().filter(ejected).count() * 2 > self.candidates.len()
    }
}

fn rank(candidate: &Candidate, connection: &Connection, now: Instant) -> Rank {
    match () {
        () if connection.is_silent() => Rank::Silent,
        () if candidate.is_shunned(now) => Rank::Shunned,
        () => Rank::Well,
    }
}
