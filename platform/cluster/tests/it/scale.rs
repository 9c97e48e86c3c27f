//! Many nodes. The example `converge` shows it with a hundred.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::nodes::{Shoal, ready};

const NODES: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_nodes_know_each_other_within_seconds_and_talk_little() {
    let shoal = Shoal::new(1, 1);
    let begun = Instant::now();
    let first = shoal.join("0", &[]).await;
    let seeds: [SocketAddr; 1] = [first.gossip_address()];
    let mut nodes = vec![first];
    for n in 1..NODES {
        nodes.push(shoal.join(&n.to_string(), &seeds).await);
    }
    for node in &nodes {
        node.directory().until(|directory| ready(directory).len() == NODES).await;
    }
    let converged = begun.elapsed();
    assert!(converged < Duration::from_secs(5), "{converged:?}");
    let sent: u64 = nodes.iter().map(|node| node.counts().sent_bytes).sum();
    let rate = sent as f64 / begun.elapsed().as_secs_f64() / NODES as f64;
    assert!(rate < 40_000.0, "{rate} bytes/s while converging");
    assert!(nodes.iter().all(|node| node.counts().refused.total() == 0));
}
