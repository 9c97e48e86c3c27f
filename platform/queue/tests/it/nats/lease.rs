//! One node at a time takes a consumer's events, whatever becomes of it.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use shoal_queue::nats::Subscription;
use shoal_queue::{Consumer, Event};
use shoal_types::{Context, Fault};

use super::{all_in_order, harbour, heard, publishing, queue, server, subscribed};
use crate::pond::{Angler, feed, fish, pond};

fn holders(subscriptions: &[&Subscription]) -> usize {
    subscriptions.iter().filter(|subscription| subscription.progress().borrow().holds).count()
}

#[tokio::test]
async fn another_node_takes_over_at_once_from_one_that_stops_and_later_from_one_that_dies() {
    let Some(server) = server() else { return };
    let (db, harbour, id) = (pond().await, harbour().await, fish());
    let [here, there] = [queue(&server.url()).await, queue(&server.url()).await];
    let relay = publishing(&db, &here);
    // Both are the same consumer, and tell what they hear in one place.
    let angler = Angler::new("angler");
    let first = subscribed(&here, &harbour, angler.clone());
    heard(&first, |heard| heard.holds).await;
    let second = subscribed(&there, &harbour, angler.clone());
    for _ in 0..10 {
        feed(&db, id).await;
    }
    all_in_order(&angler, &[id], 10).await;
    assert_eq!(holders(&[&first, &second]), 1);

    let begun = Instant::now();
    first.stop().await;
    heard(&second, |heard| heard.holds).await;
    feed(&db, id).await;
    all_in_order(&angler, &[id], 11).await;
    assert!(begun.elapsed() < Duration::from_secs(4), "handed over in {:?}", begun.elapsed());
    assert_eq!(angler.taken_of(id), (1..=11).collect::<Vec<_>>());

    let third = subscribed(&here, &harbour, angler.clone());
    drop(second);
    for _ in 0..10 {
        feed(&db, id).await;
    }
    all_in_order(&angler, &[id], 21).await;
    third.stop().await;
    relay.stop().await;
}

/// Stops its whole thread once it has taken a first batch, as a paused process would, until it is let go.
struct Paused {
    angler: Arc<Angler>,
    gate: Mutex<Option<Receiver<()>>>,
}

#[async_trait]
impl Consumer for Paused {
    fn name(&self) -> &'static str {
        self.angler.name
    }

    fn wants(&self, kind: &str) -> bool {
        self.angler.wants(kind)
    }

    async fn handle(&self, cx: &Context, events: &[Event]) -> Result<(), Fault> {
        let gate = self.gate.lock().expect("no panic").take();
        if let Some(gate) = gate {
            gate.recv().expect("let go at last");
        }
        self.angler.handle(cx, events).await
    }
}

#[tokio::test]
async fn a_holder_that_is_paused_is_replaced_and_afterwards_only_repeats() {
    let Some(server) = server() else { return };
    let (db, harbour, id) = (pond().await, harbour().await, fish());
    let angler = Angler::new("angler");
    let (go, gate) = channel();
    let paused = Arc::new(Paused { angler: angler.clone(), gate: Mutex::new(Some(gate)) });
    let (url, place) = (server.url(), harbour.clone());
    let (told, holds) = tokio::sync::oneshot::channel();
    // A thread of its own: all of this node stands still.
    let node = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let subscription = subscribed(&queue(&url).await, &place, paused);
            heard(&subscription, |heard| heard.holds).await;
            told.send(()).expect("somebody waits");
            // After it was let go it does what it had begun.
            heard(&subscription, |heard| heard.taken > 0).await;
            subscription.stop().await;
        });
    });
    holds.await.expect("it holds the lease");
    let queue = queue(&server.url()).await;
    let relay = publishing(&db, &queue);
    let other = subscribed(&queue, &harbour, angler.clone());
    for _ in 0..10 {
        feed(&db, id).await;
    }
    all_in_order(&angler, &[id], 10).await;
    go.send(()).expect("it waits");
    tokio::task::spawn_blocking(move || node.join()).await.expect("joined").expect("no panic");
    feed(&db, id).await;
    all_in_order(&angler, &[id], 11).await;
    assert!(other.progress().borrow().holds);
    other.stop().await;
    relay.stop().await;
}
