//! The nodes themselves: how each of them is, and what operators ask of them.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use shoal_types::{Fault, NodeId, Timestamp};
use utoipa::ToSchema;

use crate::service::service;

/// Asks for how something is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Ask {}

/// Whether a node takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It has started and is not yet ready.
    Joining,
    /// It takes calls.
    Ready,
    /// It finishes what it has begun and takes nothing new.
    Draining,
    /// It has not been heard of for a while.
    Silent,
}

/// A node as the others know it, and what it says of itself if it can be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Drawn at its start.
    #[schema(value_type = String, format = "uuid")]
    pub id: NodeId,
    /// What its operator calls it.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// What it does.
    pub roles: Vec<String>,
    /// Where it answers other nodes.
    #[schema(value_type = String)]
    pub address: SocketAddr,
    /// Whether it takes calls.
    pub state: NodeState,
    /// Since when it runs.
    pub started_at: Timestamp,
    /// What it says of itself; absent if it did not answer in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vitals: Option<Vitals>,
}

/// How a node is at the moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Vitals {
    /// Share of one core that its process used in the last seconds, in thousandths.
    pub cpu_permille: u32,
    /// Resident memory of its process, bytes.
    pub memory_bytes: u64,
    /// Calls of other nodes that it works on.
    pub in_flight: u32,
    /// Checkouts that it drives and holds a lease of.
    pub leases: u64,
    /// When its certificate ends; it is renewed long before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_until: Option<Timestamp>,
    /// The nodes that it calls.
    #[serde(default)]
    pub calls: Vec<Calls>,
}

/// One node's calls to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Calls {
    /// To whom.
    #[schema(value_type = String, format = "uuid")]
    pub to: NodeId,
    /// Calls under way.
    pub in_flight: u32,
    /// How long answers take of late, microseconds.
    pub latency_us: u64,
    /// Whether it is called at present.
    pub breaker: Breaker,
    /// Calls since the start.
    pub calls: u64,
    /// Of them, those that got no answer.
    pub failures: u64,
}

/// Whether a node that failed is called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    /// It is called.
    Closed,
    /// It is left alone for a while.
    Open,
    /// One call goes there, to see.
    HalfOpen,
}

/// The cluster as one of its nodes sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cluster {
    /// What its operator calls it.
    pub name: String,
    /// The node that answers.
    #[schema(value_type = String, format = "uuid")]
    pub seen_by: NodeId,
    /// All nodes it knows of, by name and start.
    pub nodes: Vec<Node>,
}

service! {
    /// What every node answers, whatever its roles.
    pub trait Nodes as "nodes", error Fault, system from [any] {
        /// How this node is. Any node, the system.
        async fn vitals(Ask) -> Vitals; from [any]; idempotent;
        /// The cluster as this node sees it, with what each node says of itself. Staff, operators.
        async fn cluster(Ask) -> Cluster; from [gateway, operator]; idempotent;
        /// Takes nothing new, finishes what is under way and ends the process. Operators. Idempotent.
        async fn drain(Ask) -> (); from [operator]; idempotent;
    }
}
