//! A real NATS server, or three, between outboxes and consumers.

mod away;
mod lease;
mod refused;
mod settings;
mod three;

use std::sync::Arc;
use std::time::Duration;

use shoal_queue::nats::{Heard, Place, Queue, QueueOptions, Servers, Subscription, SubscriptionOptions};
use shoal_queue::{Consumer, OutboxTable, Relay, RelayOptions};
use shoal_servers::{Nats, NatsOptions};
use shoal_sql::Database;

use crate::pond::{Angler, MIGRATIONS, count, env, feed, fish, forgetful, pond, published, sql};

/// Longer than any handover, on a machine that does other things as well.
const SOON: Duration = Duration::from_secs(60);

/// A new server; `None`, which is said, where it is not installed.
pub(crate) fn server() -> Option<Nats> {
    server_with(NatsOptions::default())
}

fn server_with(options: NatsOptions) -> Option<Nats> {
    if let Err(missing) = Nats::program() {
        println!("skipped: {missing}");
        return None;
    }
    Some(Nats::start(options).expect("the server starts"))
}

fn servers(url: &str) -> Servers {
    match Place::parse(url) {
        Ok(Place::Nats(servers)) => servers,
        other => panic!("{url} names no servers: {other:?}"),
    }
}

async fn queue(url: &str) -> Queue {
    Queue::connect(QueueOptions::new(servers(url)), &env()).await.expect("a queue")
}

/// The house of those who hear.
async fn harbour() -> Database {
    Database::temporary("harbour", MIGRATIONS, &env()).await.expect("opens")
}

fn publishing(db: &Database, queue: &Queue) -> Relay {
    Relay::publish(db.clone(), OutboxTable::default(), queue, RelayOptions::default(), env())
}

fn subscribed(queue: &Queue, db: &Database, consumer: Arc<dyn Consumer>) -> Subscription {
    Subscription::start(queue, db.clone(), consumer, SubscriptionOptions::default(), env())
}

async fn heard(subscription: &Subscription, met: impl FnMut(&Heard) -> bool) -> Heard {
    let mut progress = subscription.progress();
    let waited = tokio::time::timeout(SOON, progress.wait_for(met)).await;
    *waited.expect("in time").expect("the subscription runs")
}

/// Waits until the angler has heard of every meal of each fish, and checks that each was in order.
async fn all_in_order(angler: &Angler, shoal: &[crate::pond::FishId], meals: u64) {
    let all: Vec<u64> = (1..=meals).collect();
    let complete = async {
        while shoal.iter().any(|id| (angler.first_heard_of(*id).len() as u64) < meals) {
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, complete).await.expect("all is heard in time");
    for id in shoal {
        assert_eq!(angler.first_heard_of(*id), all);
    }
}

#[tokio::test]
async fn events_reach_a_consumer_by_the_queue_in_their_order() {
    let Some(server) = server() else { return };
    let (db, harbour, angler) = (pond().await, harbour().await, Angler::new("angler"));
    let queue = queue(&server.url()).await;
    let (relay, subscription) = (publishing(&db, &queue), subscribed(&queue, &harbour, angler.clone()));
    let shoal = [fish(), fish(), fish()];
    for _ in 0..20 {
        for id in shoal {
            feed(&db, id).await;
        }
    }
    all_in_order(&angler, &shoal, 20).await;
    assert_eq!(count(&db, sql::UNPUBLISHED).await, 0);
    relay.stop().await;
    subscription.stop().await;
}

#[tokio::test]
async fn an_event_published_again_is_in_the_stream_once() {
    let Some(server) = server() else { return };
    let (db, harbour, angler, id) = (pond().await, harbour().await, Angler::new("angler"), fish());
    for _ in 0..3 {
        feed(&db, id).await;
    }
    let queue = queue(&server.url()).await;
    let crashed = Relay::publish(db.clone(), forgetful(), &queue, RelayOptions::default(), env());
    published(&crashed, 3).await;
    crashed.stop().await;
    let relay = publishing(&db, &queue);
    published(&relay, 3).await;
    let subscription = subscribed(&queue, &harbour, angler.clone());
    all_in_order(&angler, &[id], 3).await;
    feed(&db, id).await;
    all_in_order(&angler, &[id], 4).await;
    assert_eq!(angler.taken_of(id), [1, 2, 3, 4]);
    relay.stop().await;
    subscription.stop().await;
}

#[tokio::test]
async fn while_nothing_happens_no_database_is_asked() {
    let Some(server) = server() else { return };
    let (db, harbour, angler, id) = (pond().await, harbour().await, Angler::new("angler"), fish());
    let queue = queue(&server.url()).await;
    let options = RelayOptions { look_every: Duration::from_secs(60 * 60), ..RelayOptions::default() };
    let relay = Relay::publish(db.clone(), OutboxTable::default(), &queue, options, env());
    let subscription = subscribed(&queue, &harbour, angler.clone());
    feed(&db, id).await;
    all_in_order(&angler, &[id], 1).await;
    published(&relay, 1).await;
    let mut renewals = Renewals::of(&server, "angler").await;
    // By the first renewal the relay has had its last look.
    renewals.next().await;
    let before = (db.counters(), harbour.counters());
    for _ in 0..2 {
        renewals.next().await;
    }
    assert_eq!((db.counters(), harbour.counters()), before);
    relay.stop().await;
    subscription.stop().await;
}

/// The renewals of a lease, every other second.
struct Renewals(async_nats::Subscriber);

impl Renewals {
    async fn of(server: &Nats, consumer: &str) -> Self {
        let client = async_nats::connect(server.url()).await.expect("connects");
        let subject = format!("$KV.shoal-shop-leases.{consumer}");
        Self(client.subscribe(subject).await.expect("subscribes"))
    }

    async fn next(&mut self) {
        use futures::StreamExt;
        tokio::time::timeout(SOON, self.0.next()).await.expect("in time").expect("a renewal");
    }
}
