//! The server is killed as by a power failure, and comes back on the same port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Database, Error};

use super::{SOON, ask, database, feed, feed_grouped, pond, soon, start, timed, weigh, weigh_within, within};

/// Callers that feed fish all the time, each with more than enough time for each.
struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicI64>,
    read: Arc<AtomicI64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn on(db: &Database) -> Self {
        let (stop, acknowledged, read) = (Arc::default(), Arc::default(), Arc::default());
        let mut load = Self { stop, acknowledged, read, tasks: Vec::new() };
        for writer in 1..=24 {
            let (db, stop, acknowledged) =
                (db.clone(), Arc::clone(&load.stop), Arc::clone(&load.acknowledged));
            load.tasks.push(tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let cx = within(SOON * 2);
                    let fish = 1 + writer % 6;
                    let fed = match writer % 3 {
                        0 => feed(&db, &cx, fish).await.map(|_| ()),
                        _ => feed_grouped(&db, &cx, fish).await.map(|_| ()),
                    };
                    assert_eq!(fed, Ok(()), "there was time enough");
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            }));
        }
        for reader in 1..=6 {
            let (db, stop, read) = (db.clone(), Arc::clone(&load.stop), Arc::clone(&load.read));
            load.tasks.push(tokio::spawn(async move {
                let mut last = 0;
                while !stop.load(Ordering::SeqCst) {
                    let weight = weigh_within(&db, &within(SOON * 2), reader).await;
                    let weight = weight.expect("there was time enough");
                    assert!(weight >= last, "what was read stays");
                    last = weight;
                    read.fetch_add(1, Ordering::SeqCst);
                }
            }));
        }
        load
    }

    /// Waits for so many more writes and reads.
    async fn goes_on_for(&self, more: i64) {
        let now = || (self.acknowledged.load(Ordering::SeqCst), self.read.load(Ordering::SeqCst));
        let (wrote, read) = now();
        soon("the callers go on", || async { now().0 >= wrote + more && now().1 >= read + more }).await;
    }

    async fn stop(self) -> i64 {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.expect("no caller was failed");
        }
        self.acknowledged.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_and_callers_wait_for_the_server() {
    let Some(mut server) = start(Wanted::durable()) else { return };
    let url = database(&server);
    let db = pond(&url, 6).await;
    let load = Load::on(&db);
    for _ in 0..3 {
        load.goes_on_for(100).await;
        server.kill().expect("it is killed");
        server.start_again().expect("it starts again");
        load.goes_on_for(100).await;
    }
    let acknowledged = load.stop().await;
    assert_eq!(total(&server, &url), acknowledged);
    assert!(weigh(&db, 1).await > 0, "and the same handle goes on");
}

#[tokio::test]
async fn who_has_no_time_to_wait_is_told_and_nothing_is_written() {
    let Some(mut server) = start(Wanted::durable()) else { return };
    let url = database(&server);
    let db = pond(&url, 6).await;
    weigh(&db, 1).await;
    server.kill().expect("it is killed");
    let short = within(Duration::from_millis(500));
    for turn in 0..3 {
        for grouped in [false, true] {
            let feeding = async {
                match grouped {
                    false => feed(&db, &short, 1).await.map(|_| ()),
                    true => feed_grouped(&db, &short, 1).await.map(|_| ()),
                }
            };
            let (fed, took) = timed(feeding).await;
            let told = matches!(fed, Err(Error::Unavailable { .. } | Error::DeadlineExceeded));
            assert!(told, "turn {turn}: {fed:?}");
            assert!(took < Duration::from_secs(3), "turn {turn}: {took:?}");
        }
        let (read, took) = timed(weigh_within(&db, &short, 1)).await;
        assert!(matches!(read, Err(Error::Unavailable { .. } | Error::DeadlineExceeded)), "{read:?}");
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    // A caller with time waits among those without.
    let patient = tokio::spawn({
        let db = db.clone();
        async move { feed_grouped(&db, &within(SOON * 2), 2).await }
    });
    let in_haste = feed_grouped(&db, &within(Duration::from_millis(500)), 3).await;
    assert!(in_haste.is_err());
    server.start_again().expect("it starts again");
    assert_eq!(patient.await.expect("no panic"), Ok(Some((2, 1))));
    assert_eq!((weigh(&db, 1).await, total(&server, &url)), (0, 1));
    let outcome = feed(&db, &within(SOON), 1).await;
    assert_eq!(outcome, Ok(1), "the same handle goes on");
}

fn total(server: &Postgres, url: &str) -> i64 {
    ask(server, url, "select sum(weight_g) from fish").parse().expect("a number")
}
