//! Three servers that are one, and lose one of themselves again and again.

use std::time::Duration;

use shoal_queue::nats::{Queue, QueueOptions};
use shoal_servers::{Nats, NatsCluster, NatsOptions};

use super::{SOON, all_in_order, harbour, publishing, servers, subscribed};
use crate::pond::{Angler, FishId, env, feed, fish, pond};

/// Connects as soon as the three have found each other.
async fn replicated(cluster: &NatsCluster) -> Queue {
    let options = QueueOptions { replicas: 3, ..QueueOptions::new(servers(&cluster.url())) };
    let connected = async {
        loop {
            match Queue::connect(options.clone(), &env()).await {
                Ok(queue) => return queue,
                Err(error) => println!("{error}"),
            }
        }
    };
    tokio::time::timeout(SOON, connected).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_one_of_three_servers_killed_again_and_again_all_arrives_in_its_order() {
    if let Err(missing) = Nats::program() {
        println!("skipped: {missing}");
        return;
    }
    let mut cluster = NatsCluster::start(NatsOptions::default()).expect("three servers start");
    let (db, harbour, angler) = (pond().await, harbour().await, Angler::new("angler"));
    let queue = replicated(&cluster).await;
    let (relay, subscription) = (publishing(&db, &queue), subscribed(&queue, &harbour, angler.clone()));
    let shoal: Vec<FishId> = (0..5).map(|_| fish()).collect();
    let mut meals = 0;
    for victim in [0, 1, 2, 0] {
        feed_all(&db, &shoal, 15).await;
        let server = cluster.server(victim).expect("one of three");
        server.kill().expect("it ends");
        feed_all(&db, &shoal, 15).await;
        meals += 30;
        // What was said without it is heard without it.
        all_in_order(&angler, &shoal, meals).await;
        cluster.server(victim).expect("one of three").start_again().expect("it starts again");
    }
    relay.stop().await;
    subscription.stop().await;
}

async fn feed_all(db: &shoal_sql::Database, shoal: &[FishId], meals: u64) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..meals {
        for id in shoal {
            feed(db, *id).await;
        }
        ticks.tick().await;
    }
}
