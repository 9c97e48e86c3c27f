//! A house of fish: each feeding is a change with an event.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shoal_queue::{Consumer, Event, MIGRATION, OutboxTable, Outgoing, Progress, Relay, RelayOptions, append};
use shoal_sql::testing::Place;
use shoal_sql::{Database, Error, Migration, params};
use shoal_types::{Context, Env, Fault, Id, Noun};

#[derive(Debug)]
pub(crate) struct Fish;

impl Noun for Fish {
    const PREFIX: &'static str = "fish";
}

pub(crate) type FishId = Id<Fish>;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fed {
    pub(crate) meals: u64,
}

pub(crate) const MIGRATIONS: &[Migration] = &[
    MIGRATION,
    Migration::new(
        "0002_fish.sql",
        "create table fish (id uuid not null, meals bigint not null, primary key (id));",
    ),
];

shoal_sql::statements! {
    pub(crate) mod sql {
        FEED = "insert into fish (id, meals) values ($1, 1) on conflict (id) do update set meals = fish.meals + 1
            returning meals";
        MEALS = "select meals from fish where id = $1";
        EVENTS = "select count(*) from outbox";
        KEYS = "select count(*) from idempotency_keys";
        LOSE_THE_MARK = "update outbox set published = 0 from (values {rows:uuid,bigint}) as d
            where aggregate = d.column1 and sequence = d.column2";
        UNPUBLISHED = "select count(*) from outbox where published = 0";
    }
}

pub(crate) fn env() -> Env {
    Env::system()
}

pub(crate) fn context() -> Context {
    Context::system(&env(), Duration::from_secs(60))
}

pub(crate) fn fish() -> FishId {
    env().id()
}

pub(crate) async fn pond() -> Database {
    Database::temporary("pond", MIGRATIONS, &env()).await.expect("opens")
}

/// Where a pond may be that is opened more than once.
pub(crate) async fn place() -> Place {
    Place::migrated(&[("pond", MIGRATIONS)], &env()).await.expect("a place")
}

/// The pond in a place that outlives it.
pub(crate) async fn pond_in(place: &Place) -> Database {
    Database::open(place.options("pond", MIGRATIONS, &env())).await.expect("opens")
}

/// Feeds a fish once; the fish has an event for each meal.
pub(crate) async fn feed(db: &Database, id: FishId) {
    let cx = context();
    let fed = db.write(&cx, async move |tx| {
        let meals = tx.find::<u64>(sql::FEED, params![id]).await?.unwrap_or_default();
        append(tx, &Outgoing::new("fish.fed", id, meals, Fed { meals }), &env()).await?;
        Ok::<_, Error>(())
    });
    fed.await.expect("fed");
}

pub(crate) async fn count(db: &Database, statement: &'static shoal_sql::Statement) -> i64 {
    let cx = context();
    let count = db.read(&cx, async move |tx| tx.find::<i64>(statement, params![]).await).await;
    count.expect("read").unwrap_or_default()
}

/// A consumer that remembers what it took, and refuses what it is told to.
#[derive(Default)]
pub(crate) struct Angler {
    pub(crate) name: &'static str,
    taken: Mutex<Vec<(FishId, u64)>>,
    /// Fish it refuses, with the fault; none means it panics.
    refused: Mutex<Vec<(FishId, Option<Fault>)>>,
    /// How often it was asked.
    asked: Mutex<u64>,
    away: AtomicBool,
}

impl Angler {
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, ..Self::default() })
    }

    pub(crate) fn refuse(&self, id: FishId, fault: Option<Fault>) {
        self.refused.lock().expect("no panic").push((id, fault));
    }

    pub(crate) fn refuse_nothing(&self) {
        self.refused.lock().expect("no panic").clear();
    }

    /// From here on nobody reaches it.
    pub(crate) fn leave(&self) {
        self.away.store(true, Ordering::Relaxed);
    }

    pub(crate) fn return_home(&self) {
        self.away.store(false, Ordering::Relaxed);
    }

    pub(crate) fn taken(&self) -> Vec<(FishId, u64)> {
        self.taken.lock().expect("no panic").clone()
    }

    pub(crate) fn taken_of(&self, id: FishId) -> Vec<u64> {
        self.taken().into_iter().filter(|(of, _)| *of == id).map(|(_, sequence)| sequence).collect()
    }

    pub(crate) fn fish_taken(&self) -> HashSet<FishId> {
        self.taken().into_iter().map(|(id, _)| id).collect()
    }

    /// The sequences of a fish in the order in which it heard of them for the first time.
    pub(crate) fn first_heard_of(&self, id: FishId) -> Vec<u64> {
        let mut heard = Vec::new();
        for sequence in self.taken_of(id) {
            if !heard.contains(&sequence) {
                heard.push(sequence);
            }
        }
        heard
    }

    pub(crate) fn asked(&self) -> u64 {
        *self.asked.lock().expect("no panic")
    }
}

#[async_trait]
impl Consumer for Angler {
    fn name(&self) -> &'static str {
        self.name
    }

    fn wants(&self, kind: &str) -> bool {
        kind == "fish.fed"
    }

    async fn handle(&self, _: &Context, events: &[Event]) -> Result<(), Fault> {
        *self.asked.lock().expect("no panic") += 1;
        if self.away.load(Ordering::Relaxed) {
            return Err(Fault::Unavailable { what: "the angler".to_owned() });
        }
        let refused = self.refused.lock().expect("no panic").clone();
        for event in events {
            let id: FishId = event.subject.parse().expect("a fish");
            assert_eq!(event.decode::<Fed>(), Ok(Fed { meals: event.sequence }));
            if let Some((_, fault)) = refused.iter().find(|(of, _)| *of == id) {
                return Err(fault.clone().expect("the angler panics"));
            }
        }
        let taken = events.iter().map(|event| (FishId::from_uuid(event.aggregate), event.sequence));
        self.taken.lock().expect("no panic").extend(taken);
        Ok(())
    }

    fn is_away(&self, _: &Fault) -> bool {
        self.away.load(Ordering::Relaxed)
    }
}

pub(crate) fn relay(db: &Database, anglers: &[&Arc<Angler>]) -> Relay {
    let options = RelayOptions { backoff: Duration::from_millis(1), tries: 3, ..RelayOptions::default() };
    relay_with(db, anglers, options)
}

pub(crate) fn relay_with(db: &Database, anglers: &[&Arc<Angler>], options: RelayOptions) -> Relay {
    Relay::start(db.clone(), OutboxTable::default(), consumers(anglers), options, env())
}

/// A relay of another outbox than the usual.
pub(crate) fn relay_of(db: &Database, table: OutboxTable, anglers: &[&Arc<Angler>]) -> Relay {
    Relay::start(db.clone(), table, consumers(anglers), RelayOptions::default(), env())
}

/// An outbox whose marks are all lost, as if in a crash after each.
pub(crate) fn forgetful() -> OutboxTable {
    OutboxTable { publish: sql::LOSE_THE_MARK, ..OutboxTable::default() }
}

/// A relay that goes on as if each mark had been lost in a crash.
pub(crate) fn forgetful_relay(db: &Database, anglers: &[&Arc<Angler>]) -> Relay {
    relay_of(db, forgetful(), anglers)
}

fn consumers(anglers: &[&Arc<Angler>]) -> Vec<Arc<dyn Consumer>> {
    anglers.iter().map(|angler| Arc::clone(*angler) as Arc<dyn Consumer>).collect()
}

/// Waits until the relay has published `events` in all.
pub(crate) async fn published(relay: &Relay, events: u64) -> Progress {
    let mut progress = relay.progress();
    *progress.wait_for(|progress| progress.published >= events).await.expect("the relay runs")
}
