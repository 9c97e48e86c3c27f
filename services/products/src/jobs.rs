//! What runs by itself, without input and safe to repeat: holds that ran out, rows that have served, an index that
//! was lost. None of them asks the database while there is nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use shoal_contract::products::Error;
use shoal_queue::Retention;
use shoal_types::{Context, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::api::settling;
use crate::error::Stop;
use crate::house::House;
use crate::store;

/// Holds looked for at a time; they end in one transaction.
const HOLDS_BATCH: u16 = 64;
/// The longest sleep while a hold may have been made by another node.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// The pause after a failure.
const RETRY: Duration = Duration::from_secs(5);
/// Time between two sweeps of rows that have served.
const SWEEP: Duration = Duration::from_secs(60 * 60);
/// How long one step of a job may take.
const STEP_TIME: Duration = Duration::from_secs(60);
/// How long filling the index may take.
const FILL_TIME: Duration = Duration::from_secs(60 * 60);

/// Wakes the job that ends holds when a hold is made that runs out before it would look again.
#[derive(Debug)]
pub(crate) struct Alarm {
    /// When the job looks again, microseconds; the end of time while it is looking.
    looks_at: AtomicI64,
    sooner: Notify,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { looks_at: AtomicI64::new(i64::MAX), sooner: Notify::new() }
    }
}

impl Alarm {
    /// Says that a hold runs out at `at`.
    pub(crate) fn note(&self, at: Timestamp) {
        if at.as_micros() < self.looks_at.load(Ordering::Acquire) {
            self.sooner.notify_one();
        }
    }
}

/// Runs the jobs until `stop` says so.
pub(crate) async fn run(house: Arc<House>, mut stop: watch::Receiver<bool>) {
    let jobs = async { tokio::join!(fill_index(&house), end_holds(&house), sweep(&house)) };
    tokio::select! {
        _ = jobs => {}
        // A sender that is gone asks for nothing any more.
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn fill_index(house: &House) {
    loop {
        let cx = Context::system(&house.env, FILL_TIME);
        match house.fill_index(&cx).await {
            Ok(()) => return,
            Err(fault) => {
                tracing::warn!(%fault, "search index could not be filled yet");
                sleep(RETRY).await;
            }
        }
    }
}

async fn sweep(house: &House) {
    loop {
        let cx = Context::system(&house.env, STEP_TIME);
        match shoal_queue::expire(&house.db, &cx, &house.env, Retention::default()).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "rows that have served removed"),
            Err(error) => tracing::warn!(%error, "rows that have served stay for now"),
        }
        sleep(SWEEP).await;
    }
}

async fn end_holds(house: &House) {
    loop {
        let pause = match end_due_holds(house).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(%error, "holds that ran out stay for now");
                RETRY
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = house.alarm.sooner.notified() => {}
        }
    }
}

/// Ends what is due and answers how long nothing else is.
async fn end_due_holds(house: &House) -> Result<Duration, Error> {
    let cx = Context::system(&house.env, STEP_TIME);
    // From here on every hold made rings: it may come after the look below.
    house.alarm.looks_at.store(i64::MAX, Ordering::Release);
    expire_holds(house, &cx).await?;
    let next = house.db.read(&cx, async |tx| store::next_expiry(tx).await).await.map_err(Stop::Database)?;
    let now = house.env.now();
    let longest = now.plus(SLEEP_MAX);
    let looks_at = next.map_or(longest, |next| next.min(longest));
    house.alarm.looks_at.store(looks_at.as_micros(), Ordering::Release);
    Ok(looks_at.since(now))
}

/// Gives back the stock of all holds whose time has passed, and answers how many.
pub(crate) async fn expire_holds(house: &House, cx: &Context) -> Result<u64, Error> {
    let mut expired = 0;
    loop {
        let now = house.env.now();
        let due = house.db.read(cx, async move |tx| store::due(tx, now, HOLDS_BATCH).await).await;
        let due = due.map_err(Stop::Database)?;
        let full = due.len() == usize::from(HOLDS_BATCH);
        if !due.is_empty() {
            expired += settling::expire(house, cx, due).await?;
        }
        if !full {
            return Ok(expired);
        }
        cx.deadline.check(&house.env)?;
    }
}
