use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use shoal_sql::{Database, Engine, Error, FromRow, Row, Value, params};
use shoal_types::{Currency, Id, Money, Noun, Timestamp};
use uuid::Uuid;

use crate::pond::{Held, add, context, count, embedded, pond, queue, sql};

#[derive(Debug)]
struct Fish;

impl Noun for Fish {
    const PREFIX: &'static str = "fish";
}

shoal_sql::statements! {
    mod values {
        LAND = "insert into catches (id, at, price, currency, note, fresh, bytes)
            values ($1, $2, $3, $4, $5, $6, $7)
            returning id, at, price, currency, note, fresh, bytes";
        LAND_MANY = "insert into catches (id, at, price, currency, note, fresh, bytes) values {rows:7}";
        FORGET = "delete from catches where id = $1";
        WEIGH = "select id, at, price, currency, note, fresh, bytes from catches where id = $1";
        FRACTION = "select 0.5";
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Catch {
    id: Id<Fish>,
    at: Timestamp,
    price: Money,
    note: Option<String>,
    fresh: bool,
    bytes: Vec<u8>,
}

impl FromRow for Catch {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: row.get(0)?,
            at: row.get(1)?,
            price: row.money(2)?,
            note: row.get(4)?,
            fresh: row.get(5)?,
            bytes: row.get(6)?,
        })
    }
}

#[tokio::test]
async fn every_type_comes_back_as_it_went() {
    let (db, cx) = (pond().await, context());
    for note in [None, Some("caught at dawn; 'fresh'".to_owned())] {
        let id = Id::<Fish>::from_uuid(Uuid::from_u128(7));
        let at = Timestamp::from_micros(1_700_000_000_000_001);
        let price = Money::new(-1999, Currency::EUR);
        let went = Catch { id, at, price, note: note.clone(), fresh: true, bytes: vec![0, 255] };
        let landed = went.clone();
        let came = db.write(&cx, async move |tx| {
            let Catch { note, bytes, .. } = landed.clone();
            let params = params![id, at, price.amount, price.currency, note, true, bytes];
            let came = tx.find::<Catch>(values::LAND, &params).await?;
            tx.execute(values::FORGET, params![id]).await?;
            tx.execute_rows(values::LAND_MANY, params![], &[params]).await?;
            let again = tx.find::<Catch>(values::WEIGH, params![id]).await?;
            tx.execute(values::FORGET, params![id]).await?;
            Ok::<_, Error>((came, again))
        });
        assert_eq!(came.await, Ok((Some(went.clone()), Some(went))));
    }
}

#[tokio::test]
async fn a_column_of_another_type_is_an_error_that_names_it() {
    let (db, cx) = (pond().await, context());
    let wrong = |error: Option<Error>| match error {
        Some(Error::Column { index, found, .. }) => (index, found),
        other => panic!("{other:?}"),
    };
    add(&db, 1).await.expect("added");
    let text = db.read(&cx, async |tx| tx.find::<(String, bool)>(sql::FIND, params![1]).await).await;
    assert_eq!(wrong(text.err()), (1, "a whole number"));
    let absent = db.read(&cx, async |tx| tx.find::<(i64, i64)>(sql::COUNT, params![]).await).await;
    assert_eq!(wrong(absent.err()), (1, "no such column"));
    let fraction = db.read(&cx, async |tx| tx.find::<i64>(values::FRACTION, params![]).await).await;
    let found = match db.engine() {
        Engine::Sqlite => "a floating point number",
        Engine::Postgres => "a value of another type",
    };
    assert_eq!(wrong(fraction.err()), (0, found));
}

#[tokio::test]
async fn every_statement_of_a_store_can_be_prepared() {
    assert_eq!(pond().await.check(sql::ALL).await, Ok(()));
}

#[tokio::test]
async fn a_statement_that_is_no_sql_is_named() {
    shoal_sql::statements! { mod broken { TYPO = "selct 1"; BRACE = "select {row:1}"; LIST = "select 1 in {in}"; } }
    let (db, cx) = (pond().await, context());
    let name = |result| match result {
        Err(Error::Statement { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(name(db.check(&[broken::TYPO]).await), "TYPO");
    assert_eq!(name(db.check(&[broken::BRACE]).await), "BRACE");
    let without_list =
        db.read(&cx, async |tx| tx.find::<i64>(broken::LIST, params![]).await.map(|_| ())).await;
    assert_eq!(name(without_list), "LIST");
}

#[tokio::test]
async fn a_read_is_one_snapshot() {
    // The body keeps the thread that it runs on; postgres/reads.rs has this story with two handles.
    let (db, cx) = (embedded().await, context());
    add(&db, 1).await.expect("added");
    let other = db.clone();
    let counts = db.read(&cx, async move |tx| {
        let before = tx.find::<i64>(sql::COUNT, params![]).await?;
        // A body may not await another transaction, so the write has a thread of its own.
        let other = other.clone();
        let write = std::thread::spawn(move || runtime().block_on(add(&other, 2)));
        assert_eq!(write.join().expect("no panic"), Ok(1));
        Ok::<_, Error>((before, tx.find::<i64>(sql::COUNT, params![]).await?))
    });
    assert_eq!(counts.await, Ok((Some(1), Some(1))));
    assert_eq!(count(&db).await, 2);
}

#[tokio::test]
async fn a_read_never_sees_a_write_that_is_not_durable() {
    let db = embedded().await;
    let held = Held::in_front_of(&db).await;
    let waiting = queue(add(&db, 1));
    assert_eq!(count(&db).await, 0);
    held.let_go().await.expect("kept");
    assert_eq!((waiting.await, count(&db).await), (Ok(1), 1));
}

#[tokio::test]
async fn a_read_cannot_write() {
    let (db, cx) = (pond().await, context());
    let wrote = db.read(&cx, async |tx| tx.find::<i64>(sql::ADD, params![1, "carp", 1]).await).await;
    let refused = |wrote| matches!(wrote, Err(Error::Statement { name: "ADD", .. } | Error::ReadOnly { .. }));
    assert!(refused(wrote));
    let wrote = db.read(&cx, async |tx| {
        tx.find::<i64>(sql::COUNT, params![]).await?;
        tx.find::<i64>(sql::ADD, params![1, "carp", 1]).await
    });
    assert!(refused(wrote.await));
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn lists_of_any_length_are_matched() {
    let (db, cx) = (pond().await, context());
    let rows: Vec<_> = (0..50).map(|id| params![id, format!("fish {id}"), id]).collect();
    let added = db.write(&cx, async move |tx| tx.execute_rows(sql::ADD_MANY, params![], &rows).await).await;
    assert_eq!(added, Ok(50));
    for length in [0_i64, 1, 2, 3, 20, 50] {
        let found =
            db.read(&cx, async move |tx| tx.list_in::<i64, _>(sql::FIND_MANY, params![10], 0..length).await);
        assert_eq!(found.await, Ok((10..length).collect()));
    }
    let pairs = [params![3, 3], params![4, 5], params![9, 9]];
    let found =
        db.read(&cx, async move |tx| tx.list_rows::<i64, _>(sql::FIND_PAIRS, params![], &pairs).await);
    assert_eq!(found.await, Ok(vec![3, 9]));
}

#[tokio::test]
async fn more_rows_than_parameters_fit_are_written_all_the_same() {
    let (db, cx) = (pond().await, context());
    let before = db.counters().statements;
    let rows: Vec<_> = (0..12_000).map(|id| params![id, format!("fish {id}"), 1]).collect();
    let added = db.write(&cx, async move |tx| tx.execute_rows(sql::ADD_MANY, params![], &rows).await).await;
    let statements = match db.engine() {
        Engine::Sqlite => 2,
        Engine::Postgres => 1,
    };
    assert_eq!((added, db.counters().statements - before), (Ok(12_000), statements));
    let none: [[Value; 3]; 0] = [];
    let added = db.write(&cx, async move |tx| tx.execute_rows(sql::ADD_MANY, params![], &none).await).await;
    assert_eq!((added, db.counters().statements - before), (Ok(0), statements));
    let narrow = [params![1, "carp"]];
    let added = db.write(&cx, async move |tx| tx.execute_rows(sql::ADD_MANY, params![], &narrow).await).await;
    assert!(matches!(added, Err(Error::Statement { name: "ADD_MANY", .. })));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

#[test]
fn one_statement_of_many_rows_does_what_many_would() {
    let runtime = runtime();
    let db = runtime.block_on(pond());
    let cases = (prop::collection::vec(0_i64..1_000, 1..80), 0_i64..10);
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) });
    let outcome =
        runner.run(&cases, |(portions, supplement)| runtime.block_on(feed(&db, portions, supplement)));
    outcome.expect("each fish has what it was fed");
}

async fn feed(db: &Database, portions: Vec<i64>, supplement: i64) -> Result<(), TestCaseError> {
    let cx = context();
    db.write(&cx, async |tx| tx.execute(sql::REMOVE_ALL, params![]).await).await.expect("an empty pond");
    let fish: Vec<_> = (1..=portions.len() as i64).collect();
    let rows: Vec<_> = fish.iter().map(|id| params![*id, format!("fish {id}"), *id]).collect();
    let fed: Vec<_> = fish.iter().zip(&portions).map(|(id, portion)| params![*id, *portion]).collect();
    let before = db.counters().statements;
    let changed = db.write(&cx, async move |tx| {
        tx.execute_rows(sql::ADD_MANY, params![], &rows).await?;
        tx.execute_rows(sql::FEED_MANY, params![supplement], &fed).await
    });
    prop_assert_eq!(changed.await, Ok(portions.len() as u64));
    prop_assert_eq!(db.counters().statements - before, 2);
    for (id, portion) in fish.into_iter().zip(portions) {
        let found = db.read(&cx, async move |tx| tx.find::<(String, i64)>(sql::FIND, params![id]).await);
        prop_assert_eq!(found.await, Ok(Some((format!("fish {id}"), id + portion + supplement))));
    }
    Ok(())
}
