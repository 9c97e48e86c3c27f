//! The sales of all orders there are, counted in small steps: after the update that brought the figures, after another time
//! zone was chosen, and when staff ask for it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shoal_contract::orders::{Error as Told, OrderId};
use shoal_sql::Tx;
use shoal_types::Context;

use crate::error::Error;
use crate::house::{Inner, Orders};
use crate::store::{jobs, sales};

/// Its name among the jobs.
const JOB: &str = "recount_sales";
/// Orders counted in one transaction, so that no other write waits long.
const BATCH: u32 = 200;
/// How often it is looked for a recount that another node left, or began.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
/// How long a step may take.
const STEP_WITHIN: Duration = Duration::from_secs(60);

/// How far it has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Recount {
    /// The time zone it counts under.
    zone: String,
    /// The last order counted.
    after: Option<OrderId>,
    done: bool,
}

/// What a step has done.
enum Step {
    /// So many orders were counted; there may be more.
    More(u64),
    /// So many were counted; all are, or another node goes on.
    Last(u64),
}

impl Orders {
    /// Counts the sales of all orders that are not known to be counted; how many were looked at. To be run at the start and
    /// now and then, by any node; twice at once is safe.
    ///
    /// # Errors
    /// What the engine answers; what was counted stays counted.
    pub async fn recount(&self) -> Result<u64, Told> {
        Ok(self.inner.recount_all().await?)
    }
}

impl Inner {
    /// Counts what is left to be counted, whenever there is something.
    pub(super) async fn keep_counting(&self) {
        loop {
            match self.recount_all().await {
                Ok(0) => {}
                Ok(orders) => tracing::info!(orders, "the sales of all orders are counted"),
                Err(error) => {
                    let error = Told::from(error);
                    tracing::warn!(%error, "sales could not be counted; the next look goes on");
                }
            }
            tokio::select! {
                () = self.recount.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Lets a recount begin from the first order.
    pub(crate) async fn begin_recount(&self, cx: &Context) -> Result<(), Error> {
        let begun = self.begun();
        let body = async move |tx: &mut Tx| {
            let version = jobs::find::<Recount>(tx, JOB).await?.map(|(_, version)| version);
            if jobs::save(tx, JOB, &begun, version).await? { Ok(()) } else { Err(Error::Raced) }
        };
        self.transact(cx, body).await?;
        self.recount.notify_one();
        Ok(())
    }

    fn begun(&self) -> Recount {
        Recount { zone: self.options.zone.name().to_owned(), after: None, done: false }
    }

    async fn recount_all(&self) -> Result<u64, Error> {
        let mut orders = 0;
        loop {
            match self.recount_step(&Context::system(&self.env, STEP_WITHIN)).await? {
                Step::More(counted) => orders += counted,
                Step::Last(counted) => return Ok(orders + counted),
            }
        }
    }

    async fn recount_step(&self, cx: &Context) -> Result<Step, Error> {
        let found = self.db.read(cx, async |tx| jobs::find::<Recount>(tx, JOB).await).await?;
        let version = found.as_ref().map(|(_, version)| *version);
        // Under another zone every order counts for another day.
        let own = found.map(|(state, _)| state).filter(|state| state.zone == self.options.zone.name());
        let state = own.unwrap_or_else(|| self.begun());
        if state.done {
            return Ok(Step::Last(0));
        }
        let after = state.after;
        let orders = self.db.read(cx, async move |tx| sales::next_orders(tx, after, BATCH).await).await?;
        let (counted, last) = (orders.len() as u64, orders.last().copied());
        self.count(cx, orders).await?;
        let done = counted < u64::from(BATCH);
        let state = Recount { after: last.or(after), done, ..state };
        let saved =
            self.db.write(cx, async move |tx: &mut Tx| jobs::save(tx, JOB, &state, version).await).await?;
        Ok(if saved && !done { Step::More(counted) } else { Step::Last(counted) })
    }
}
