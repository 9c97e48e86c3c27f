//! Many nodes. The example `converge` prints the figures.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shoal_cluster::{Cluster, MemoryNetwork};
use shoal_types::Env;
use tokio::time::{Instant, interval};

use super::nodes::{Shoal, ready};

const FIVE: Duration = Duration::from_secs(5);

async fn all_know(nodes: &[Cluster], count: usize) {
    for node in nodes {
        node.directory().until(|directory| ready(directory).len() == count).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_nodes_know_each_other_within_seconds_and_talk_little() {
    let shoal = Shoal::new(1, 1);
    let begun = Instant::now();
    let first = shoal.join("0", &[]).await;
    let seeds: [SocketAddr; 1] = [first.gossip_address()];
    let mut nodes = vec![first];
    for n in 1..20 {
        nodes.push(shoal.join(&n.to_string(), &seeds).await);
    }
    all_know(&nodes, 20).await;
    let converged = begun.elapsed();
    assert!(converged < FIVE, "{converged:?}");
    let sent: u64 = nodes.iter().map(|node| node.counts().sent_bytes).sum();
    assert!(sent / 20 < 20_000, "{} bytes a node in {converged:?}", sent / 20);
    assert!(nodes.iter().all(|node| node.counts().refused.total() == 0));
}

/// Nodes on a network in memory, all with the first for a seed.
fn start(count: u8) -> Vec<Cluster> {
    let (shoal, network) = (Shoal::new(1, 1), MemoryNetwork::new(Env::system()));
    let address = |n: u8| SocketAddr::from(([10, 0, 0, n], 7_100));
    let node = |n: u8| shoal.join_over(&n.to_string(), &[address(0)], Arc::new(network.link(address(n))));
    (0..count).map(node).collect()
}

/// In virtual time, so that it shows the protocol and not how busy the machine is.
#[tokio::test(start_paused = true)]
async fn a_hundred_nodes_know_each_other_in_five_seconds_at_twenty_kilobytes_a_second_each() {
    let mut windows = interval(FIVE);
    let begun = windows.tick().await;
    let mut nodes = start(100);
    all_know(&nodes, 100).await;
    assert!(begun.elapsed() < FIVE, "{:?}", begun.elapsed());

    let mut sent = vec![0; 100];
    for _ in 0..3 {
        windows.tick().await;
        for (node, before) in nodes.iter().zip(&mut sent) {
            let now = node.counts().sent_bytes;
            assert!(now - *before < 20_000 * 5, "{} bytes in five seconds", now - *before);
            *before = now;
        }
        assert!(nodes.iter().all(|node| ready(&node.directory()).len() == 100));
    }

    drop(nodes.pop());
    let begun = Instant::now();
    all_know(&nodes, 99).await;
    assert!(begun.elapsed() < FIVE, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nodes_whose_list_takes_more_than_one_packet_know_each_other_and_stay() {
    let nodes = start(140);
    all_know(&nodes, 140).await;
    let changes: Vec<_> = nodes.iter().map(|node| node.directory().changed()).collect();
    let mut five = interval(FIVE);
    five.tick().await;
    five.tick().await;
    let lost = changes.iter().filter(|change| change.has_changed().expect("still there")).count();
    assert_eq!(lost, 0, "a living node was taken for dead");
}
