//! Statements that take too long end at their deadline, on the server too.

use std::time::Duration;

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Error, params};

use super::{SOON, database, feed, feed_grouped, pond, soon, sql, start, timed, weigh, weigh_within, within};
use crate::pond::{Held, queue};

const SHORT: Duration = Duration::from_millis(700);
/// With some grace, on a busy machine.
const TOLD: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_slow_statement_ends_at_its_deadline_on_the_server_too() {
    let Some(server) = start(Wanted::default()) else { return };
    a_read_on_a_shared_connection_ends_and_others_go_on(&server).await;
    a_read_on_a_snapshot_ends(&server).await;
    a_write_ends_and_leaves_nothing(&server).await;
    a_write_in_a_group_ends_and_the_others_are_kept(&server).await;
    a_wait_for_a_row_ends(&server).await;
    a_read_that_is_cancelled_for_another_is_run_again(&server).await;
}

/// Waits until nobody naps on the server any more.
async fn nobody_naps(server: &Postgres) {
    let naps = "select count(*) from pg_stat_activity
        where state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()";
    soon("nobody naps", async || server.query("postgres", naps).expect("it answers") == "0").await;
}

async fn a_read_on_a_shared_connection_ends_and_others_go_on(server: &Postgres) {
    let db = pond(&database(server), 3).await;
    weigh(&db, 1).await;
    let (cx, short) = (within(SOON), within(SHORT));
    // So many that some wait behind a nap, on each shared connection.
    let naps: Vec<_> = (0..4)
        .map(|_| queue(db.read(&short, async |tx| tx.find::<i64>(sql::NAP, params![]).await)))
        .collect();
    let reads: Vec<_> = (0..30).map(|_| queue(weigh_within(&db, &cx, 2))).collect();
    let ((), took) = timed(async {
        for nap in naps {
            assert_eq!(nap.await, Err(Error::DeadlineExceeded));
        }
    })
    .await;
    assert!(took < TOLD, "{took:?}");
    for read in reads {
        assert_eq!(read.await, Ok(0));
    }
    nobody_naps(server).await;
}

async fn a_read_on_a_snapshot_ends(server: &Postgres) {
    let db = pond(&database(server), 1).await;
    for _ in 0..2 {
        let short = within(SHORT);
        let nap = db.read(&short, async |tx| {
            tx.find::<i64>(sql::WEIGH, params![1]).await?;
            tx.find::<i64>(sql::NAP, params![]).await
        });
        let (nap, took) = timed(nap).await;
        assert_eq!(nap, Err(Error::DeadlineExceeded));
        assert!(took < TOLD, "{took:?}");
        nobody_naps(server).await;
    }
}

async fn a_write_ends_and_leaves_nothing(server: &Postgres) {
    let db = pond(&database(server), 2).await;
    let short = within(SHORT);
    let nap = db.write(&short, async |tx| {
        tx.execute(sql::FEED, params![2, 5]).await?;
        tx.execute(sql::NAP_AND_FEED, params![1]).await
    });
    let (nap, took) = timed(nap).await;
    assert_eq!(nap, Err(Error::DeadlineExceeded));
    assert!(took < TOLD, "{took:?}");
    nobody_naps(server).await;
    assert_eq!((feed(&db, &within(SOON), 1).await, weigh(&db, 1).await, weigh(&db, 2).await), (Ok(1), 1, 0));
}

async fn a_write_in_a_group_ends_and_the_others_are_kept(server: &Postgres) {
    let db = pond(&database(server), 20).await;
    let (cx, short) = (within(SOON), within(SHORT));
    let held = Held::in_front_of(&db).await;
    let fed: Vec<_> = (1..=10).map(|id| queue(feed_grouped(&db, &cx, id))).collect();
    let nap = queue(db.write_grouped(&short, async |tx| tx.execute(sql::NAP_AND_FEED, params![11]).await));
    held.let_go().await.expect("kept");
    let (nap, took) = timed(nap).await;
    assert_eq!(nap, Err(Error::DeadlineExceeded));
    assert!(took < TOLD, "{took:?}");
    for (id, fed) in (1..).zip(fed) {
        assert_eq!(fed.await, Ok(Some((id, 1))));
    }
    nobody_naps(server).await;
    assert_eq!((weigh(&db, 11).await, feed(&db, &within(SOON), 11).await), (0, Ok(1)));
}

async fn a_wait_for_a_row_ends(server: &Postgres) {
    let url = database(server);
    let (db, other) = (pond(&url, 2).await, super::open(&url).await);
    let holder = Held::with_a_row(&other, sql::HOLD, 1).await;
    let short = within(SHORT);
    let (alone, grouped) = (queue(feed(&db, &short, 1)), queue(feed_grouped(&db, &short, 1)));
    let (outcomes, took) = timed(async { (alone.await, grouped.await) }).await;
    assert_eq!(outcomes, (Err(Error::DeadlineExceeded), Err(Error::DeadlineExceeded)));
    assert!(took < TOLD, "{took:?}");
    holder.let_go().await.expect("kept");
    assert_eq!((weigh(&db, 1).await, feed(&db, &within(SOON), 1).await), (0, Ok(1)));
}

async fn a_read_that_is_cancelled_for_another_is_run_again(server: &Postgres) {
    let db = pond(&database(server), 1).await;
    let cx = within(SOON);
    let naps = queue(db.read(&cx, async |tx| tx.find::<i64>(sql::SHORT_NAP, params![]).await));
    let cancel = "select count(pg_cancel_backend(pid)) from pg_stat_activity
        where state = 'active' and query like '%pg_sleep(1)%' and pid <> pg_backend_pid()";
    soon("it is cancelled", async || server.query("postgres", cancel).expect("it answers") == "1").await;
    assert_eq!(naps.await, Ok(Some(1)));
}
