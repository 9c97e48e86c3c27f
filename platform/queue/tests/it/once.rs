//! Whatever comes twice or in another order leaves the same behind.

use proptest::prelude::*;
use shoal_queue::{Event, receive};
use shoal_sql::{Database, Error, Migration, Tx, params};

use crate::pond::{context, count, env};

const MIGRATIONS: &[Migration] = &[
    shoal_queue::MIGRATION,
    Migration::new(
        "0002_fed.sql",
        "create table fed (id uuid not null, meals bigint not null, last bigint not null, primary key (id));",
    ),
];

shoal_sql::statements! {
    mod sql {
        COUNT_MEAL = "insert into fed (id, meals, last) values ($1, 1, $2) on conflict (id) do update
            set meals = fed.meals + 1, last = case when fed.last < $2 then $2 else fed.last end";
        MEALS = "select id, meals, last from fed order by id";
        HEARD = "select count(*) from inbox";
    }
}

type Meals = Vec<(uuid::Uuid, u64, u64)>;

/// Counts meals, each once, and remembers the last.
async fn deliver(db: &Database, events: Vec<Event>) {
    let cx = context();
    let counted = db.write(&cx, async move |tx: &mut Tx| {
        let new: Vec<(uuid::Uuid, u64)> = receive(tx, "counter", &events, &env())
            .await?
            .into_iter()
            .map(|event| (event.aggregate, event.sequence))
            .collect();
        for (id, sequence) in new {
            tx.execute(sql::COUNT_MEAL, params![id, i64::try_from(sequence).unwrap_or_default()]).await?;
        }
        Ok::<_, Error>(())
    });
    counted.await.expect("counted");
}

/// The events of three fish with four meals each.
fn events() -> Vec<Event> {
    let fish: Vec<uuid::Uuid> = (1..=3).map(uuid::Uuid::from_u128).collect();
    let pairs = fish.iter().flat_map(|id| (1..=4_u64).map(move |meal| (*id, meal)));
    let event = |(index, (id, meal)): (u128, (uuid::Uuid, u64))| {
        serde_json::from_value(serde_json::json!({
            "specversion": "1.0",
            "id": shoal_queue::EventId::from_uuid(uuid::Uuid::from_u128(index)).to_string(),
            "source": "/pond",
            "type": "fish.fed",
            "subject": id.to_string(),
            "aggregate": id,
            "sequence": meal,
            "time": "2026-05-03T10:12:00.000000Z",
            "data": {"meals": meal},
        }))
        .expect("an event")
    };
    (100..).zip(pairs).map(event).collect()
}

async fn end_state(batches: Vec<Vec<Event>>) -> (Meals, i64) {
    let db = Database::temporary("counter", MIGRATIONS, &env()).await.expect("opens");
    for batch in batches {
        deliver(&db, batch).await;
    }
    let cx = context();
    let meals = db.read(&cx, async move |tx| tx.list(sql::MEALS, params![]).await).await.expect("read");
    (meals, count(&db, sql::HEARD).await)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn repeated_and_reordered_deliveries_leave_the_same(
        order in Just((0..12_usize).collect::<Vec<_>>()).prop_shuffle(),
        repeats in prop::collection::vec((0..12_usize, 0..24_usize), 0..24),
        cuts in prop::collection::vec(1..6_usize, 1..40),
    ) {
        let all = events();
        let mut deliveries = order;
        for (which, place) in repeats {
            deliveries.insert(place.min(deliveries.len()), which);
        }
        let mut batches = Vec::new();
        let mut cuts = cuts.into_iter().cycle();
        while !deliveries.is_empty() {
            let size = cuts.next().unwrap_or(1).min(deliveries.len());
            let batch: Vec<usize> = deliveries.drain(..size).collect();
            batches.push(batch.into_iter().map(|index| all[index].clone()).collect());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (meals, heard) = runtime.block_on(end_state(batches));
        let expected: Meals = (1..=3).map(|id| (uuid::Uuid::from_u128(id), 4, 4)).collect();
        prop_assert_eq!(meals, expected);
        prop_assert_eq!(heard, 12);
    }
}
