//! A network in memory that loses packets and falls apart; time is made to pass.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shoal_cluster::{Cluster, MemoryNetwork};
use shoal_types::Env;
use tokio::time::advance;

use super::nodes::{Shoal, all_see, listed};

fn address(n: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, n], 7_100))
}

/// Nodes `a`, `b`, .. that all have the first for a seed.
fn start(network: &MemoryNetwork, count: u8) -> Vec<Cluster> {
    let shoal = Shoal::new(1, 1);
    let node = |n: u8| {
        let name = char::from(b'a' + n).to_string();
        shoal.join_over(&name, &[address(0)], Arc::new(network.link(address(n))))
    };
    (0..count).map(node).collect()
}

const ALL: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[tokio::test(start_paused = true)]
async fn a_network_that_fell_apart_grows_together_even_after_the_sides_forgot_each_other() {
    let network = MemoryNetwork::new(Env::system());
    let nodes = start(&network, 6);
    let nodes: Vec<&Cluster> = nodes.iter().collect();
    all_see(&nodes, &ALL).await;
    for forgotten in [false, true] {
        let sides = [(0..2).map(address).collect(), (2..6).map(address).collect()];
        network.partition(&sides);
        all_see(&nodes[..2], &ALL[..2]).await;
        all_see(&nodes[2..], &ALL[2..]).await;
        assert_eq!(listed(&nodes[5].directory()), ALL);
        if forgotten {
            // As if they did, rather: a minute passes, by ticks.
            for _ in 0..70 * 5 {
                advance(Duration::from_millis(200)).await;
                tokio::task::yield_now().await;
            }
            nodes[5].directory().until(|directory| listed(directory) == ALL[2..]).await;
            nodes[0].directory().until(|directory| listed(directory) == ALL[..2]).await;
        }
        network.heal();
        all_see(&nodes, &ALL).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_meet_and_stay_together_though_a_third_of_the_packets_is_lost() {
    let network = MemoryNetwork::new(Env::system());
    network.lose_permille(333);
    let nodes = start(&network, 6);
    let nodes: Vec<&Cluster> = nodes.iter().collect();
    all_see(&nodes, &ALL).await;
    let changes: Vec<_> = nodes.iter().map(|node| node.directory().changed()).collect();
    tokio::time::timeout(Duration::from_secs(20), std::future::pending::<()>())
        .await
        .expect_err("time passes");
    let lost = changes.iter().filter(|change| change.has_changed().expect("still there")).count();
    assert_eq!(lost, 0, "a living node was taken for dead");
}
