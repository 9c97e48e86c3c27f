use std::time::Duration;

use shoal_sql::{Database, Error, Statement, params};
use shoal_types::{Context, Env, Timestamp};

use crate::store::sql;

/// Rows removed in one transaction, so that no other write waits long.
const BATCH: u16 = 500;

/// How long rows are kept that have served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Answers to requests with a key.
    pub answers: Duration,
    /// Events published, and events heard. Longer than any consumer can be away.
    pub events: Duration,
}

impl Default for Retention {
    /// A day for answers, a week for events.
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self { answers: DAY, events: 7 * DAY }
    }
}

/// Removes what is older than `retention`, in small transactions, and answers how many rows. A job of every house;
/// safe to repeat, and to stop anywhere. Unpublished events and dead letters stay.
///
/// # Errors
/// What the engine answers; what was removed so far stays removed.
pub async fn expire(db: &Database, cx: &Context, env: &Env, retention: Retention) -> Result<u64, Error> {
    let (answers, events) = (env.now().minus(retention.answers), env.now().minus(retention.events));
    let mut removed = 0;
    for (statement, before) in
        [(sql::EXPIRE_KEYS, answers), (sql::EXPIRE_INBOX, events), (sql::EXPIRE_OUTBOX, events)]
    {
        removed += remove(db, cx, statement, before).await?;
    }
    Ok(removed)
}

async fn remove(
    db: &Database,
    cx: &Context,
    statement: &'static Statement,
    before: Timestamp,
) -> Result<u64, Error> {
    let mut removed = 0;
    loop {
        let rows = db.write(cx, async move |tx| tx.execute(statement, params![before, BATCH]).await).await?;
        removed += rows;
        if rows < u64::from(BATCH) {
            return Ok(removed);
        }
    }
}
