//! Holding a saga: its lease is renewed for as long as this node works on it, and nothing is done without it.

use std::time::Duration;

use shoal_types::{Context, Deadline, Fault, Timestamp};

use crate::house::Inner;
use crate::saga::Stage;
use crate::store::{self, Lease, Saga};

/// How long noting a stage may take.
const NOTE: Duration = Duration::from_secs(20);

/// A saga that this node works on.
pub(crate) struct Hold<'s> {
    house: &'s Inner,
    saga: &'s Saga,
    /// Until when it is this node's alone.
    until: Timestamp,
    /// Of all its calls, whose deadline is set for each.
    cx: Context,
}

impl<'s> Hold<'s> {
    /// For the request of `cx`, or the job.
    pub(crate) fn new(house: &'s Inner, saga: &'s Saga, cx: &Context) -> Self {
        Self { house, saga, until: saga.wake_at(), cx: cx.own_work(&house.env, NOTE) }
    }

    /// The context of a call that ends by `deadline`.
    pub(crate) fn context(&self, deadline: Deadline) -> Context {
        self.cx.with_deadline(deadline)
    }

    /// Notes that it is this node's until then.
    pub(crate) fn renewed(&mut self, until: Timestamp) {
        self.until = until;
    }

    /// By when a call must have ended that may not outlast the lease: while the saga is this node's for sure. What another
    /// owner has undone is not done again by a call of this one that was on its way for long.
    ///
    /// # Errors
    /// `Unavailable` if it has another owner by now; what the database answers.
    pub(crate) async fn deadline(&mut self, stage: &Stage, within: Duration) -> Result<Deadline, Fault> {
        if self.wait().is_zero() {
            self.renew(stage).await?;
        }
        let now = self.house.env.now();
        Ok(Deadline::at(self.until.min(now.plus(within))))
    }

    /// Does `work`, however long it takes.
    ///
    /// # Errors
    /// As [`Hold::deadline`]; the work is broken off.
    pub(crate) async fn through<T>(
        &mut self,
        stage: &Stage,
        work: impl Future<Output = T>,
    ) -> Result<T, Fault> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = tokio::time::sleep(self.wait()) => self.renew(stage).await?,
            }
        }
    }

    /// How long the lease need not be renewed: half of it is kept in hand.
    fn wait(&self) -> Duration {
        self.until.since(self.house.env.now()).saturating_sub(self.house.options.lease / 2)
    }

    async fn renew(&mut self, stage: &Stage) -> Result<(), Fault> {
        let (house, handle, text) = (self.house, self.saga.handle(), store::text(stage)?);
        let cx = Context::system(&house.env, NOTE);
        let now = house.env.now();
        let lease = Lease { owner: house.owner, wake_at: now.plus(house.options.lease) };
        let note = async move |tx: &mut shoal_sql::Tx| store::log(tx, handle, &text, None, lease, now).await;
        if !house.db.write_grouped(&cx, note).await.map_err(Fault::from)? {
            tracing::info!(saga = %self.saga.id, "another node has taken the saga over");
            return Err(Fault::Unavailable { what: "the saga".to_owned() });
        }
        self.until = lease.wake_at;
        Ok(())
    }
}
