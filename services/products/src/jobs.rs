//! What runs by itself, without input and safe to repeat: holds that ran out, rows that have served, an index that
//! was lost. None of them asks the database while there is nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use shoal_contract::products::Error;
use shoal_queue::Retention;
use shoal_sql::Tx;
use shoal_types::{Context, Env, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use crate::api::settling;
use crate::error::Stop;
use crate::following::Following;
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

/// How long changes are kept for nodes that follow them. One that was away for longer starts over.
const CHANGES_KEPT: Duration = Duration::from_secs(60 * 60);
/// Changes forgotten in one transaction.
const CHANGES_BATCH: u16 = 500;
/// The longest pause between two looks for what other nodes have changed; a read of a product looks anyway, and finds it.
const FOLLOW_MAX: Duration = Duration::from_secs(5 * 60);
/// The pause while another node is busy.
const FOLLOW_MIN: Duration = Duration::from_secs(1);
/// The least pause between two commits of the index.
const PACE: Duration = Duration::from_millis(150);

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
    let index = async {
        match &house.following {
            Some(following) => follow(&house, following).await,
            None => fill_index(&house).await,
        }
    };
    let jobs = async { tokio::join!(index, end_holds(&house), sweep(&house)) };
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

/// Keeps the index close to what all nodes write, so that no search has to wait for much. Own commits wake it, and
/// what readers hear; else it looks now and then, often while another node is busy.
async fn follow(house: &House, following: &Following) {
    let mut commits = house.db.on_commit();
    let mut pause = FOLLOW_MAX;
    let mut looked = false;
    loop {
        commits.mark_unchanged();
        let cx = Context::system(&house.env, FILL_TIME);
        pause = match house.catch_up(&cx).await {
            Ok(true) if looked => FOLLOW_MIN,
            Ok(_) => pause.saturating_mul(2).min(FOLLOW_MAX),
            Err(fault) => {
                tracing::warn!(%fault, "the search index lags behind for now");
                RETRY
            }
        };
        looked = tokio::select! {
            () = sleep(around(&house.env, pause)) => true,
            () = following.news.notified() => false,
            open = commits.changed() => match open {
                Ok(()) => false,
                Err(_) => return,
            },
        };
        // Many changes are indexed with few commits.
        sleep(PACE).await;
    }
}

/// A pause of about this length, so that nodes do not look all at once.
fn around(env: &Env, pause: Duration) -> Duration {
    let millis = u32::try_from(pause.as_millis() / 2).unwrap_or(u32::MAX);
    pause.mul_f32(0.75) + Duration::from_millis(env.rng().below(millis.max(1)).into())
}

async fn sweep(house: &House) {
    loop {
        let cx = Context::system(&house.env, STEP_TIME);
        match remove_served(house, &cx).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "rows that have served removed"),
            Err(error) => tracing::warn!(%error, "rows that have served stay for now"),
        }
        sleep(SWEEP).await;
    }
}

/// Removes rows that have served, in small transactions; how many.
async fn remove_served(house: &House, cx: &Context) -> Result<u64, shoal_sql::Error> {
    let mut removed = shoal_queue::expire(&house.db, cx, &house.env, Retention::default()).await?;
    let before = house.env.now().minus(CHANGES_KEPT);
    loop {
        let body = async move |tx: &mut Tx| store::forget_changes(tx, before, CHANGES_BATCH).await;
        let forgotten = house.db.write(cx, body).await?;
        removed += forgotten;
        if forgotten < u64::from(CHANGES_BATCH) {
            return Ok(removed);
        }
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
    let mut next = next_expiry(house, &cx).await?;
    if next.is_some_and(|next| next <= house.env.now()) {
        expire_holds(house, &cx).await?;
        next = next_expiry(house, &cx).await?;
    }
    let now = house.env.now();
    let longest = now.plus(SLEEP_MAX);
    let looks_at = next.map_or(longest, |next| next.min(longest));
    house.alarm.looks_at.store(looks_at.as_micros(), Ordering::Release);
    Ok(looks_at.since(now))
}

async fn next_expiry(house: &House, cx: &Context) -> Result<Option<Timestamp>, Stop> {
    house.db.read(cx, async |tx| store::next_expiry(tx).await).await.map_err(Stop::Database)
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
