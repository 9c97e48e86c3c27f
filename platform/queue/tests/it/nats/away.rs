//! The queue goes away, comes back, and forgets.

use shoal_queue::{OutboxTable, Relay, RelayOptions};
use shoal_servers::Nats;

use super::{all_in_order, harbour, publishing, queue, server, subscribed};
use crate::pond::{Angler, count, env, feed, fish, pond, relay_of, sql};

fn restart(server: &mut Nats) {
    server.start_again().expect("it starts again");
}

#[tokio::test]
async fn a_queue_that_is_away_at_the_start_is_waited_for() {
    let Some(mut server) = server() else { return };
    let (db, harbour, angler) = (pond().await, harbour().await, Angler::new("angler"));
    server.kill().expect("it ends");
    let queue = queue(&server.url()).await;
    assert!(!queue.is_connected());
    let (relay, subscription) = (publishing(&db, &queue), subscribed(&queue, &harbour, angler.clone()));
    let shoal = [fish(), fish()];
    for id in shoal {
        for _ in 0..20 {
            feed(&db, id).await;
        }
    }
    assert_eq!(count(&db, sql::UNPUBLISHED).await, 40);
    let mut progress = relay.progress();
    progress.wait_for(|progress| progress.waiting == 40).await.expect("the relay runs");
    let asked = db.counters().reads;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert!(db.counters().reads - asked < 100, "it asks with growing pauses");
    restart(&mut server);
    all_in_order(&angler, &shoal, 20).await;
    relay.stop().await;
    subscription.stop().await;
}

#[tokio::test]
async fn a_queue_killed_in_the_middle_loses_nothing_and_keeps_the_order() {
    let Some(mut server) = server() else { return };
    let (db, harbour, angler) = (pond().await, harbour().await, Angler::new("angler"));
    let queue = queue(&server.url()).await;
    let (relay, subscription) = (publishing(&db, &queue), subscribed(&queue, &harbour, angler.clone()));
    let shoal: Vec<_> = (0..8).map(|_| fish()).collect();
    for round in 0..40 {
        for id in &shoal {
            feed(&db, *id).await;
        }
        match round {
            10 => server.pause().expect("it halts"),
            14 => server.kill().expect("it ends"),
            20 => restart(&mut server),
            _ => {}
        }
    }
    all_in_order(&angler, &shoal, 40).await;
    relay.stop().await;
    subscription.stop().await;
}

#[tokio::test]
async fn a_queue_that_lost_its_disk_is_filled_from_the_outbox() {
    let Some(mut server) = server() else { return };
    let (db, harbour, angler, id) = (pond().await, harbour().await, Angler::new("angler"), fish());
    let first = queue(&server.url()).await;
    let (relay, subscription) = (publishing(&db, &first), subscribed(&first, &harbour, angler.clone()));
    for _ in 0..10 {
        feed(&db, id).await;
    }
    all_in_order(&angler, &[id], 10).await;
    server.kill().expect("it ends");
    server.wipe().expect("its disk is lost");
    for _ in 0..5 {
        feed(&db, id).await;
    }
    restart(&mut server);
    all_in_order(&angler, &[id], 15).await;
    // One that never heard anything hears all of it from the new stream.
    let heron = Angler::new("heron");
    let late = subscribed(&first, &harbour, heron.clone());
    all_in_order(&heron, &[id], 15).await;
    for subscription in [subscription, late] {
        subscription.stop().await;
    }
    relay.stop().await;
}

#[tokio::test]
async fn who_is_in_the_process_hears_while_the_queue_is_away() {
    let Some(mut server) = server() else { return };
    let (db, harbour, id) = (pond().await, harbour().await, fish());
    let (near, far) = (Angler::new("near"), Angler::new("far"));
    server.kill().expect("it ends");
    let queue = queue(&server.url()).await;
    let [here, there] = OutboxTable::in_two_steps();
    let told = relay_of(&db, here, &[&near]);
    let published = Relay::publish(db.clone(), there, &queue, RelayOptions::default(), env());
    let subscription = subscribed(&queue, &harbour, far.clone());
    for _ in 0..300 {
        feed(&db, id).await;
    }
    all_in_order(&near, &[id], 300).await;
    assert_eq!(far.taken_of(id), Vec::<u64>::new());
    restart(&mut server);
    all_in_order(&far, &[id], 300).await;
    for relay in [told, published] {
        relay.stop().await;
    }
    subscription.stop().await;
}
