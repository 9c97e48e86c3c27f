//! A standby answers reads only if it has what this node was told of.

use std::time::Duration;

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Database, Error, params};

use super::replica::{both, caught_up, weigh_two};
use super::{SOON, ask, database, feed, open, pond, soon, sql, start, weigh, weigh_within, within};

/// For what is refused in the end.
const SHORT: Duration = Duration::from_secs(1);

/// Two servers, the second of which halts its replay, and a handle on both.
struct Pair {
    primary: Postgres,
    replica: Postgres,
    url: String,
    db: Database,
}

impl Pair {
    async fn start() -> Option<Self> {
        let primary = start(Wanted::durable())?;
        let url = database(&primary);
        drop(pond(&url, 3).await);
        let replica = primary.replica().expect("it can be copied");
        let db = open(&both(&primary, &replica, &url)).await;
        assert_eq!(feed(&db, &within(SOON), 1).await, Ok(1));
        caught_up(&replica, &url, "1").await;
        Some(Self { primary, replica, url, db })
    }

    fn halt_replay(&self) {
        self.replica.query("postgres", "select pg_wal_replay_pause()").expect("it halts");
    }

    fn resume_replay(&self) {
        self.replica.query("postgres", "select pg_wal_replay_resume()").expect("it goes on");
    }

    /// Kills the primary once the replica has received all that it wrote.
    async fn kill_when_received(&mut self) {
        let written = ask(&self.primary, &self.url, "select pg_current_wal_flush_lsn()");
        let received = format!("select pg_last_wal_receive_lsn() >= '{written}'");
        soon("it is received", async || ask(&self.replica, &self.url, &received) == "t").await;
        self.primary.kill().expect("it is killed");
    }

    /// Passes if reads wait as long as the replay is halted, and then give this.
    async fn answers_when_caught_up(&self, weight: i64) {
        for _ in 0..2 {
            let refused = weigh_within(&self.db, &within(SHORT), 1).await;
            let Err(Error::Unavailable { detail }) = refused else { panic!("{refused:?}") };
            assert!(detail.contains("not yet got all"), "{detail}");
        }
        let refused = weigh_two(&self.db, &within(SHORT)).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
        let reads: Vec<_> = (0..4)
            .map(|_| {
                let db = self.db.clone();
                tokio::spawn(async move { weigh(&db, 1).await })
            })
            .collect();
        self.resume_replay();
        for read in reads {
            assert_eq!(read.await.expect("no panic"), weight);
        }
        assert_eq!(weigh_two(&self.db, &within(SOON)).await, Ok((weight, 0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_is_read_from_a_standby_or_nothing() {
    let Some(mut pair) = Pair::start().await else { return };
    pair.halt_replay();
    assert_eq!(feed(&pair.db, &within(SOON), 1).await, Ok(1));
    pair.kill_when_received().await;
    pair.answers_when_caught_up(2).await;
}

/// Another node wrote; this one was told so by a write that found nothing left to do.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_write_has_found_is_read_from_a_standby_or_nothing() {
    let Some(mut pair) = Pair::start().await else { return };
    pair.halt_replay();
    let other = open(&pair.url).await;
    assert_eq!(feed(&other, &within(SOON), 1).await, Ok(1));
    let cx = within(SOON);
    let found = pair.db.write(&cx, async |tx| {
        tx.execute(sql::FEED, params![99, 1]).await?;
        tx.find::<i64>(sql::WEIGH, params![1]).await
    });
    assert_eq!(found.await, Ok(Some(2)));
    pair.kill_when_received().await;
    pair.answers_when_caught_up(2).await;
}

/// The connections to the standby are still there when the primary is back.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_from_a_standby_what_the_primary_has_changed_since() {
    let Some(mut pair) = Pair::start().await else { return };
    for round in 0..3 {
        let before = weigh(&pair.db, 1).await;
        caught_up(&pair.replica, &pair.url, &before.to_string()).await;
        pair.kill_when_received().await;
        let reads: Vec<_> = (0..8)
            .map(|_| {
                let db = pair.db.clone();
                tokio::spawn(async move { weigh_two(&db, &within(SOON)).await })
            })
            .collect();
        for read in reads {
            assert_eq!(read.await.expect("no panic"), Ok((before, 0)), "round {round}");
        }
        pair.halt_replay();
        pair.primary.start_again().expect("it starts again");
        for more in 1..=10 {
            assert_eq!(feed(&pair.db, &within(SOON), 1).await, Ok(1));
            let cx = within(SOON);
            let (one, two) = futures::join!(weigh(&pair.db, 1), weigh_two(&pair.db, &cx));
            assert_eq!((one, two), (before + more, Ok((before + more, 0))), "round {round}");
        }
        pair.resume_replay();
        let streams = "select count(*) from pg_stat_replication where state = 'streaming'";
        soon("the replica follows", async || ask(&pair.primary, &pair.url, streams) == "1").await;
    }
}
