//! Reads: one statement on a shared connection, several on one snapshot.

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Error, params};

use super::{SOON, ask, database, feed, feed_grouped, open, pond, sql, start, weigh, within};

#[tokio::test]
async fn reads_see_what_was_answered_and_one_snapshot() {
    let Some(server) = start(Wanted::default()) else { return };
    a_read_is_one_snapshot(&server).await;
    what_was_answered_is_read_at_once(&server).await;
    a_read_leaves_no_transaction_open(&server).await;
    a_failed_statement_leaves_the_connection_in_order(&server).await;
}

async fn a_read_is_one_snapshot(server: &Postgres) {
    let url = database(server);
    let (db, other) = (pond(&url, 1).await, open(&url).await);
    let cx = within(SOON);
    let weights = db.read(&cx, async move |tx| {
        let before = tx.find::<i64>(sql::WEIGH, params![1]).await?;
        // The other handle has a thread of its own, which this one may wait for.
        let other = other.clone();
        let write = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(feed(&other, &within(SOON), 1))
        });
        assert_eq!(write.join().expect("no panic"), Ok(1));
        Ok::<_, Error>((before, tx.find::<i64>(sql::WEIGH, params![1]).await?))
    });
    let (before, after) = weights.await.expect("reads");
    assert_eq!(before, after);
    // The body was run twice: as one statement first, and then on a snapshot.
    assert_eq!(weigh(&db, 1).await, 2);
}

async fn what_was_answered_is_read_at_once(server: &Postgres) {
    let db = pond(&database(server), 1).await;
    for weight in 1..=50 {
        let fed = if weight % 2 == 0 {
            feed(&db, &within(SOON), 1).await.map(|_| ())
        } else {
            feed_grouped(&db, &within(SOON), 1).await.map(|_| ())
        };
        assert_eq!((fed, weigh(&db, 1).await), (Ok(()), weight));
    }
}

async fn a_read_leaves_no_transaction_open(server: &Postgres) {
    let url = database(server);
    let db = pond(&url, 1).await;
    let cx = within(SOON);
    for _ in 0..3 {
        weigh(&db, 1).await;
        let both = db.read(&cx, async |tx| {
            tx.find::<i64>(sql::WEIGH, params![1]).await?;
            tx.find::<i64>(sql::COUNT, params![]).await
        });
        assert_eq!(both.await, Ok(Some(1)));
        let refused = db.write(&cx, async |tx| {
            tx.find::<i64>(sql::HOLD, params![1]).await?;
            Err::<(), _>(Error::Aborted)
        });
        assert_eq!(refused.await, Err(Error::Aborted));
    }
    let open = "select count(*) from pg_stat_activity
        where datname = current_database() and state like '%transaction%' and pid <> pg_backend_pid()";
    assert_eq!(ask(server, &url, open), "0");
}

async fn a_failed_statement_leaves_the_connection_in_order(server: &Postgres) {
    shoal_sql::statements! { mod wrong { NO_COLUMN = "select length_cm from fish"; NO_ROWS = "select 1 / (id - id) from fish"; } }
    let db = pond(&database(server), 1).await;
    let cx = within(SOON);
    for _ in 0..3 {
        let refused = db.read(&cx, async |tx| tx.find::<i64>(wrong::NO_COLUMN, params![]).await).await;
        assert!(matches!(refused, Err(Error::Statement { name: "NO_COLUMN", .. })), "{refused:?}");
        let refused = db.read(&cx, async |tx| tx.find::<i64>(wrong::NO_ROWS, params![]).await).await;
        assert!(matches!(refused, Err(Error::Statement { name: "NO_ROWS", .. })), "{refused:?}");
        let refused = db.read(&cx, async |tx| tx.find::<i64>(sql::WEIGH, params![]).await).await;
        assert!(matches!(refused, Err(Error::Statement { name: "WEIGH", .. })), "{refused:?}");
        let refused = db.write(&cx, async |tx| tx.find::<i64>(wrong::NO_ROWS, params![]).await).await;
        assert!(matches!(refused, Err(Error::Statement { name: "NO_ROWS", .. })), "{refused:?}");
        let refused = db.read(&cx, async |tx| tx.find::<i64>(sql::WEIGH, params!["one"]).await).await;
        assert!(matches!(refused, Err(Error::Statement { name: "WEIGH", .. })), "{refused:?}");
        assert_eq!((weigh(&db, 1).await, feed(&db, &cx, 1).await.is_ok()), (0, true));
        db.write(&cx, async |tx| tx.execute(sql::SET, params![1, 0]).await).await.expect("set");
    }
}
