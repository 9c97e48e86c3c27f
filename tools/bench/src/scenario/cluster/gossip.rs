use std::net::SocketAddr;
use std::time::{Duration, Instant};

use shoal_cluster::{Cluster, GossipKey, KeyRing, Member, Options, State};
use shoal_types::{Env, NodeId};
use uuid::Uuid;

use super::NAME;
use crate::command::Plan;
use crate::report::{Report, Target, median};

const NODES: usize = 100;
const ROLES: [&str; 6] = ["gateway", "users", "products", "orders", "checkout", "worker"];
/// Within so long all should know all.
const SOON: Duration = Duration::from_secs(5);

/// What one start of all nodes showed: seconds, and kB/s sent by a node on average and by the busiest.
struct Start {
    took_s: f64,
    mean: f64,
    most: f64,
    most_of_five: f64,
}

/// A hundred nodes of this process that find each other over UDP, all started at once with one seed.
pub(super) async fn run(plan: &Plan, report: &mut Report) -> anyhow::Result<()> {
    let mut starts = Vec::new();
    for _ in 0..plan.rounds {
        starts.push(start().await?);
    }
    let middle = |of: fn(&Start) -> f64| median(starts.iter().map(of).collect());
    let target = |most| Target::AtMost(most);
    report.judge(NAME, "100 nodes, until each knows all", (middle(|it| it.took_s), "s"), target(5.0));
    let what = "100 nodes, sent until then";
    report.judge(NAME, format!("{what}, on average"), (middle(|it| it.mean), "kB/s"), target(20.0));
    report.judge(NAME, format!("{what}, by the busiest"), (middle(|it| it.most), "kB/s"), target(20.0));
    let what = "100 nodes, sent in the first five seconds, by the busiest";
    report.judge(NAME, what, (middle(|it| it.most_of_five), "kB/s"), target(20.0));
    Ok(())
}

async fn start() -> anyhow::Result<Start> {
    let (env, begin) = (Env::system(), Instant::now());
    let mut nodes = vec![join(&env, None).await?];
    let seed = nodes[0].gossip_address();
    for _ in 1..NODES {
        nodes.push(join(&env, Some(seed)).await?);
    }
    for node in &nodes {
        node.directory().until(|directory| directory.with_role("users").len() == NODES).await;
    }
    let took = begin.elapsed();
    let (mean, most) = sent(&nodes, took);
    tokio::time::sleep(SOON.saturating_sub(begin.elapsed())).await;
    let (_, most_of_five) = sent(&nodes, begin.elapsed());
    Ok(Start { took_s: took.as_secs_f64(), mean, most, most_of_five })
}

async fn join(env: &Env, seed: Option<SocketAddr>) -> anyhow::Result<Cluster> {
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let version = env!("CARGO_PKG_VERSION");
    let mut me = Member::new(NodeId::new(env), "bench.example.org", version, &ROLES, local, env.now());
    me.state = State::Ready;
    me.certificate_until = Some(env.now().plus(Duration::from_secs(86_400)));
    let keys = KeyRing::new(GossipKey::new([7; 32]), None);
    let mut options = Options::new(Uuid::from_u128(7), keys, local, me);
    options.seeds = seed.iter().map(SocketAddr::to_string).collect();
    Ok(Cluster::join(options, env.clone()).await?)
}

/// What a node has sent on average, and the one that sent most, kB/s.
fn sent(nodes: &[Cluster], time: Duration) -> (f64, f64) {
    let kilo = |bytes: u64| bytes as f64 / time.as_secs_f64() / 1e3;
    let bytes: Vec<u64> = nodes.iter().map(|node| node.counts().sent_bytes).collect();
    let mean = kilo(bytes.iter().sum()) / nodes.len() as f64;
    (mean, kilo(bytes.iter().copied().max().unwrap_or(0)))
}
