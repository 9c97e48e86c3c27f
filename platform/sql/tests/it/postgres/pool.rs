//! Few connections for many callers: nobody is left waiting, nobody takes more than there are.

use std::sync::mpsc;
use std::time::Duration;

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Database, Error, Options, params};

use super::{
    SOON, ask, database, feed, feed_grouped, options, pond, soon, sql, start, weigh, weigh_within, within,
};
use crate::pond::{Held, queue};

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_few_connections() {
    let Some(server) = start(Wanted::default()) else { return };
    more_writers_than_connections_all_come_through(&server).await;
    a_crowd_of_readers_opens_two_connections(&server).await;
    beyond_the_queue_callers_are_refused(&server).await;
    closing_finishes_what_is_under_way(&server).await;
    the_last_handle_may_be_dropped_by_a_body(&server).await;
    a_caller_that_goes_away_leaves_a_whole_transaction(&server).await;
    a_handle_that_is_dropped_leaves_no_connection(&server).await;
}

/// How many connections the house has.
fn connections(server: &Postgres, url: &str) -> i64 {
    let sql = "select count(*) from pg_stat_activity
        where datname = current_database() and application_name = 'shoal-pond'";
    ask(server, url, sql).parse().expect("a number")
}

async fn more_writers_than_connections_all_come_through(server: &Postgres) {
    let url = database(server);
    drop(pond(&url, 4).await);
    let db = Database::open(Options { connections: 2, ..options(&url) }).await.expect("opens");
    let writers = (0..200).map(|turn| {
        let db = db.clone();
        tokio::spawn(async move {
            let cx = within(SOON);
            match turn % 4 {
                0 => feed_grouped(&db, &cx, 1).await.map(|_| ()),
                1 => {
                    db.read(&cx, async |tx| {
                        tx.find::<i64>(sql::WEIGH, params![2]).await?;
                        tx.find::<i64>(sql::COUNT, params![]).await.map(|_| ())
                    })
                    .await
                }
                _ => feed(&db, &cx, 1 + turn % 4).await.map(|_| ()),
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.await.expect("no panic"), Ok(()));
    }
    assert!(connections(server, &url) <= 4, "{}", connections(server, &url));
    assert_eq!(weigh(&db, 1).await + weigh(&db, 3).await + weigh(&db, 4).await, 150);
}

async fn a_crowd_of_readers_opens_two_connections(server: &Postgres) {
    let url = database(server);
    drop(pond(&url, 1).await);
    soon("the first handle has gone", async || connections(server, &url) == 0).await;
    let db = super::open(&url).await;
    let cx = within(SOON);
    let crowd: Vec<_> = (0..500).map(|_| queue(weigh_within(&db, &cx, 1))).collect();
    for read in crowd {
        assert_eq!(read.await, Ok(0));
    }
    // Two that are shared, and the first one.
    assert!(connections(server, &url) <= 3, "{}", connections(server, &url));
}

async fn beyond_the_queue_callers_are_refused(server: &Postgres) {
    let url = database(server);
    drop(pond(&url, 2).await);
    let db = Database::open(Options { queue_max: 10, ..options(&url) }).await.expect("opens");
    let cx = within(SOON);
    let held = Held::in_front_of(&db).await;
    let waiting: Vec<_> = (0..9).map(|_| queue(feed_grouped(&db, &cx, 1))).collect();
    assert_eq!(feed(&db, &cx, 2).await, Err(Error::Overloaded));
    assert_eq!(feed_grouped(&db, &cx, 2).await, Err(Error::Overloaded));
    assert_eq!(weigh_within(&db, &cx, 2).await, Err(Error::Overloaded));
    held.let_go().await.expect("kept");
    for waiting in waiting {
        assert!(waiting.await.is_ok());
    }
    assert_eq!((weigh(&db, 1).await, weigh(&db, 2).await), (9, 0));
}

async fn closing_finishes_what_is_under_way(server: &Postgres) {
    let url = database(server);
    let db = pond(&url, 10).await;
    let mut relay = db.on_commit();
    relay.mark_unchanged();
    let cx = within(SOON);
    let held = Held::in_front_of(&db).await;
    let grouped: Vec<_> = (1..=5).map(|id| queue(feed_grouped(&db, &cx, id))).collect();
    let alone: Vec<_> = (6..=10).map(|id| queue(feed(&db, &cx, id))).collect();
    let closing = queue(db.close());
    assert_eq!(feed(&db, &cx, 1).await, Err(Error::Closed));
    held.let_go().await.expect("kept");
    closing.await;
    for grouped in grouped {
        assert!(matches!(grouped.await, Ok(Some((_, 1)))));
    }
    for alone in alone {
        assert_eq!(alone.await, Ok(1));
    }
    assert!(relay.changed().await.is_err(), "those who look on are told");
    db.close().await;
    assert_eq!(weigh_within(&db, &cx, 1).await, Err(Error::Closed));
    assert_eq!(db.check(&[sql::WEIGH]).await, Err(Error::Closed));
    assert_eq!(ask(server, &url, "select sum(weight_g) from fish"), "10");
    soon("its connections have gone", async || connections(server, &url) == 0).await;
}

async fn the_last_handle_may_be_dropped_by_a_body(server: &Postgres) {
    let url = database(server);
    for grouped in [false, true] {
        let db = if grouped { super::open(&url).await } else { pond(&url, 2).await };
        let (go, gate) = mpsc::channel::<()>();
        let (inside, cx) = (db.clone(), within(SOON));
        let body = async move |tx: &mut shoal_sql::Tx| {
            let fed = tx.execute(sql::FEED, params![1, 1]).await;
            let _ = gate.recv_timeout(SOON);
            assert_eq!(inside.name(), "pond");
            fed
        };
        let write = tokio::spawn(async move {
            if grouped { db.write_grouped(&cx, body).await } else { db.write(&cx, body).await }
        });
        soon("the body waits", async || connections(server, &url) > 0).await;
        // Nobody waits for the answer: the body has the last handle.
        tokio::task::yield_now().await;
        write.abort();
        let _ = write.await;
        drop(go);
        soon("the handle has gone", async || connections(server, &url) == 0).await;
    }
    let weight: i64 = ask(server, &url, "select weight_g from fish where id = 1").parse().expect("a number");
    assert!(weight <= 2, "as a whole or not at all");
}

async fn a_caller_that_goes_away_leaves_a_whole_transaction(server: &Postgres) {
    let db = pond(&database(server), 3).await;
    let cx = within(SOON);
    let held = Held::in_front_of(&db).await;
    for id in [1, 2] {
        let body = async move |tx: &mut shoal_sql::Tx| {
            tx.execute(sql::FEED, params![id, 1]).await?;
            tx.execute(sql::FEED, params![id, 1]).await
        };
        match id {
            1 => drop(queue(db.write(&cx, body))),
            _ => drop(queue(db.write_grouped(&cx, body))),
        }
    }
    held.let_go().await.expect("kept");
    soon("both have happened", async || (weigh(&db, 1).await, weigh(&db, 2).await) == (2, 2)).await;
}

async fn a_handle_that_is_dropped_leaves_no_connection(server: &Postgres) {
    let url = database(server);
    let db = pond(&url, 1).await;
    weigh(&db, 1).await;
    let short = within(Duration::from_millis(300));
    let nap = db.read(&short, async |tx| tx.find::<i64>(sql::NAP, params![]).await).await;
    assert_eq!(nap, Err(Error::DeadlineExceeded));
    drop(db);
    soon("its connections have gone", async || connections(server, &url) == 0).await;
}
