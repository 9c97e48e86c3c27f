//! Keys are changed while the nodes talk.

use shoal_cluster::{Cluster, KeyRing};

use super::nodes::{Shoal, all_see, key, ready, until};

const NAMES: [&str; 3] = ["anna", "bert", "carl"];

/// Waits until each node has heard so much more that its view rests on packets of now.
async fn talk(nodes: &[Cluster]) {
    let before: Vec<_> = nodes.iter().map(|node| node.counts().received_packets).collect();
    until("the nodes talk", || {
        nodes.iter().zip(&before).all(|(node, before)| node.counts().received_packets >= before + 30)
    })
    .await;
}

#[tokio::test]
async fn keys_are_changed_under_traffic_without_losing_a_member() {
    let shoal = Shoal::new(1, 1).in_haste();
    let first = shoal.join(NAMES[0], &[]).await;
    let seed = first.gossip_address();
    let nodes = [first, shoal.join(NAMES[1], &[seed]).await, shoal.join(NAMES[2], &[seed]).await];
    all_see(&nodes.each_ref(), &NAMES).await;
    let mut changes: Vec<_> = nodes.iter().map(|node| node.directory().changed()).collect();
    changes.iter_mut().for_each(|change| {
        change.borrow_and_update();
    });
    let (old, new) = (key(1), key(2));
    let rings = [
        KeyRing::new(old.clone(), Some(new.clone())),
        KeyRing::new(new.clone(), Some(old)),
        KeyRing::new(new, None),
    ];
    for ring in &rings {
        for node in &nodes {
            node.swap_keys(ring);
            talk(&nodes).await;
        }
    }
    for (node, change) in nodes.iter().zip(&changes) {
        assert_eq!(ready(&node.directory()), NAMES);
        assert!(!change.has_changed().expect("still there"), "a member was lost for a while");
        assert_eq!(node.counts().refused.total(), 0);
    }
    // Who still has the old key only is not heard any more.
    let late = shoal.join("dora", &[seed]).await;
    until("it is refused", || nodes[0].counts().refused.foreign > 0).await;
    assert_eq!(ready(&late.directory()), ["dora"]);
}

#[tokio::test]
async fn a_node_that_misses_the_change_is_lost_and_found_when_it_follows() {
    let shoal = Shoal::new(1, 1).in_haste();
    let anna = shoal.join("anna", &[]).await;
    let bert = shoal.join("bert", &[anna.gossip_address()]).await;
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
    let ring = KeyRing::new(key(2), None);
    anna.swap_keys(&ring);
    all_see(&[&anna], &["anna"]).await;
    bert.swap_keys(&ring);
    all_see(&[&anna, &bert], &["anna", "bert"]).await;
}
