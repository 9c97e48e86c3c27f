//! Housekeeping: no input, safe to repeat, in small transactions.

mod abandoned;
mod recount;

use std::time::Duration;

use shoal_contract::orders::Error as Told;
use shoal_queue::Retention;
use shoal_types::Context;

use crate::error::Error;
use crate::house::{Inner, Orders};
use crate::store::carts;

/// How often old carts and answers are removed, and how long that may take.
const SWEEP_EVERY: Duration = Duration::from_secs(60 * 60);
const SWEEP_WITHIN: Duration = Duration::from_secs(5 * 60);
/// Carts removed in one transaction, so that no other write waits long.
const BATCH: u32 = 500;

/// What a sweep has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Carts nobody touched: guests' open ones, ordered and merged ones.
    pub carts: u64,
    /// Answers to idempotency keys, whose time is over.
    pub rows: u64,
}

impl Orders {
    /// Does what the house does by itself, for ever. It may be stopped anywhere; another node goes on, or the next start.
    pub async fn run_jobs(&self) {
        tokio::join!(self.sweep_now_and_then(), self.inner.watch_carts(), self.inner.keep_counting());
    }

    async fn sweep_now_and_then(&self) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            if let Err(error) = self.sweep(&Context::system(&self.inner.env, SWEEP_WITHIN)).await {
                tracing::warn!(%error, "old carts could not be removed; the next sweep tries again");
            }
        }
    }

    /// Removes what has served: old carts, old answers. To be run now and then, by any node; twice at once is safe.
    ///
    /// # Errors
    /// What the engine answers; `DeadlineExceeded` leaves the rest for the next run.
    pub async fn sweep(&self, cx: &Context) -> Result<Swept, Told> {
        let inner = &self.inner;
        let carts = inner.remove_old_carts(cx).await?;
        let rows = shoal_queue::expire(&inner.db, cx, &inner.env, Retention::default())
            .await
            .map_err(Error::from)?;
        Ok(Swept { carts, rows })
    }
}

impl Inner {
    async fn remove_old_carts(&self, cx: &Context) -> Result<u64, Error> {
        let before = self.env.now().minus(self.options.carts_kept);
        let mut removed = 0;
        loop {
            let batch = self.db.write(cx, async move |tx| carts::remove_old(tx, before, BATCH).await).await?;
            removed += batch;
            if batch < u64::from(BATCH) {
                return Ok(removed);
            }
        }
    }
}
