//! What the house does by itself: no input, safe to repeat and to stop anywhere.

use std::time::Duration;

use shoal_queue::Retention;
use shoal_types::Context;

use crate::House;
use crate::store::{resets, sessions};

/// The start of a node is busy enough.
const FIRST_AFTER: Duration = Duration::from_secs(60);
/// How long one run may take.
const TIME_MAX: Duration = Duration::from_secs(300);

impl House {
    /// Runs the jobs for ever, at the interval of the options. Drop the future to end it.
    pub async fn run_jobs(&self) {
        tokio::time::sleep(FIRST_AFTER.min(self.options.job_interval)).await;
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "the jobs of the user service failed and will run again");
            }
            tokio::time::sleep(self.options.job_interval).await;
        }
    }

    /// Removes expired sessions and tokens, old answers and old events once; how many rows.
    ///
    /// # Errors
    /// What the engine answers; what was removed so far stays removed.
    pub async fn sweep(&self) -> Result<u64, shoal_sql::Error> {
        let cx = Context::system(&self.env, TIME_MAX);
        let now = self.env.now();
        let sessions =
            sessions::expire(&self.db, &cx, now).await? + resets::expire(&self.db, &cx, now).await?;
        let rows = shoal_queue::expire(&self.db, &cx, &self.env, Retention::default()).await?;
        if sessions + rows > 0 {
            tracing::info!(sessions, rows, "expired rows removed");
        }
        Ok(sessions + rows)
    }
}
