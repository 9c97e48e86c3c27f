//! Commits whose answer is lost: the caller gets it all the same, and nothing happens twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Database, Error, params};
use shoal_types::Context;

use super::proxy::{At, Cut, Proxy};
use super::{SOON, ask, database, pond, sql, start, timed, weigh, within};
use crate::pond::{Held, queue};

/// A pond behind a wire that can be cut.
struct Story<'s> {
    server: &'s Postgres,
    url: String,
    proxy: Proxy,
    db: Database,
}

impl<'s> Story<'s> {
    async fn new(server: &'s Postgres) -> Self {
        let url = database(server);
        let proxy = Proxy::before(server);
        let db = pond(&proxy.url(server, &url), 60).await;
        Self { server, url, proxy, db }
    }

    /// Feeds a fish and gives what it weighs then, and how often the body ran.
    async fn feed(&self, cx: &Context, grouped: bool) -> (Result<i64, Error>, u32) {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let body = async move |tx: &mut shoal_sql::Tx| {
            counted.fetch_add(1, Ordering::SeqCst);
            let fed = tx.change_row::<(i64, i64)>(sql::FEED_ROWS, params![], params![1, 1]).await?;
            tx.wake();
            Ok::<_, Error>(fed.map_or(0, |(_, weight)| weight))
        };
        let fed = if grouped { self.db.write_grouped(cx, body).await } else { self.db.write(cx, body).await };
        (fed, runs.load(Ordering::SeqCst))
    }

    /// What the server itself says, without Shoal in between.
    fn weight(&self) -> i64 {
        ask(self.server, &self.url, "select sum(weight_g) from fish").parse().expect("a number")
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_happens_once() {
    let Some(server) = start(Wanted::default()) else { return };
    for grouped in [false, true] {
        the_caller_gets_its_answer(&server, grouped).await;
    }
    the_look_up_may_lose_its_answer_too(&server).await;
    a_wire_that_stays_silent_is_given_up_at_the_deadline(&server).await;
    a_server_that_stays_silent_leaves_the_outcome_unknown(&server).await;
    what_changed_unseen_is_marked_too(&server).await;
}

async fn the_caller_gets_its_answer(server: &Postgres, grouped: bool) {
    let story = Story::new(server).await;
    let woken = story.db.on_commit();
    story.proxy.cut(At::Commit, Cut::After);
    assert_eq!(story.feed(&within(SOON), grouped).await, (Ok(1), 1), "it was committed");
    story.proxy.cut(At::Commit, Cut::Before);
    assert_eq!(story.feed(&within(SOON), grouped).await, (Ok(2), 2), "it was not, and is run again");
    for _ in 0..3 {
        story.proxy.cut(At::Commit, Cut::Before);
    }
    story.proxy.cut(At::Commit, Cut::After);
    assert_eq!(story.feed(&within(SOON), grouped).await, (Ok(3), 4), "again and again");
    assert_eq!((story.weight(), story.proxy.done(), *woken.borrow()), (3, 6, 3));
}

async fn the_look_up_may_lose_its_answer_too(server: &Postgres) {
    let story = Story::new(server).await;
    for how in [Cut::After, Cut::Before] {
        let before = story.weight();
        // The first look enters its own mark, or counts; either way a second has to find out the same.
        story.proxy.cut(At::Commit, how);
        story.proxy.cut(At::LookUp, Cut::After);
        story.proxy.cut(At::LookUp, Cut::Before);
        story.proxy.cut(At::LookUp, Cut::After);
        let runs = if how == Cut::After { 1 } else { 2 };
        assert_eq!(story.feed(&within(SOON), true).await, (Ok(before + 1), runs), "{how:?}");
        assert_eq!(story.weight(), before + 1, "{how:?}");
    }
    assert_eq!(story.proxy.done(), 8);
}

async fn a_wire_that_stays_silent_is_given_up_at_the_deadline(server: &Postgres) {
    let story = Story::new(server).await;
    for grouped in [false, true] {
        let before = story.weight();
        story.proxy.cut(At::Commit, Cut::Silence);
        let cx = within(Duration::from_secs(1));
        let (fed, took) = timed(story.feed(&cx, grouped)).await;
        assert_eq!(fed, (Ok(before + 1), 1));
        assert!(took > Duration::from_secs(1) && took < Duration::from_secs(4), "{took:?}");
        assert_eq!(story.weight(), before + 1);
    }
}

async fn a_server_that_stays_silent_leaves_the_outcome_unknown(server: &Postgres) {
    let story = Story::new(server).await;
    story.proxy.cut(At::Commit, Cut::Silence);
    for _ in 0..20 {
        story.proxy.cut(At::LookUp, Cut::Silence);
    }
    let (fed, took) = timed(story.feed(&within(Duration::from_millis(500)), false)).await;
    assert_eq!(fed, (Err(Error::OutcomeUnknown), 1));
    assert!(took > Duration::from_secs(5) && took < Duration::from_secs(9), "{took:?}");
    assert_eq!(story.weight(), 1, "as a whole, in this case");
}

/// A statement of many callers that tells nothing of what it changed has written all the same.
async fn what_changed_unseen_is_marked_too(server: &Postgres) {
    let story = Story::new(server).await;
    let cx = within(SOON);
    let held = Held::in_front_of(&story.db).await;
    let fed: Vec<_> = (1..=10)
        .map(|id| {
            queue(story.db.write_grouped(&cx, async move |tx| {
                tx.change_row::<i64>(sql::FEED_ROWS_SILENTLY, params![], params![id, 1]).await
            }))
        })
        .collect();
    story.proxy.cut(At::Commit, Cut::After);
    held.let_go().await.expect("kept");
    for fed in fed {
        assert_eq!(fed.await, Ok(None));
    }
    assert_eq!((story.weight(), story.proxy.done()), (10, 1));
}

/// Fifty callers at a time, and every other commit goes wrong in one way or another.
#[tokio::test(flavor = "multi_thread")]
async fn under_load_what_was_acknowledged_is_what_happened() {
    let Some(server) = start(Wanted::default()) else { return };
    let story = Story::new(&server).await;
    let cx = within(SOON * 2);
    for round in 0..20 {
        let how = [Cut::After, Cut::Before][round % 2];
        story.proxy.cut(At::Commit, how);
        if round % 3 == 0 {
            story.proxy.cut(At::LookUp, Cut::After);
        }
        let writers = (1..=50).map(|id| {
            let (db, cx) = (story.db.clone(), cx.clone());
            tokio::spawn(async move {
                // Some on rows of their own, some on a row that all want.
                let fish = if id % 5 == 0 { 60 } else { id };
                db.write_grouped(&cx, async move |tx| {
                    let fed = tx.change_row::<(i64, i64)>(sql::FEED_ROWS, params![], params![fish, 1]).await;
                    fed.map(|fed| fed.is_some())
                })
                .await
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            assert_eq!(writer.await.expect("no panic"), Ok(true), "round {round}");
        }
        assert_eq!(story.weight(), 50 * (round as i64 + 1), "round {round}");
    }
    assert!(story.proxy.done() >= 20);
    assert_eq!(weigh(&story.db, 60).await, 200);
}
