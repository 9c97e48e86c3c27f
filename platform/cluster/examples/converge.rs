//! Starts many nodes in this process and prints how long it takes until each knows all, what they send meanwhile and
//! afterwards, and how long until all notice that one died.
//!
//! `cargo run -p shoal-cluster --example converge -- 100` does so over UDP on loopback. With `simulated` as a second
//! word the packets go through memory and time is made to pass, so the figures are those of the protocol, whatever
//! else the machine does.
#![expect(clippy::print_stdout, reason = "it is a program that prints figures")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shoal_cluster::{
    Cluster, ClusterError, Counts, GossipKey, KeyRing, Load, Member, MemoryNetwork, Options, State,
};
use shoal_types::{Env, NodeId};
use tokio::runtime::Builder;
use tokio::time::{Instant, interval};
use uuid::Uuid;

const ROLES: [&str; 6] = ["gateway", "users", "products", "orders", "checkout", "worker"];

fn main() -> Result<(), ClusterError> {
    let mut words = std::env::args().skip(1);
    let count = words.next().and_then(|text| text.parse().ok()).unwrap_or(100_usize).max(2);
    let simulated = words.next().as_deref() == Some("simulated");
    let mut builder = if simulated { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = builder.enable_all().start_paused(simulated).build().expect("the system gives threads");
    let env = Env::system();
    let network = simulated.then(|| MemoryNetwork::new(env.clone()));
    runtime.block_on(show(count, &Place { env, network }))
}

/// Where the nodes live.
struct Place {
    env: Env,
    /// UDP if absent.
    network: Option<MemoryNetwork>,
}

impl Place {
    async fn join(&self, n: usize, seeds: &[SocketAddr]) -> Result<Cluster, ClusterError> {
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        let (id, now) = (NodeId::new(&self.env), self.env.now());
        let mut me = Member::new(id, "fish.example.org", env!("CARGO_PKG_VERSION"), &ROLES, local, now);
        me.state = State::Ready;
        me.certificate_until = Some(now.plus(Duration::from_secs(86_400)));
        let keys = KeyRing::new(GossipKey::new([7; 32]), None);
        let mut options = Options::new(Uuid::from_u128(7), keys, local, me);
        options.seeds = seeds.iter().map(SocketAddr::to_string).collect();
        let Some(network) = &self.network else { return Cluster::join(options, self.env.clone()).await };
        let address = SocketAddr::from(([10, 0, (n / 250) as u8, (n % 250) as u8], 7_100));
        Cluster::join_over(Arc::new(network.link(address)), options, self.env.clone())
    }
}

async fn show(count: usize, place: &Place) -> Result<(), ClusterError> {
    let begun = now().await;
    let mut nodes = vec![place.join(0, &[]).await?];
    let seed = nodes[0].gossip_address();
    for n in 1..count {
        nodes.push(place.join(n, &[seed]).await?);
    }
    all_know(&nodes, count).await;
    println!("{count} nodes: each knows all after {:.2?}", begun.elapsed());
    let nothing = vec![Counts::default(); count];
    print_rates("until then", &nodes, &nothing, begun.elapsed());
    let five = Duration::from_secs(5);
    if let Some(rest) = five.checked_sub(begun.elapsed()) {
        pass(rest).await;
        print_rates("in the first five seconds", &nodes, &nothing, five);
    }
    steady(&nodes).await;
    let died = nodes.pop().expect("there are two at least");
    let begun = now().await;
    drop(died);
    all_know(&nodes, count - 1).await;
    println!("a node that died gets no calls from any other after {:.2?}", begun.elapsed());
    Ok(())
}

async fn all_know(nodes: &[Cluster], count: usize) {
    for node in nodes {
        node.directory().until(|directory| directory.with_role("users").len() == count).await;
    }
}

/// Ten seconds in which each node's load changes once a second.
async fn steady(nodes: &[Cluster]) {
    let before: Vec<_> = nodes.iter().map(Cluster::counts).collect();
    let (begun, mut fewest) = (now().await, nodes.len());
    for round in 0..10_u16 {
        for (n, node) in (0_u32..).zip(nodes) {
            let round_wide = u32::from(round);
            let load = Load {
                in_flight: round_wide * 7 + n,
                cpu_permille: 100 + round * 13,
                memory_mib: 60 + round_wide,
            };
            node.update(|me| me.load = load).expect("numbers always fit");
        }
        pass(Duration::from_secs(1)).await;
        let known = nodes.iter().map(|node| node.directory().with_role("users").len());
        fewest = fewest.min(known.min().unwrap_or(0));
    }
    print_rates("afterwards, load changing each second", nodes, &before, begun.elapsed());
    println!("fewest nodes in any directory meanwhile: {fewest} of {}", nodes.len());
}

async fn now() -> Instant {
    interval(Duration::from_secs(1)).tick().await
}

async fn pass(time: Duration) {
    let mut clock = interval(time);
    clock.tick().await;
    clock.tick().await;
}

fn print_rates(when: &str, nodes: &[Cluster], before: &[Counts], time: Duration) {
    let rates = |read: fn(&Counts) -> u64| {
        let now = nodes.iter().map(|node| read(&node.counts()));
        let bytes: Vec<u64> = now.zip(before).map(|(now, before)| now - read(before)).collect();
        let kilo = |bytes: u64| bytes as f64 / time.as_secs_f64() / 1_000.0;
        let mean = kilo(bytes.iter().sum()) / nodes.len() as f64;
        (mean, kilo(bytes.iter().copied().max().unwrap_or(0)))
    };
    let (sent, most_sent) = rates(|counts| counts.sent_bytes);
    let (received, most_received) = rates(|counts| counts.received_bytes);
    println!(
        "{when}: sent {sent:.1} kB/s a node (most {most_sent:.1}), received {received:.1} (most {most_received:.1})"
    );
}
