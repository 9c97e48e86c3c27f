//! The nodes as people read them.

use shoal_contract::nodes::{Breaker, Cluster, Node, NodeState, Vitals};
use shoal_types::Timestamp;

/// The columns.
pub(super) const HEAD: [&str; 11] = [
    "NODE",
    "STATE",
    "ROLES",
    "ADDRESS",
    "VERSION",
    "UP",
    "CPU",
    "MEMORY",
    "IN FLIGHT",
    "CHECKOUTS",
    "CALLS",
];

/// What is in them for one node.
pub(super) fn cells(cluster: &Cluster, node: &Node, now: Timestamp) -> [String; 11] {
    let vital = |of: fn(&Vitals) -> String| node.vitals.as_ref().map_or_else(|| "?".to_owned(), of);
    [
        node.name.clone(),
        state(node.state).to_owned(),
        node.roles.join(","),
        node.address.to_string(),
        node.version.clone(),
        since(node.started_at, now),
        vital(|it| format!("{} %", it.cpu_permille / 10)),
        vital(|it| format!("{} MiB", it.memory_bytes >> 20)),
        vital(|it| it.in_flight.to_string()),
        vital(|it| it.leases.to_string()),
        node.vitals.as_ref().map_or_else(|| "?".to_owned(), |vitals| calls(cluster, vitals)),
    ]
}

fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Joining => "joining",
        NodeState::Ready => "ready",
        NodeState::Draining => "draining",
        NodeState::Silent => "silent",
    }
}

/// Whom it calls, and how that goes: `two 0.4 ms, three open`.
fn calls(cluster: &Cluster, vitals: &Vitals) -> String {
    let name = |id| cluster.nodes.iter().find(|node| node.id == id).map(|node| node.name.as_str());
    let call = |calls: &shoal_contract::nodes::Calls| {
        let name = name(calls.to)?;
        Some(match calls.breaker {
            Breaker::Closed => {
                format!("{name} {}.{} ms", calls.latency_us / 1_000, calls.latency_us % 1_000 / 100)
            }
            Breaker::Open => format!("{name} open"),
            Breaker::HalfOpen => format!("{name} half-open"),
        })
    };
    vitals.calls.iter().filter_map(call).collect::<Vec<_>>().join(", ")
}

/// `45 s`, `12 min`, `3 h`, `8 d`.
fn since(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(then).as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
