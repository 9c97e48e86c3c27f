//! Starts many nodes in this process, over UDP on loopback, and prints how long it takes until each knows all, and
//! what they send meanwhile and afterwards. `cargo run -p shoal-cluster --example converge -- 100`
#![expect(clippy::print_stdout, reason = "it is a program that prints figures")]

use std::net::SocketAddr;
use std::time::Duration;

use shoal_cluster::{Cluster, ClusterError, Counts, GossipKey, KeyRing, Load, Member, Options, State};
use shoal_types::{Env, NodeId};
use tokio::time::{interval, timeout};
use uuid::Uuid;

const ROLES: [&str; 6] = ["gateway", "users", "products", "orders", "checkout", "worker"];

#[tokio::main]
async fn main() -> Result<(), ClusterError> {
    let env = Env::system();
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_usize);
    let begun = env.now();
    let mut nodes = vec![join(&[], &env).await?];
    let seed = nodes[0].gossip_address();
    for _ in 1..count {
        nodes.push(join(&[seed], &env).await?);
    }
    let joined = env.now().since(begun);
    for node in &nodes {
        node.directory().until(|directory| directory.with_role("users").len() == count).await;
    }
    let converged = env.now().since(begun);
    println!("{count} nodes: started in {joined:.2?}, each knows all after {converged:.2?}");
    print_rates("while converging", &nodes, &vec![Counts::default(); count], converged);
    steady(&nodes, &env).await;
    let died = nodes.pop().expect("there is one");
    let begun = env.now();
    drop(died);
    for node in &nodes {
        node.directory().until(|directory| directory.with_role("users").len() == count - 1).await;
    }
    println!("a node that died gets no calls from any other after {:.2?}", env.now().since(begun));
    Ok(())
}

async fn join(seeds: &[SocketAddr], env: &Env) -> Result<Cluster, ClusterError> {
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let id = NodeId::new(env);
    let mut me = Member::new(id, "fish.example.org", env!("CARGO_PKG_VERSION"), &ROLES, local, env.now());
    me.state = State::Ready;
    me.certificate_until = Some(env.now().plus(Duration::from_secs(86_400)));
    let keys = KeyRing::new(GossipKey::new([7; 32]), None);
    let mut options = Options::new(Uuid::from_u128(7), keys, local, me);
    options.seeds = seeds.iter().map(SocketAddr::to_string).collect();
    Cluster::join(options, env.clone()).await
}

/// Ten seconds in which each node's load changes once a second.
async fn steady(nodes: &[Cluster], env: &Env) {
    let before: Vec<_> = nodes.iter().map(Cluster::counts).collect();
    let mut flaps: Vec<_> = Vec::new();
    let begun = env.now();
    let mut second = interval(Duration::from_secs(1));
    for round in 0..10_u32 {
        second.tick().await;
        for (n, node) in (0_u32..).zip(nodes) {
            let load = Load {
                in_flight: round * 7 + n,
                cpu_permille: 100 + (round * 13) as u16,
                memory_mib: 60 + round,
            };
            node.update(|me| me.load = load).expect("numbers always fit");
        }
        flaps.extend(nodes.iter().map(|node| node.directory().with_role("users").len()));
    }
    let _ = timeout(Duration::from_secs(1), std::future::pending::<()>()).await;
    print_rates("steady, load changing each second", nodes, &before, env.now().since(begun));
    let fewest = flaps.iter().min().copied().unwrap_or(0);
    println!("fewest nodes in any directory meanwhile: {fewest} of {}", nodes.len());
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
