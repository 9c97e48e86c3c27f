//! Transactions of their own: run again when another is in the way, and right in the end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Database, Error, params};

use super::{SOON, database, feed_grouped, name_of, open, pond, sql, start, weigh, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_met_another_is_run_again_until_it_is_right() {
    // A deadlock is looked for after a second otherwise.
    let Some(server) = start(Wanted::default().setting("deadlock_timeout", "50ms")) else { return };
    of_two_that_wait_for_each_other_both_come_through(&server).await;
    those_that_lock_in_any_order_lose_nothing(&server).await;
    serializable_transactions_lose_no_update(&server).await;
    a_refusal_of_the_body_is_final(&server).await;
}

/// Feeds two fish what they weigh together and one more, in this order.
async fn feed_both(db: &Database, order: [i64; 2], met: Option<Arc<Barrier>>) -> Result<u32, Error> {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let cx = within(SOON);
    let body = async move |tx: &mut shoal_sql::Tx| {
        let first = tx.find::<i64>(sql::HOLD, params![order[0]]).await?;
        if let Some(met) = &met
            && counted.fetch_add(1, Ordering::SeqCst) == 0
        {
            // Both have their first row now, and want the other's.
            met.wait();
        }
        let second = tx.find::<i64>(sql::HOLD, params![order[1]]).await?;
        let both = first.unwrap_or(0) + second.unwrap_or(0) + 1;
        for id in order {
            tx.execute(sql::FEED, params![id, both]).await?;
        }
        Ok::<_, Error>(())
    };
    db.write(&cx, body).await.map(|()| runs.load(Ordering::SeqCst))
}

async fn of_two_that_wait_for_each_other_both_come_through(server: &Postgres) {
    let url = database(server);
    let (one, other) = (pond(&url, 2).await, open(&url).await);
    let met = Arc::new(Barrier::new(2));
    let (first, second) =
        futures::join!(feed_both(&one, [1, 2], Some(Arc::clone(&met))), feed_both(&other, [2, 1], Some(met)));
    assert_eq!(first.expect("it came through") + second.expect("it came through"), 3, "one was run again");
    // 1 and 1, then 3 more for each.
    assert_eq!((weigh(&one, 1).await, weigh(&one, 2).await), (4, 4));
    assert_eq!(one.counters().rollbacks + other.counters().rollbacks, 1);
}

async fn those_that_lock_in_any_order_lose_nothing(server: &Postgres) {
    let url = database(server);
    let handles = [pond(&url, 2).await, open(&url).await];
    let writers = (0..16).map(|turn| {
        let db = handles[turn % 2].clone();
        let order = if turn % 4 < 2 { [1, 2] } else { [2, 1] };
        tokio::spawn(async move { feed_both(&db, order, None).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("no panic").expect("it came through");
    }
    // Each feeds both what they weigh together and one more: w becomes 3 w + 1.
    let expected = (0..16).fold(0_i64, |weight, _| 3 * weight + 1);
    assert_eq!((weigh(&handles[0], 1).await, weigh(&handles[0], 2).await), (expected, expected));
}

/// Where the database is set to it, those who read and then write without a lock are right too.
async fn serializable_transactions_lose_no_update(server: &Postgres) {
    let url = database(server);
    let set = format!("alter database {} set default_transaction_isolation to serializable", name_of(&url));
    server.query("postgres", &set).expect("set");
    let handles = [pond(&url, 9).await, open(&url).await];
    let writers = (0..30).map(|turn| {
        let db = handles[turn % 2].clone();
        tokio::spawn(async move {
            let cx = within(SOON);
            if turn % 3 == 0 {
                return feed_grouped(&db, &cx, 1).await.map(|_| ());
            }
            db.write(&cx, async |tx| {
                let weight = tx.find::<i64>(sql::WEIGH, params![1]).await?.unwrap_or(0);
                tx.execute(sql::SET, params![1, weight + 1]).await.map(|_| ())
            })
            .await
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.await.expect("no panic"), Ok(()));
    }
    assert_eq!(weigh(&handles[0], 1).await, 30);
}

async fn a_refusal_of_the_body_is_final(server: &Postgres) {
    let db = pond(&database(server), 1).await;
    let (runs, cx) = (Arc::new(AtomicU32::new(0)), within(SOON));
    let counted = Arc::clone(&runs);
    let refused = db.write(&cx, async move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        tx.execute(sql::FEED, params![1, 1]).await?;
        Err::<(), _>(Error::Busy)
    });
    assert_eq!(refused.await, Err(Error::Busy));
    assert_eq!((runs.load(Ordering::SeqCst), weigh(&db, 1).await), (1, 0));
}
