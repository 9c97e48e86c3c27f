//! What a node says of itself and of the others.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use shoal_cluster::{Member, State};
use shoal_contract::nodes::{
    Ask, Breaker, Calls, Cluster, Node, NodeState, Nodes, Remote, Vitals as NodeVitals,
};
use shoal_net::rpc::{BreakerState, TargetStats};
use shoal_types::{Caller, Context, Deadline, Env, Fault, NodeId, Role, Timestamp};
use tokio::sync::watch;

use super::membership::{Membership, to};
use super::names;
use super::vitals::{Vitals, memory_bytes};
use crate::config::Roles;

/// How long the others have to say how they are.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// This node, which answers for itself and tells of the others.
pub(crate) struct Here {
    env: Env,
    id: NodeId,
    started_at: Timestamp,
    roles: Vec<&'static str>,
    membership: Option<Arc<Membership>>,
    /// Counts the checkouts that this node drives.
    leases: Box<dyn Fn() -> u64 + Send + Sync>,
    vitals: Mutex<Vitals>,
    others: Mutex<HashMap<NodeId, Arc<Remote>>>,
    drain: watch::Sender<bool>,
}

impl Here {
    /// A node with these roles, in a cluster or alone. `leases` counts the checkouts that it drives.
    pub(crate) fn new(
        roles: &Roles,
        membership: Option<Arc<Membership>>,
        leases: Box<dyn Fn() -> u64 + Send + Sync>,
        env: Env,
    ) -> Self {
        Self {
            id: membership.as_ref().map_or_else(|| NodeId::new(&env), |membership| membership.id()),
            started_at: env.now(),
            roles: names(roles),
            membership,
            leases,
            vitals: Mutex::new(Vitals::new(env.clone())),
            others: Mutex::default(),
            drain: watch::Sender::new(false),
            env,
        }
    }

    /// Which node this is.
    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    /// Sees `true` once an operator wants this node to end.
    pub(crate) fn drained(&self) -> watch::Receiver<bool> {
        self.drain.subscribe()
    }

    fn own_vitals(&self) -> NodeVitals {
        let cpu_permille = lock(&self.vitals).cpu_permille();
        let mut vitals = NodeVitals {
            cpu_permille,
            memory_bytes: memory_bytes(),
            leases: (self.leases)(),
            ..NodeVitals::default()
        };
        if let Some(membership) = &self.membership {
            vitals.in_flight = membership.in_flight().now();
            vitals.certificate_until = Some(membership.identity().not_after());
            vitals.calls = calls(membership.client().stats());
        }
        vitals
    }

    /// A cluster of one.
    fn alone(&self) -> Cluster {
        let node = Node {
            id: self.id,
            name: "this".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            roles: self.roles.iter().map(|role| (*role).to_owned()).collect(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            state: NodeState::Ready,
            started_at: self.started_at,
            vitals: Some(self.own_vitals()),
        };
        Cluster { name: "alone".to_owned(), seen_by: self.id, nodes: vec![node] }
    }

    async fn node(&self, cx: &Context, membership: &Membership, member: &Member) -> Node {
        let vitals = if member.id == self.id {
            Some(self.own_vitals())
        } else if member.alive {
            self.other(membership, member).vitals(cx, Ask {}).await.ok()
        } else {
            None
        };
        Node {
            id: member.id,
            name: member.name.to_string(),
            version: member.version.to_string(),
            roles: member.roles.iter().map(ToString::to_string).collect(),
            address: member.peer_address,
            state: state_of(member),
            started_at: member.started_at,
            vitals,
        }
    }

    fn other(&self, membership: &Membership, member: &Member) -> Arc<Remote> {
        let mut others = lock(&self.others);
        let made = || {
            let connect = Arc::new(membership.identity().tls());
            Arc::new(Remote::new(Arc::new(to(member.id, member.peer_address, connect, &self.env))))
        };
        others.entry(member.id).or_insert_with(made).clone()
    }

    /// Forgets the connections to nodes that are not there any more.
    fn forget(&self, members: &[Member]) {
        lock(&self.others).retain(|id, _| members.iter().any(|member| member.id == *id));
    }
}

#[async_trait]
impl Nodes for Here {
    async fn vitals(&self, cx: &Context, _: Ask) -> Result<NodeVitals, Fault> {
        cx.caller.require(Role::Staff)?;
        Ok(self.own_vitals())
    }

    async fn cluster(&self, cx: &Context, _: Ask) -> Result<Cluster, Fault> {
        cx.caller.require(Role::Staff)?;
        let Some(membership) = &self.membership else { return Ok(self.alone()) };
        let members = membership.directory().members();
        self.forget(&members);
        let within = cx.deadline.remaining(&self.env).min(ANSWER_MAX);
        let cx = cx.with_deadline(Deadline::after(&self.env, within));
        let mut nodes = join_all(members.iter().map(|member| self.node(&cx, membership, member))).await;
        nodes.sort_by(|one, other| (&one.name, one.started_at).cmp(&(&other.name, other.started_at)));
        Ok(Cluster { name: membership.name().to_owned(), seen_by: self.id, nodes })
    }

    async fn drain(&self, cx: &Context, _: Ask) -> Result<(), Fault> {
        if cx.caller != Caller::System {
            return Err(Fault::Forbidden {});
        }
        self.drain.send_replace(true);
        Ok(())
    }
}

fn state_of(member: &Member) -> NodeState {
    match member.state {
        _ if !member.alive => NodeState::Silent,
        State::Joining => NodeState::Joining,
        State::Ready => NodeState::Ready,
        State::Draining => NodeState::Draining,
    }
}

/// The calls to each node, whichever service of it was called.
fn calls(stats: Vec<TargetStats>) -> Vec<Calls> {
    let mut calls: Vec<Calls> = Vec::new();
    for target in stats {
        let in_flight = u32::try_from(target.in_flight).unwrap_or(u32::MAX);
        let latency_us = u64::try_from(target.latency.as_micros()).unwrap_or(u64::MAX);
        match calls.iter_mut().find(|calls| calls.to == target.node) {
            Some(to) => {
                to.in_flight += in_flight;
                to.latency_us = to.latency_us.max(latency_us);
                to.calls += target.calls;
                to.failures += target.failures;
            }
            None => calls.push(Calls {
                to: target.node,
                in_flight,
                latency_us,
                breaker: match target.breaker {
                    BreakerState::Closed => Breaker::Closed,
                    BreakerState::Open => Breaker::Open,
                    BreakerState::HalfOpen => Breaker::HalfOpen,
                },
                calls: target.calls,
                failures: target.failures,
            }),
        }
    }
    calls
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
