use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use shoal_queue::{
    Consumer, Event, OutboxTable, Progress, Redriven, Relay, RelayOptions, list_dead_letters, receive,
};
use shoal_sql::testing::Place;
use shoal_sql::{Database, Engine, Error, Tx};
use shoal_types::{Context, Fault};

use crate::pond::{
    Angler, context, count, env, feed, fish, forgetful_relay, place, pond, pond_in, published, relay,
    relay_with, sql,
};

fn unavailable() -> Option<Fault> {
    Some(Fault::Unavailable { what: "the lake".to_owned() })
}

#[tokio::test]
async fn a_commit_wakes_the_relay() {
    let (db, angler, id) = (pond().await, Angler::new("angler"), fish());
    let relay = relay(&db, &[&angler]);
    feed(&db, id).await;
    published(&relay, 1).await;
    feed(&db, id).await;
    published(&relay, 2).await;
    assert_eq!(angler.taken_of(id), [1, 2]);
    relay.stop().await;
}

#[tokio::test]
async fn events_of_one_aggregate_keep_their_order() {
    let (db, angler) = (pond().await, Angler::new("angler"));
    let shoal = [fish(), fish(), fish()];
    let options = RelayOptions { batch: 4, ..RelayOptions::default() };
    let relay = relay_with(&db, &[&angler], options);
    for _ in 0..10 {
        for id in shoal {
            feed(&db, id).await;
        }
    }
    published(&relay, 30).await;
    for id in shoal {
        assert_eq!(angler.taken_of(id), (1..=10).collect::<Vec<_>>());
    }
    relay.stop().await;
}

#[tokio::test]
async fn what_was_not_published_comes_after_a_restart() {
    let place = place().await;
    let id = fish();
    let db = pond_in(&place).await;
    feed(&db, id).await;
    let angler = Angler::new("angler");
    angler.refuse(id, unavailable());
    let patient = RelayOptions { backoff: Duration::from_secs(30), ..RelayOptions::default() };
    let relay = relay_with(&db, &[&angler], patient);
    while angler.asked() == 0 {
        tokio::task::yield_now().await;
    }
    relay.stop().await;
    db.close().await;
    drop(db);

    angler.refuse_nothing();
    let db = pond_in(&place).await;
    let relay = crate::pond::relay(&db, &[&angler]);
    published(&relay, 1).await;
    assert_eq!(angler.taken(), [(id, 1)]);
    relay.stop().await;
}

#[tokio::test]
async fn an_event_taken_but_not_marked_comes_again() {
    let (db, id, angler) = (pond().await, fish(), Angler::new("angler"));
    feed(&db, id).await;
    let crashed = forgetful_relay(&db, &[&angler]);
    published(&crashed, 1).await;
    crashed.stop().await;
    let relay = relay(&db, &[&angler]);
    published(&relay, 1).await;
    assert_eq!(angler.taken_of(id), [1, 1]);
    relay.stop().await;
}

#[tokio::test]
async fn a_poison_event_holds_back_nobody() {
    let (db, poison, other) = (pond().await, fish(), fish());
    let (angler, heron) = (Angler::new("angler"), Angler::new("heron"));
    angler.refuse(poison, unavailable());
    for id in [poison, poison, other] {
        feed(&db, id).await;
    }
    let relay = relay(&db, &[&angler, &heron]);
    let progress = published(&relay, 3).await;
    assert_eq!(progress.dead_letters, 2);
    assert_eq!(angler.taken(), [(other, 1)]);
    assert_eq!((heron.taken_of(poison), heron.taken_of(other)), (vec![1, 2], vec![1]));
    assert_eq!(count(&db, sql::UNPUBLISHED).await, 0);
    relay.stop().await;
}

#[tokio::test]
async fn a_consumer_that_is_away_is_waited_for() {
    let (db, one, other) = (pond().await, fish(), fish());
    let angler = Angler::new("angler");
    angler.leave();
    for id in [one, one, other] {
        feed(&db, id).await;
    }
    let options = RelayOptions { backoff: Duration::from_millis(1), ..RelayOptions::default() };
    let relay = relay_with(&db, &[&angler], options.clone());
    while angler.asked() < u64::from(options.tries) + 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(*relay.progress().borrow(), Progress::default());
    angler.return_home();
    let progress = published(&relay, 3).await;
    assert_eq!(
        (progress.dead_letters, angler.taken_of(one), angler.taken_of(other)),
        (0, vec![1, 2], vec![1])
    );
    relay.stop().await;
}

#[tokio::test]
async fn an_event_refused_for_good_is_asked_for_once_alone() {
    let (db, id, angler) = (pond().await, fish(), Angler::new("angler"));
    angler.refuse(id, Some(Fault::invalid("data", "undecodable", "no fish")));
    feed(&db, id).await;
    let relay = relay(&db, &[&angler]);
    assert_eq!(published(&relay, 1).await.dead_letters, 1);
    assert_eq!(angler.asked(), 2);
    relay.stop().await;
}

#[tokio::test]
async fn a_consumer_that_panics_loses_no_event() {
    let (db, id, angler) = (pond().await, fish(), Angler::new("angler"));
    angler.refuse(id, None);
    feed(&db, id).await;
    let relay = relay(&db, &[&angler]);
    assert_eq!(published(&relay, 1).await.dead_letters, 1);
    let letters = list_dead_letters(&db, &context(), None, 10).await.expect("read");
    assert_eq!((letters[0].consumer.as_str(), letters[0].code.as_str()), ("angler", "internal"));
    relay.stop().await;
}

#[tokio::test]
async fn dead_letters_can_be_redriven() {
    let (db, id, angler) = (pond().await, fish(), Angler::new("angler"));
    angler.refuse(id, unavailable());
    feed(&db, id).await;
    feed(&db, id).await;
    let relay = relay(&db, &[&angler]);
    published(&relay, 2).await;
    assert_eq!(relay.redrive(&context()).await, Ok(Redriven { taken: 0, left: 2 }));
    angler.refuse_nothing();
    assert_eq!(relay.redrive(&context()).await, Ok(Redriven { taken: 2, left: 0 }));
    assert_eq!(angler.taken_of(id), [1, 2]);
    assert_eq!(list_dead_letters(&db, &context(), None, 10).await, Ok(vec![]));
    relay.stop().await;
}

#[tokio::test]
async fn a_batch_costs_two_statements_whatever_its_size() {
    let (db, angler) = (pond().await, Angler::new("angler"));
    for _ in 0..100 {
        feed(&db, fish()).await;
    }
    let before = db.counters().statements;
    let relay = relay(&db, &[&angler]);
    published(&relay, 100).await;
    relay.stop().await;
    assert_eq!(db.counters().statements - before, 2);
    assert_eq!(angler.fish_taken().len(), 100);
}

#[tokio::test]
async fn an_idle_relay_asks_the_database_nothing() {
    let (db, angler) = (pond().await, Angler::new("angler"));
    // Where nodes share the data it looks for what others left, as seldom as it is told to.
    let seldom =
        RelayOptions { look_every: Duration::from_secs(7 * 24 * 60 * 60), ..RelayOptions::default() };
    let relay = relay_with(&db, &[&angler], seldom);
    feed(&db, fish()).await;
    published(&relay, 1).await;
    // The commit it was woken by may have come during its first sweep: let it look once more.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = db.counters();
    tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(db.counters(), before);
    relay.stop().await;
}

/// A relay on another node, where nodes may share an outbox; else on this one's data once more.
async fn elsewhere(place: &Place) -> Option<Database> {
    if place.engine() == Engine::Sqlite {
        println!("skipped: embedded data has one owner; SHOAL_TEST_POSTGRES names a server");
        return None;
    }
    Some(pond_in(place).await)
}

/// A consumer that counts what it hears for the first time, by an inbox that all nodes share.
struct Clerk {
    db: Database,
    first_times: AtomicU64,
    all_times: AtomicU64,
}

impl Clerk {
    fn at(db: &Database) -> Arc<Self> {
        let (first_times, all_times) = Default::default();
        Arc::new(Self { db: db.clone(), first_times, all_times })
    }
}

#[async_trait]
impl Consumer for Clerk {
    fn name(&self) -> &'static str {
        "clerk"
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    async fn handle(&self, cx: &Context, events: &[Event]) -> Result<(), Fault> {
        let (told, all) = (events.to_vec(), events.len() as u64);
        let heard = async move |tx: &mut Tx| Ok::<_, Error>(receive(tx, "clerk", &told, &env()).await?.len());
        let new = self.db.write(cx, heard).await.map_err(Fault::from)?;
        self.first_times.fetch_add(new as u64, Ordering::SeqCst);
        self.all_times.fetch_add(all, Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn two_relays_on_one_outbox_lose_nothing_and_an_inbox_hears_each_once() {
    let place = place().await;
    let here = pond_in(&place).await;
    let Some(there) = elsewhere(&place).await else { return };
    let (clerk, other) = (Clerk::at(&here), Clerk::at(&there));
    let relay = |db: &Database, clerk: &Arc<Clerk>| {
        let options = RelayOptions { batch: 8, ..RelayOptions::default() };
        Relay::start(db.clone(), OutboxTable::default(), vec![clerk.clone()], options, env())
    };
    let relays = [relay(&here, &clerk), relay(&there, &other)];
    let shoal: Vec<_> = (0..10).map(|_| fish()).collect();
    for _ in 0..20 {
        for (number, id) in shoal.iter().enumerate() {
            feed(if number % 2 == 0 { &here } else { &there }, *id).await;
        }
    }
    while count(&here, sql::UNPUBLISHED).await > 0 {
        tokio::task::yield_now().await;
    }
    for relay in relays {
        relay.stop().await;
    }
    let sum = |of: fn(&Clerk) -> &AtomicU64| {
        [&clerk, &other].map(|one| of(one).load(Ordering::SeqCst)).iter().sum()
    };
    let (first, all): (u64, u64) = (sum(|clerk| &clerk.first_times), sum(|clerk| &clerk.all_times));
    assert_eq!(first, 200);
    println!("{all} deliveries of {first} events");
}

#[tokio::test]
async fn what_a_dead_node_left_is_carried_without_another_commit() {
    let place = place().await;
    let here = pond_in(&place).await;
    let Some(there) = elsewhere(&place).await else { return };
    let (angler, id) = (Angler::new("angler"), fish());
    let often = RelayOptions { look_every: Duration::from_millis(20), ..RelayOptions::default() };
    let relay = relay_with(&here, &[&angler], often);
    // It says something, and dies before its relay has looked.
    feed(&there, id).await;
    drop(there);
    published(&relay, 1).await;
    assert_eq!(angler.taken_of(id), [1]);
    relay.stop().await;
}
