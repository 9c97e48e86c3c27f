//! A server that hangs: its connections stay open, new ones are taken by the kernel, nothing is answered.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use shoal_servers::Options as Wanted;
use shoal_sql::{Database, Error, params};

use super::{
    SOON, ask, database, feed, feed_grouped, pond, soon, sql, start, timed, weigh, weigh_within, within,
};

/// The deadline of those who have little time, and when they must have been told.
const SHORT: Duration = Duration::from_secs(1);
const TOLD: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_writes_end_at_their_deadlines_and_go_on_afterwards() {
    let Some(mut server) = start(Wanted::default()) else { return };
    let url = database(&server);
    let db = pond(&url, 40).await;
    weigh(&db, 1).await;
    server.pause().expect("it halts");
    // More than there are connections, for each way.
    let patient: Vec<_> = (21..=30).map(|id| spawn(&db, SOON * 2, id)).collect();
    for turn in 0..2 {
        let hasty: Vec<_> = (1..=20).map(|id| spawn(&db, SHORT, id)).collect();
        for (id, hasty) in (1..).zip(hasty) {
            let (outcome, took) = hasty.await.expect("no panic");
            let told = matches!(outcome, Err(Error::DeadlineExceeded | Error::Unavailable { .. }));
            assert!(told && took < TOLD, "turn {turn}, {id}: {outcome:?} after {took:?}");
        }
    }
    server.resume().expect("it goes on");
    for patient in patient {
        assert_eq!(patient.await.expect("no panic").0, Ok(()));
    }
    assert_eq!(feed(&db, &within(SOON), 40).await, Ok(1));
    let total = "select string_agg(id || ' ' || weight_g, ', ' order by id) from fish where weight_g > 0";
    // Every third only reads.
    assert_eq!(ask(&server, &url, total), "22 1, 23 1, 25 1, 26 1, 28 1, 29 1, 40 1");
}

type Told = (Result<(), Error>, Duration);

/// Reads, writes or writes grouped, according to the fish.
fn spawn(db: &Database, time: Duration, id: i64) -> tokio::task::JoinHandle<Told> {
    let db = db.clone();
    tokio::spawn(async move {
        let cx = within(time);
        timed(async {
            match id % 3 {
                0 => weigh_within(&db, &cx, id).await.map(|_| ()),
                1 => feed(&db, &cx, id).await.map(|_| ()),
                _ => feed_grouped(&db, &cx, id).await.map(|_| ()),
            }
        })
        .await
    })
}

/// It halts just before it is asked to commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_on_a_server_that_hangs_is_looked_up_when_it_goes_on() {
    let Some(server) = start(Wanted::default()) else { return };
    let url = database(&server);
    let db = pond(&url, 3).await;
    let server = Arc::new(Mutex::new(server));
    for (grouped, resumes) in [(false, true), (true, true), (false, false)] {
        let halted = Arc::clone(&server);
        let body = async move |tx: &mut shoal_sql::Tx| {
            let fed = tx.execute(sql::FEED, params![1, 1]).await?;
            let mut server = halted.lock().expect("no panic");
            server.pause().expect("it halts");
            Ok::<_, Error>(fed)
        };
        let cx = within(SHORT);
        let before = weigh(&db, 1).await;
        let ((outcome, took), ()) = futures::join!(
            timed(async {
                if grouped { db.write_grouped(&cx, body).await } else { db.write(&cx, body).await }
            }),
            async {
                if resumes {
                    // After the deadline and some grace it is looked up for a while.
                    let late = Instant::now() + SHORT * 2;
                    soon("the commit is looked up", async || Instant::now() > late).await;
                    server.lock().expect("no panic").resume().expect("it goes on");
                }
            }
        );
        if resumes {
            assert!(matches!(outcome, Ok(1) | Err(Error::Unavailable { .. })), "{outcome:?}");
            let weight = weigh(&db, 1).await;
            assert_eq!(weight, before + i64::from(outcome.is_ok()), "{outcome:?}");
            assert_eq!(feed(&db, &within(SOON), 1).await.map(|_| ()), Ok(()));
        } else {
            assert_eq!(outcome, Err(Error::OutcomeUnknown));
            assert!(took > Duration::from_secs(5) && took < Duration::from_secs(12), "{took:?}");
            server.lock().expect("no panic").resume().expect("it goes on");
            assert_eq!(feed(&db, &within(SOON), 2).await, Ok(1), "the same handle goes on");
        }
    }
}
