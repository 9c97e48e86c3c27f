//! Group commit: many callers share a transaction, and none of them can tell.

use std::time::Duration;

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Batch, Database, Error, params};

use super::{SOON, ask, database, feed, feed_grouped, pond, sql, start, timed, weigh, within};
use crate::pond::{Held, queue};

#[tokio::test]
async fn grouped_writes_share_a_commit_and_do_not_feel_it() {
    let Some(server) = start(Wanted::default()) else { return };
    callers_that_wait_share_one_commit_and_equal_statements(&server).await;
    rows_of_the_same_key_are_counted_one_after_another(&server).await;
    who_fails_after_writing_harms_nobody(&server).await;
    who_refuses_before_writing_costs_nobody_anything(&server).await;
    a_duplicate_key_is_told_to_who_has_it(&server).await;
    who_looks_on_a_commit_sees_it(&server).await;
    who_has_little_time_goes_alone(&server).await;
    who_waits_for_a_row_holds_up_nobody(&server).await;
    a_panic_and_a_strange_wait_are_their_own(&server).await;
    batches_with_guards_share_and_fail_alone(&server).await;
}

async fn callers_that_wait_share_one_commit_and_equal_statements(server: &Postgres) {
    let db = pond(&database(server), 100).await;
    let cx = within(SOON);
    let held = Held::in_front_of(&db).await;
    let fed: Vec<_> = (1..=100).map(|id| queue(feed_grouped(&db, &cx, id))).collect();
    let added: Vec<_> = (101..=120).map(|id| queue(add(&db, id, format!("fish {id}")))).collect();
    let before = db.counters();
    held.let_go().await.expect("kept");
    for (id, fed) in (1..).zip(fed) {
        assert_eq!(fed.await, Ok(Some((id, 1))), "each is told of its own fish");
    }
    for added in added {
        assert_eq!(added.await, Ok(1));
    }
    let after = db.counters();
    assert_eq!((after.commits - before.commits, after.writes - before.writes), (1, 120));
    assert_eq!(after.statements - before.statements, 2, "a statement for the feeding, one for the adding");
    assert_eq!(weigh(&db, 77).await, 1);
}

async fn rows_of_the_same_key_are_counted_one_after_another(server: &Postgres) {
    let db = pond(&database(server), 2).await;
    let cx = within(SOON);
    let held = Held::in_front_of(&db).await;
    let fed: Vec<_> = (0..20).map(|turn| queue(feed_grouped(&db, &cx, 1 + turn % 2))).collect();
    let before = db.counters();
    held.let_go().await.expect("kept");
    let mut weights = Vec::new();
    for fed in fed {
        weights.push(fed.await.expect("fed").expect("there is such a fish"));
    }
    weights.sort_unstable();
    let each_once: Vec<_> =
        [1, 2].into_iter().flat_map(|id| (1..=10).map(move |weight| (id, weight))).collect();
    assert_eq!(weights, each_once);
    let after = db.counters();
    assert_eq!((after.commits - before.commits, after.statements - before.statements), (1, 10));
}

async fn who_fails_after_writing_harms_nobody(server: &Postgres) {
    let db = pond(&database(server), 30).await;
    let cx = within(SOON);
    let held = Held::in_front_of(&db).await;
    let mut fed: Vec<_> = (1..=20).map(|id| queue(feed_grouped(&db, &cx, id))).collect();
    let gives_up = queue(db.write_grouped(&cx, async |tx| {
        tx.execute(sql::FEED, params![21, 7]).await?;
        Err::<(), _>(Error::Aborted)
    }));
    let breaks_a_rule = queue(db.write_grouped(&cx, async |tx| {
        tx.execute(sql::FEED, params![22, 7]).await?;
        tx.execute(sql::FEED, params![22, -8]).await
    }));
    fed.extend((23..=30).map(|id| queue(feed_grouped(&db, &cx, id))));
    let before = db.counters();
    held.let_go().await.expect("kept");
    for fed in fed {
        assert!(matches!(fed.await, Ok(Some((_, 1)))));
    }
    assert_eq!(gives_up.await, Err(Error::Aborted));
    assert!(breaks_a_rule.await.is_err_and(|error| error.is_check("fish_weight_not_negative")));
    let after = db.counters();
    assert_eq!((weigh(&db, 21).await, weigh(&db, 22).await, weigh(&db, 30).await), (0, 0, 1));
    assert!(after.commits - before.commits <= 3, "the others stay together: {after:?} after {before:?}");
}

async fn who_refuses_before_writing_costs_nobody_anything(server: &Postgres) {
    let db = pond(&database(server), 3).await;
    let cx = within(SOON);
    let held = Held::in_front_of(&db).await;
    let fed = [queue(feed_grouped(&db, &cx, 1)), queue(feed_grouped(&db, &cx, 2))];
    let refuses = queue(db.write_grouped(&cx, async |tx| {
        tx.find::<i64>(sql::WEIGH, params![3]).await?;
        tx.wake();
        Err::<(), _>(Error::Overloaded)
    }));
    let before = db.counters();
    let woken = *db.on_commit().borrow();
    held.let_go().await.expect("kept");
    for fed in fed {
        assert!(matches!(fed.await, Ok(Some((_, 1)))));
    }
    assert_eq!(refuses.await, Err(Error::Overloaded));
    let after = db.counters();
    assert_eq!((after.commits - before.commits, after.rollbacks - before.rollbacks), (1, 0));
    assert_eq!(*db.on_commit().borrow(), woken, "what was refused wakes nobody");
}

async fn a_duplicate_key_is_told_to_who_has_it(server: &Postgres) {
    let db = pond(&database(server), 1).await;
    let held = Held::in_front_of(&db).await;
    let fine: Vec<_> = (2..=20).map(|id| queue(add(&db, id, format!("fish {id}")))).collect();
    let twice = [queue(add(&db, 100, "pike".to_owned())), queue(add(&db, 101, "pike".to_owned()))];
    let known = queue(add(&db, 1, "carp".to_owned()));
    held.let_go().await.expect("kept");
    for fine in fine {
        assert_eq!(fine.await, Ok(1));
    }
    let [first, second] = twice;
    let outcomes = [first.await, second.await];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let refusal = outcomes.into_iter().find_map(Result::err);
    assert!(refusal.is_some_and(|error| error.is_unique("fish.name")));
    assert!(known.await.is_err_and(|error| error.is_unique("fish.id")));
    let count = db.read(&within(SOON), async |tx| tx.find::<i64>(sql::COUNT, params![]).await).await;
    assert_eq!(count, Ok(Some(21)));
}

async fn who_looks_on_a_commit_sees_it(server: &Postgres) {
    let db = pond(&database(server), 1).await;
    let mut relay = db.on_commit();
    relay.mark_unchanged();
    let seen = db.clone();
    let woken = tokio::spawn(async move {
        relay.changed().await.expect("open");
        weigh(&seen, 1).await
    });
    let cx = within(SOON);
    let written = db.write_grouped(&cx, async |tx| {
        tx.wake();
        tx.execute(sql::FEED, params![1, 5]).await
    });
    assert_eq!(written.await, Ok(1));
    assert_eq!(woken.await.expect("no panic"), 5);
}

async fn who_has_little_time_goes_alone(server: &Postgres) {
    let db = pond(&database(server), 12).await;
    let (cx, short) = (within(SOON), within(Duration::from_millis(190)));
    let held = Held::in_front_of(&db).await;
    let fed: Vec<_> = (1..=10).map(|id| queue(feed_grouped(&db, &cx, id))).collect();
    let hasty = queue(feed_grouped(&db, &short, 11));
    let before = db.counters();
    held.let_go().await.expect("kept");
    for fed in fed {
        assert!(matches!(fed.await, Ok(Some((_, 1)))));
    }
    let hasty = hasty.await;
    let commits = db.counters().commits - before.commits;
    // On a machine that was held up for so long its time is over.
    assert!(
        (hasty == Ok(Some((11, 1))) && commits == 2) || hasty == Err(Error::DeadlineExceeded),
        "{hasty:?}"
    );
}

/// A row that somebody else holds is waited for by who wants it, not by who happens to be in a group with it.
async fn who_waits_for_a_row_holds_up_nobody(server: &Postgres) {
    let url = database(server);
    let (db, other) = (pond(&url, 20).await, super::open(&url).await);
    let holder = Held::with_a_row(&other, sql::HOLD, 1).await;
    let cx = within(SOON);
    let waits: Vec<_> = (0..4).map(|_| queue(feed_grouped(&db, &cx, 1))).collect();
    let ((), took) = timed(async {
        for _ in 0..3 {
            let fed: Vec<_> = (2..=20).map(|id| queue(feed_grouped(&db, &cx, id))).collect();
            for fed in fed {
                assert!(matches!(fed.await, Ok(Some(_))));
            }
        }
    })
    .await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    holder.let_go().await.expect("kept");
    for waits in waits {
        assert!(matches!(waits.await, Ok(Some((1, _)))));
    }
    assert_eq!((weigh(&db, 1).await, weigh(&db, 20).await), (4, 3));
}

async fn a_panic_and_a_strange_wait_are_their_own(server: &Postgres) {
    let db = pond(&database(server), 10).await;
    let cx = within(SOON);
    let held = Held::in_front_of(&db).await;
    let fed: Vec<_> = (1..=8).map(|id| queue(feed_grouped(&db, &cx, id))).collect();
    let panics = queue(db.write_grouped(&cx, async |tx| {
        let fed = tx.execute(sql::FEED, params![9, 1]).await;
        assert!(fed.is_err(), "the net broke");
        fed
    }));
    let waits = queue(db.write_grouped(&cx, async |tx| {
        tx.execute(sql::FEED, params![10, 1]).await?;
        std::future::pending::<Result<(), Error>>().await
    }));
    held.let_go().await.expect("kept");
    for fed in fed {
        assert!(matches!(fed.await, Ok(Some((_, 1)))));
    }
    assert_eq!(panics.await, Err(Error::Panicked { message: "the net broke".to_owned() }));
    assert_eq!(waits.await, Err(Error::Suspended));
    assert_eq!((weigh(&db, 9).await, weigh(&db, 10).await), (0, 0));
}

async fn batches_with_guards_share_and_fail_alone(server: &Postgres) {
    let url = database(server);
    let db = pond(&url, 5).await;
    feed(&db, &within(SOON), 1).await.expect("fed");
    let cx = within(SOON);
    let slim = |id: i64| Batch::new().guard(crate::pond::sql::SLIM, params![id, 1], 1);
    let held = Held::in_front_of(&db).await;
    let fine = queue(db.batch(&cx, slim(1).add(sql::FEED, params![2, 4])));
    let short = queue(db.batch(&cx, slim(3)));
    let short_late =
        queue(db.batch(&cx, Batch::new().add(sql::FEED, params![5, 9]).guard(sql::FEED, params![99, 1], 1)));
    held.let_go().await.expect("kept");
    assert_eq!(fine.await.map(|outcome| outcome.changed), Ok(vec![1, 1]));
    assert_eq!(short.await, Err(Error::GuardFailed { index: 0, expected: 1, actual: 0 }));
    assert_eq!(short_late.await, Err(Error::GuardFailed { index: 1, expected: 1, actual: 0 }));
    assert_eq!(
        ask(server, &url, "select string_agg(weight_g::text, ' ' order by id) from fish"),
        "0 4 0 0 0"
    );
}

async fn add(db: &Database, id: i64, name: String) -> Result<u64, Error> {
    let rows = [params![id, name, 0]];
    db.write_grouped(&within(SOON), async move |tx| tx.execute_rows(sql::ADD_ROWS, params![], &rows).await)
        .await
}
