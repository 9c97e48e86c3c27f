//! Housekeeping: no input, safe to repeat, in small transactions.

use shoal_contract::orders::Error as Told;
use shoal_queue::Retention;
use shoal_types::Context;

use crate::error::Error;
use crate::house::{Inner, Orders};
use crate::store::carts;

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
