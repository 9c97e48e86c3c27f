//! The primary goes away and comes back elsewhere.

use std::time::Duration;

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Database, Error, params};
use shoal_types::Context;

use super::{
    SOON, ask, database, feed, feed_grouped, name_of, pond, soon, sql, start, timed, weigh, weigh_within,
    within,
};

/// The URL with both hosts in it.
pub(super) fn both(primary: &Postgres, replica: &Postgres, url: &str) -> String {
    url.replace(
        &format!("127.0.0.1:{}/", primary.port()),
        &format!("127.0.0.1:{},127.0.0.1:{}/", primary.port(), replica.port()),
    )
}

/// What all fish weigh, read in two statements on one snapshot.
pub(super) async fn weigh_two(db: &Database, cx: &Context) -> Result<(i64, i64), Error> {
    db.read(cx, async |tx| {
        let first = tx.find::<i64>(sql::WEIGH, params![1]).await?;
        let second = tx.find::<i64>(sql::WEIGH, params![2]).await?;
        Ok((first.unwrap_or(-1), second.unwrap_or(-1)))
    })
    .await
}

pub(super) async fn caught_up(replica: &Postgres, url: &str, weight: &str) {
    soon("the replica has it", || async {
        let sql = "select weight_g from pond.fish where id = 1";
        replica.query(name_of(url), sql).is_ok_and(|found| found == weight)
    })
    .await;
}

#[tokio::test]
async fn reads_go_on_and_writes_follow_the_primary() {
    let Some(mut primary) = start(Wanted::durable()) else { return };
    let url = database(&primary);
    drop(pond(&url, 3).await);
    let replica = primary.replica().expect("it can be copied");
    let db = super::open(&both(&primary, &replica, &url)).await;
    assert_eq!(feed(&db, &within(SOON), 1).await, Ok(1));
    assert_eq!((weigh(&db, 1).await, weigh_two(&db, &within(SOON)).await), (1, Ok((1, 0))));
    caught_up(&replica, &url, "1").await;

    primary.kill().expect("it is killed");
    for turn in 0..5 {
        assert_eq!(weigh(&db, 1).await, 1, "read from the replica, turn {turn}");
        assert_eq!(weigh_two(&db, &within(SOON)).await, Ok((1, 0)), "one snapshot of it, turn {turn}");
    }
    let (refused, took) = timed(feed(&db, &within(Duration::from_secs(1)), 1)).await;
    let Err(Error::Unavailable { detail }) = refused else { panic!("{refused:?}") };
    assert!(detail.contains("takes no writes") && detail.contains(&primary.port().to_string()), "{detail}");
    assert!(took < Duration::from_secs(4), "{took:?}");

    let waits = tokio::spawn({
        let db = db.clone();
        async move { feed_grouped(&db, &within(SOON), 2).await }
    });
    replica.promote().expect("the replica takes over");
    assert_eq!(waits.await.expect("no panic"), Ok(Some((2, 1))));
    for weight in 2..=5 {
        assert_eq!(feed(&db, &within(SOON), 1).await, Ok(1));
        assert_eq!(weigh(&db, 1).await, weight, "what was written is read");
        assert_eq!(weigh_two(&db, &within(SOON)).await, Ok((weight, 1)));
    }
}

/// A primary that hangs keeps its connections open and takes new ones: nobody may wait for it for ever.
#[tokio::test]
async fn a_primary_that_hangs_is_left_behind() {
    let Some(mut primary) = start(Wanted::durable()) else { return };
    let url = database(&primary);
    drop(pond(&url, 3).await);
    let replica = primary.replica().expect("it can be copied");
    let db = super::open(&both(&primary, &replica, &url)).await;
    assert_eq!(feed(&db, &within(SOON), 1).await, Ok(1));
    assert_eq!(weigh(&db, 1).await, 1);
    caught_up(&replica, &url, "1").await;

    primary.pause().expect("it halts");
    let short = || within(Duration::from_millis(700));
    // Those on open connections have to find out.
    soon("reads go to the replica", || async { weigh_within(&db, &short(), 1).await == Ok(1) }).await;
    for _ in 0..5 {
        let (read, took) = timed(weigh_within(&db, &within(SOON), 1)).await;
        assert_eq!(read, Ok(1));
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    soon("so do snapshots", || async { weigh_two(&db, &short()).await == Ok((1, 0)) }).await;
    replica.promote().expect("the replica takes over");
    soon("writes go there too", || async { feed(&db, &short(), 2).await.is_ok() }).await;
    soon("so do grouped ones", || async { feed_grouped(&db, &short(), 3).await.is_ok() }).await;
    let elsewhere = replica.query(name_of(&url), "select sum(weight_g) from pond.fish").expect("it answers");
    assert_eq!(elsewhere, "3");
}

/// A handle that was opened while only the replica is there would migrate nothing and write nothing.
#[tokio::test]
async fn nothing_is_opened_on_a_replica() {
    let Some(mut primary) = start(Wanted::durable()) else { return };
    let url = database(&primary);
    drop(pond(&url, 1).await);
    let replica = primary.replica().expect("it can be copied");
    caught_up(&replica, &url, "0").await;
    let alone = url.replace(&format!(":{}/", primary.port()), &format!(":{}/", replica.port()));
    let refused = Database::open(super::options(&alone)).await.err();
    assert!(
        matches!(&refused, Some(Error::Unavailable { detail }) if detail.contains("no writes")),
        "{refused:?}"
    );
    primary.kill().expect("it is killed");
    let refused = Database::open(super::options(&both(&primary, &replica, &url))).await.err();
    assert!(matches!(&refused, Some(Error::Unavailable { .. })), "{refused:?}");
    assert_eq!(ask(&replica, &url, "select count(*) from fish"), "1");
}

/// What the synchronous standby does not have is not called committed, even if the primary has it and was lost since.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_waits_for_the_standby_as_the_commit_did() {
    let Some(mut primary) = start(Wanted::durable()) else { return };
    let url = database(&primary);
    drop(pond(&url, 3).await);
    let mut replica = primary.replica().expect("it can be copied");
    let db = super::open(&url).await;
    primary.query("postgres", "alter system set synchronous_standby_names to walreceiver").expect("set");
    primary.query("postgres", "select pg_reload_conf()").expect("loaded");
    soon("the standby counts", async || {
        let sql = "select count(*) from pg_stat_replication where sync_state = 'sync'";
        primary.query("postgres", sql).is_ok_and(|found| found == "1")
    })
    .await;
    assert_eq!(feed(&db, &within(SOON), 1).await, Ok(1));

    replica.pause().expect("it halts");
    let waits = tokio::spawn({
        let db = db.clone();
        async move { feed(&db, &within(SOON * 2), 1).await }
    });
    soon("the commit waits for the standby", async || {
        let sql = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
        primary.query("postgres", sql).is_ok_and(|found| found == "1")
    })
    .await;
    primary.kill().expect("it is killed");
    primary.start_again().expect("it starts again");
    let there = "select weight_g from pond.fish where id = 1";
    assert_eq!(primary.query(name_of(&url), there).expect("it answers"), "2", "the primary has it");
    soon("it is looked up", async || {
        let sql = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'";
        primary.query("postgres", sql).is_ok_and(|found| found != "0")
    })
    .await;
    assert!(!waits.is_finished());
    replica.resume().expect("it goes on");
    assert_eq!(waits.await.expect("no panic"), Ok(1));
    assert_eq!(weigh(&db, 1).await, 2);
    caught_up(&replica, &url, "2").await;
}
