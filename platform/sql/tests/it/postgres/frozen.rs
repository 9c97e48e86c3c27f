//! A primary that stands still while another takes over: its connections are given up long before the deadlines of
//! those who wait on them, the idle ones too. When it wakes up it still believes in itself, and nobody does any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use shoal_servers::Options as Wanted;
use shoal_sql::{Database, params};

use super::replica::{both, caught_up, weigh_two};
use super::{
    SOON, database, feed, feed_grouped, name_of, options, pond, soon, sql, start, timed, weigh, within,
};

/// No deadline ends before.
const PATIENT: Duration = Duration::from_secs(120);
/// A silent server is left after 9 s at most; the rest is for a busy machine.
const LEFT: Duration = Duration::from_secs(30);

/// It takes as long at least to find out that a server is silent.
const FOUND_OUT: Duration = Duration::from_secs(7);

/// Has as many connections opened as there may be.
async fn open_all(db: &Database) {
    let cx = within(SOON);
    let naps = (0..8).map(|_| {
        db.read(&cx, async |tx| {
            tx.find::<i64>(sql::WEIGH, params![1]).await?;
            tx.find::<i64>(sql::SHORT_NAP, params![]).await
        })
    });
    for nap in join_all(naps).await {
        assert_eq!(nap, Ok(Some(1)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_elsewhere_and_stay_there_when_it_wakes_up() {
    let Some(mut primary) = start(Wanted::durable()) else { return };
    let url = database(&primary);
    drop(pond(&url, 12).await);
    let replica = primary.replica().expect("it can be copied");
    let wanted = options(&both(&primary, &replica, &url));
    let db = Database::open(wanted.clone()).await.expect("opens");
    let idle = Database::open(wanted).await.expect("opens");
    open_all(&db).await;
    open_all(&idle).await;
    assert_eq!(feed(&db, &within(SOON), 1).await, Ok(1));
    caught_up(&replica, &url, "1").await;

    primary.pause().expect("it halts");
    // One of each way waits on the server that stands still; the other connections to it are idle.
    let waits = tokio::spawn({
        let db = db.clone();
        async move {
            let cx = within(PATIENT);
            timed(async { futures::join!(feed(&db, &cx, 2), feed_grouped(&db, &cx, 3), weigh_two(&db, &cx)) })
                .await
        }
    });
    replica.promote().expect("the replica takes over");
    let ((alone, grouped, read), took) = waits.await.expect("no panic");
    assert_eq!((alone, grouped), (Ok(1), Ok(Some((3, 1)))));
    assert!(read.is_ok_and(|(first, _)| first == 1));
    assert!(took < LEFT, "{took:?}");
    // Another house of the process, which asked nothing meanwhile, need not find out by itself.
    let (fed, took) = timed(feed(&idle, &within(PATIENT), 2)).await;
    assert!(fed == Ok(1) && took < FOUND_OUT, "{fed:?} after {took:?}");
    let cx = within(PATIENT);
    let (fed, took) = timed(join_all((1..=12).map(|id| feed(&db, &cx, id)))).await;
    assert!(fed.iter().all(|fed| *fed == Ok(1)), "{fed:?}");
    assert!(took < LEFT / 2, "nobody is lent a connection to it: {took:?}");

    primary.resume().expect("it goes on");
    soon("it answers", async || primary.query("postgres", "select 1").is_ok()).await;
    for weight in 3..=12 {
        open_all_at_once(&db).await;
        assert_eq!(feed(&db, &within(SOON), 1).await, Ok(1));
        assert_eq!(weigh(&db, 1).await, weight);
        assert_eq!(weigh_two(&db, &within(SOON)).await, Ok((weight, 3)));
    }
    let there = "select sum(weight_g) from pond.fish";
    assert_eq!(replica.query(name_of(&url), there).expect("it answers"), "26");
    assert_eq!(primary.query(name_of(&url), there).expect("it answers"), "1", "nothing was written there");
}

/// Many at a time, so that some make a new connection.
async fn open_all_at_once(db: &Database) {
    let cx = within(SOON);
    for read in join_all((0..8).map(|_| weigh_two(db, &cx))).await {
        assert!(read.is_ok_and(|(first, _)| first >= 2));
    }
}

/// Far longer than a server may be silent before it is asked whether it is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_on_a_server_that_is_there_is_not_cut() {
    let Some(server) = start(Wanted::default()) else { return };
    let db = pond(&database(&server), 2).await;
    let (runs, cx) = (Arc::new(AtomicU32::new(0)), within(PATIENT));
    let counted = Arc::clone(&runs);
    let write = db.write(&cx, async move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        tx.execute(sql::LONG_NAP_AND_FEED, params![1]).await
    });
    let counted = Arc::clone(&runs);
    let read = db.read(&cx, async move |tx| {
        counted.fetch_add(1, Ordering::Relaxed);
        tx.find::<i64>(sql::LONG_NAP, params![]).await
    });
    assert_eq!(futures::join!(write, read), (Ok(1), Ok(Some(1))));
    assert_eq!(runs.load(Ordering::Relaxed), 2, "neither was run again");
    assert_eq!(weigh(&db, 1).await, 1);
}
