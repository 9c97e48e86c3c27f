use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shoal_queue::{Retention, answered, expire, once};
use shoal_sql::{Database, Error as SqlError, params};
use shoal_types::{Caller, Context, Fault, Idempotency, Role};

use crate::pond::{FishId, context, count, env, fish, pond, sql};

/// The error of a house: anything that can go wrong, as one word.
#[derive(Debug, PartialEq, Eq)]
enum Error {
    Fault(Fault),
    NotHungry,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        Self::Fault(error.into())
    }
}

fn keyed(key: &str, fingerprint: u8) -> Context {
    let idempotency = Idempotency { key: key.into(), fingerprint: [fingerprint; 32] };
    Context { idempotency: Some(idempotency), ..context() }
}

async fn feed_once(db: &Database, cx: &Context, id: FishId) -> Result<u64, Error> {
    once(db, cx, &env(), "feed", async move |tx| {
        Ok(tx.find::<u64>(sql::FEED, params![id]).await?.unwrap_or_default())
    })
    .await
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer() {
    let (db, id, cx) = (pond().await, fish(), keyed("a", 1));
    assert_eq!(answered::<u64, Error>(&db, &cx, "feed").await, Ok(None));
    assert_eq!(feed_once(&db, &cx, id).await, Ok(1));
    assert_eq!(feed_once(&db, &cx, id).await, Ok(1));
    assert_eq!(answered::<u64, Error>(&db, &cx, "feed").await, Ok(Some(1)));
    assert_eq!(feed_once(&db, &keyed("b", 1), id).await, Ok(2));
    assert_eq!(feed_once(&db, &context(), id).await, Ok(3));
}

#[tokio::test]
async fn of_two_at_once_one_runs_and_both_get_its_answer() {
    let (db, id, cx) = (pond().await, fish(), keyed("a", 1));
    let (first, second) = tokio::join!(feed_once(&db, &cx, id), feed_once(&db, &cx, id));
    assert_eq!((first, second), (Ok(1), Ok(1)));
}

#[tokio::test]
async fn a_key_with_another_request_is_refused() {
    let (db, id) = (pond().await, fish());
    assert_eq!(feed_once(&db, &keyed("a", 1), id).await, Ok(1));
    let reused = Err(Error::Fault(Fault::IdempotencyKeyReused {}));
    assert_eq!(feed_once(&db, &keyed("a", 2), id).await, reused);
    assert_eq!(answered::<u64, Error>(&db, &keyed("a", 2), "feed").await.map(|_| 0), reused);
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let (db, id, cx) = (pond().await, fish(), keyed("a", 1));
    let (env, runs) = (env(), Arc::new(AtomicU64::new(0)));
    for expected in [Err(Error::NotHungry), Ok(1), Ok(1)] {
        let runs = Arc::clone(&runs);
        let fed = once(&db, &cx, &env, "feed", async move |tx| {
            let meals = tx.find::<u64>(sql::FEED, params![id]).await?.unwrap_or_default();
            if runs.fetch_add(1, Ordering::SeqCst) == 0 { Err(Error::NotHungry) } else { Ok(meals) }
        });
        assert_eq!(fed.await, expected);
    }
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn keys_of_other_callers_and_operations_are_other_keys() {
    let (db, id, cx) = (pond().await, fish(), keyed("a", 1));
    let ada = cx.with_caller(Caller::User { id: env().id(), role: Role::Customer });
    let anonymous = cx.with_caller(Caller::Anonymous);
    for (meals, cx) in [(1, &cx), (2, &ada), (3, &anonymous)] {
        assert_eq!(feed_once(&db, cx, id).await, Ok(meals));
    }
    assert_eq!(answered::<u64, Error>(&db, &cx, "weigh").await, Ok(None));
}

#[tokio::test]
async fn answers_are_kept_for_a_day() {
    let (db, id) = (pond().await, fish());
    for key in ["a", "b"] {
        feed_once(&db, &keyed(key, 1), id).await.expect("fed");
    }
    assert_eq!(expire(&db, &context(), &env(), Retention::default()).await, Ok(0));
    let over = Retention { answers: Duration::ZERO, ..Retention::default() };
    assert_eq!(expire(&db, &context(), &env(), over).await, Ok(2));
    assert_eq!(count(&db, sql::KEYS).await, 0);
}
