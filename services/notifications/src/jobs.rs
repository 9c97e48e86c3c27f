//! What the house does by itself: no input, safe to repeat and to stop anywhere.

use std::time::Duration;

use shoal_queue::Retention;
use shoal_sql::Tx;
use shoal_types::Context;

use crate::{House, store};

/// The start of a node is busy enough.
const FIRST_AFTER: Duration = Duration::from_secs(60);
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How long one run may take.
const TIME_MAX: Duration = Duration::from_secs(300);
/// How long it is known what became of a mail.
const MAILS_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Rows removed in one transaction, so that no other write waits long.
const BATCH: u16 = 500;

impl House {
    /// Runs the jobs for ever. Drop the future to end it.
    pub async fn run_jobs(&self) {
        tokio::time::sleep(FIRST_AFTER).await;
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "the jobs of the notification service failed and will run again");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Removes old mails, answers and events heard, once; how many rows.
    ///
    /// # Errors
    /// What the engine answers; what was removed so far stays removed.
    pub async fn sweep(&self) -> Result<u64, shoal_sql::Error> {
        let cx = Context::system(&self.env, TIME_MAX);
        let mut removed = shoal_queue::expire(&self.db, &cx, &self.env, Retention::default()).await?;
        let before = self.env.now().minus(MAILS_KEPT);
        loop {
            let rows =
                self.db.write(&cx, async move |tx| store::mails::expire(tx, before, BATCH).await).await?;
            removed += rows;
            if rows < u64::from(BATCH) {
                break;
            }
        }
        let before = self.env.now().minus(self.options.webhooks.kept_for);
        loop {
            let expire = async move |tx: &mut Tx| store::webhooks::expire(tx, before, BATCH).await;
            let rows = self.db.write(&cx, expire).await?;
            removed += rows;
            if rows < u64::from(BATCH) {
                return Ok(removed);
            }
        }
    }
}
