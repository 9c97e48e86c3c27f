use std::sync::Arc;
use std::time::Duration;

use shoal_sql::{Batch, BatchOutcome, Database, Error, Options, params};
use shoal_types::{Context, Deadline, Env, Fault, ManualClock, SystemRng, Timestamp};

use crate::pond::{Held, MIGRATIONS, add, context, count, embedded, options, pond, queue, sql};

#[tokio::test]
async fn what_was_answered_can_be_read() {
    let (db, cx) = (pond().await, context());
    db.write(&cx, async |tx| tx.execute(sql::ADD, params![1, "carp", 900]).await).await.expect("written");
    let fish = db.read(&cx, async |tx| tx.find::<(String, i64)>(sql::FIND, params![1]).await).await;
    assert_eq!(fish, Ok(Some(("carp".to_owned(), 900))));
}

#[tokio::test]
async fn callers_that_wait_share_one_commit() {
    let db = embedded().await;
    let held = Held::in_front_of(&db).await;
    let waiting: Vec<_> = (0..100).map(|id| queue(add(&db, id))).collect();
    let before = db.counters();
    held.let_go().await.expect("kept");
    for write in waiting {
        assert_eq!(write.await, Ok(1));
    }
    let after = db.counters();
    assert_eq!((after.commits - before.commits, after.writes - before.writes), (1, 100));
    assert_eq!(after.statements - before.statements, 100);
}

#[tokio::test]
async fn a_failed_write_takes_none_of_its_group_with_it() {
    let db = embedded().await;
    let cx = context();
    let held = Held::in_front_of(&db).await;
    let first = queue(add(&db, 1));
    let failed = queue(db.write(&cx, async |tx| {
        tx.execute(sql::ADD, params![2, "pike", 1]).await?;
        tx.execute(sql::SLIM_UNCHECKED, params![2, 5]).await
    }));
    let refused = queue(db.write(&cx, async |tx| {
        tx.execute(sql::ADD, params![3, "roach", 1]).await?;
        Err::<(), _>(Error::Aborted)
    }));
    let last = queue(add(&db, 4));
    let commits = db.counters().commits;
    held.let_go().await.expect("kept");
    assert_eq!((first.await, last.await), (Ok(1), Ok(1)));
    assert!(failed.await.is_err_and(|error| error.is_check("fish_weight_not_negative")));
    assert_eq!(refused.await, Err(Error::Aborted));
    assert_eq!(db.counters().commits - commits, 1);
    assert_eq!(count(&db).await, 2);
}

#[tokio::test]
async fn a_failed_guard_names_its_statement_and_undoes_the_batch() {
    let (db, cx) = (pond().await, context());
    let add_two = [params![1, "carp", 10], params![2, "pike", 20]];
    let batch =
        Batch::new().guard_rows(sql::ADD_MANY, params![], add_two, 2).guard(sql::SLIM, params![1, 4], 1);
    assert_eq!(db.batch(&cx, batch).await, Ok(BatchOutcome { changed: vec![2, 1] }));
    let batch = Batch::new()
        .add(sql::ADD, params![3, "roach", 1])
        .guard(sql::SLIM, params![2, 20], 1)
        .guard(sql::SLIM, params![1, 7], 1)
        .add(sql::REMOVE_ALL, params![]);
    let failed = Error::GuardFailed { index: 2, expected: 1, actual: 0 };
    assert_eq!(db.batch(&cx, batch).await, Err(failed));
    let pike = db.read(&cx, async |tx| tx.find::<(String, i64)>(sql::FIND, params![2]).await).await;
    assert_eq!((pike, count(&db).await), (Ok(Some(("pike".to_owned(), 20))), 2));
}

#[tokio::test]
async fn a_unique_column_is_named_by_the_error() {
    let (db, cx) = (pond().await, context());
    add(&db, 1).await.expect("added");
    let same_name = db.write(&cx, async |tx| tx.execute(sql::ADD, params![2, "fish 1", 1]).await).await;
    assert!(same_name.is_err_and(|error| error.is_unique("fish.name")));
    let same_id = db.write(&cx, async |tx| tx.execute(sql::ADD, params![1, "carp", 1]).await).await;
    assert!(same_id.is_err_and(|error| error.is_unique("fish.id")));
}

#[tokio::test]
async fn a_transaction_cannot_go_on_after_a_failed_statement() {
    let (db, cx) = (pond().await, context());
    add(&db, 1).await.expect("added");
    let passed_over = db.write(&cx, async |tx| {
        tx.execute(sql::ADD, params![2, "pike", 1]).await?;
        let failed = tx.execute(sql::ADD, params![1, "carp", 1]).await;
        assert!(failed.is_err_and(|error| error.is_unique("fish.id")));
        assert_eq!(tx.execute(sql::ADD, params![3, "roach", 1]).await, Err(Error::Aborted));
        Ok::<_, Error>(())
    });
    assert!(passed_over.await.is_err_and(|error| error.is_unique("fish.id")));
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn nothing_is_written_after_the_deadline() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000_000)));
    let env = Env::new(clock.clone(), Arc::new(SystemRng));
    let db = Database::temporary("pond", MIGRATIONS, &env).await.expect("opens");
    let cx = Context::system(&env, Duration::from_secs(5));
    let later = cx.with_deadline(Deadline::after(&env, Duration::from_secs(60)));

    let moved = clock.clone();
    let slow = db.write(&cx, async move |tx| {
        tx.execute(sql::ADD, params![1, "carp", 1]).await?;
        moved.advance(Duration::from_secs(6));
        tx.execute(sql::ADD, params![2, "pike", 1]).await
    });
    assert_eq!(slow.await, Err(Error::DeadlineExceeded));
    let late = db.write(&cx, async |tx| tx.execute(sql::ADD, params![3, "roach", 1]).await).await;
    assert_eq!(late, Err(Error::DeadlineExceeded));
    let late = db.read(&cx, async |tx| tx.find::<i64>(sql::COUNT, params![]).await).await;
    assert_eq!(late, Err(Error::DeadlineExceeded));
    let fish = db.read(&later, async |tx| tx.find::<i64>(sql::COUNT, params![]).await).await;
    assert_eq!(fish, Ok(Some(0)));
}

#[tokio::test]
async fn a_panic_in_a_body_is_an_error_and_the_next_write_works() {
    let (db, cx) = (pond().await, context());
    let panicked: Result<(), Error> = db
        .write(&cx, async |tx| {
            tx.execute(sql::ADD, params![1, "carp", 1]).await?;
            panic!("the net broke");
        })
        .await;
    let error = Error::Panicked { message: "the net broke".to_owned() };
    assert_eq!(panicked, Err(error.clone()));
    assert_eq!(Fault::from(error), Fault::Internal {});
    assert_eq!((count(&db).await, add(&db, 2).await), (0, Ok(1)));
}

#[tokio::test]
async fn a_body_that_awaits_something_else_is_refused() {
    let (db, cx) = (pond().await, context());
    let waits = db.write(&cx, async |tx| {
        tx.execute(sql::ADD, params![1, "carp", 1]).await?;
        std::future::pending::<Result<(), Error>>().await
    });
    assert_eq!(waits.await, Err(Error::Suspended));
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_whole_transaction() {
    let (db, cx) = (embedded().await, context());
    let held = Held::in_front_of(&db).await;
    let two = [params![1, "carp", 1], params![2, "pike", 1]];
    drop(queue(db.write(&cx, async move |tx| tx.execute_rows(sql::ADD_MANY, params![], &two).await)));
    let last = queue(add(&db, 3));
    held.let_go().await.expect("kept");
    assert_eq!(last.await, Ok(1));
    assert_eq!(count(&db).await, 3);
}

#[tokio::test]
async fn a_full_queue_refuses_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Database::open(Options { queue_max: 2, ..options(folder.path()) }).await.expect("opens");
    let held = Held::in_front_of(&db).await;
    let waiting = [queue(add(&db, 1)), queue(add(&db, 2))];
    assert_eq!(add(&db, 3).await, Err(Error::Overloaded));
    held.let_go().await.expect("kept");
    for write in waiting {
        assert_eq!(write.await, Ok(1));
    }
}

#[tokio::test]
async fn a_large_group_is_committed_in_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = Database::open(Options { group_max: 10, ..options(folder.path()) }).await.expect("opens");
    let held = Held::in_front_of(&db).await;
    let waiting: Vec<_> = (0..29).map(|id| queue(add(&db, id))).collect();
    let before = db.counters().commits;
    held.let_go().await.expect("kept");
    for write in waiting {
        assert_eq!(write.await, Ok(1));
    }
    assert_eq!(db.counters().commits - before, 3);
}

#[tokio::test]
async fn only_durable_writes_that_ask_for_it_wake_the_relay() {
    let (db, cx) = (pond().await, context());
    let mut relay = db.on_commit();
    add(&db, 1).await.expect("added");
    let undone = db.write(&cx, async |tx| {
        tx.wake();
        Err::<(), _>(Error::Aborted)
    });
    assert_eq!(undone.await, Err(Error::Aborted));
    assert_eq!(relay.has_changed().map_err(|_| ()), Ok(false));

    let seen = db.clone();
    let woken = tokio::spawn(async move {
        relay.changed().await.expect("open");
        count(&seen).await
    });
    let batch = Batch::new().add(sql::ADD, params![2, "pike", 1]).wake();
    db.batch(&cx, batch).await.expect("added");
    assert_eq!(woken.await.expect("no panic"), 2);
}
