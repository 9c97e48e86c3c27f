//! Takes up sagas that were left behind: by a crash, by a node that is gone, by a provider that was away.

use std::time::Duration;

use shoal_sql::{Engine, ReadTx, Tx};
use shoal_types::{Context, Env, Fault, Timestamp};

use crate::house::{Checkout, Inner};
use crate::store::{self, Saga};

/// Sagas taken up in one go.
const BATCH: i64 = 100;
/// The least pause between two looks, however many sagas wait for their buyers.
const LOOKS_APART: Duration = Duration::from_secs(1);
/// The same for a while after a node was lost, whose leases end one by one.
const LOOKS_APART_AFTER_LOSS: Duration = Duration::from_millis(100);
/// How many times longer than usual the pause becomes while nothing is under way and nothing is asked for here.
const REST_TIMES: u32 = 8;
const WITHIN: Duration = Duration::from_secs(10);

impl Checkout {
    /// Takes up the unfinished sagas of processes that are gone, at the start. On embedded data nobody else can be alive,
    /// so no lease is waited for; elsewhere those are taken up whose lease is over, and the sweep takes up the others in
    /// their time. Gives how many there were.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn recover(&self) -> Result<usize, Fault> {
        let (mut recovered, owner) = (0, self.inner.owner);
        if self.inner.db.engine() == Engine::Postgres {
            return self.sweep_once().await;
        }
        loop {
            let cx = Context::system(&self.inner.env, WITHIN);
            let orphans = async move |tx: &mut ReadTx| store::list_orphans(tx, owner, BATCH).await;
            let sagas = self.inner.db.read(&cx, orphans).await.map_err(Fault::from)?;
            if sagas.is_empty() {
                return Ok(recovered);
            }
            recovered += sagas.len();
            for saga in sagas {
                self.inner.take_over(&cx, &saga).await?;
            }
        }
    }

    /// Looks for sagas left behind, whenever one may be and now and then, until the future is dropped. One query each
    /// time if there are none. The looks drift apart while nothing is under way and nothing is asked for here; a saga
    /// that begins, or a node that is lost, brings them together again.
    pub async fn sweep(&self) {
        let (inner, longest) = (&self.inner, self.inner.options.sweep_every);
        // What a process left that died just before this one began is looked for at once.
        let mut pause = if inner.db.engine() == Engine::Postgres { Duration::ZERO } else { longest };
        let mut rest = Rest::new(longest);
        let mut losses = inner.losses.subscribe();
        let mut alert_until = inner.env.now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = inner.begun.notified(), if rest.is_on() => {
                    rest.end();
                    pause = longest;
                    continue;
                }
                // The sender lives as long as the house.
                Ok(()) = losses.changed() => {
                    // By then the lease of whatever the lost node has renewed last is over.
                    alert_until = inner.env.now().plus(inner.options.lease * 2);
                    rest.end();
                }
            }
            let alert = inner.env.now() < alert_until;
            let least = if alert { LOOKS_APART_AFTER_LOSS } else { LOOKS_APART };
            pause = match self.look().await {
                Ok(quiet) if quiet > longest => rest.go_on(&inner.env).min(quiet),
                Ok(quiet) => {
                    rest.end();
                    quiet.clamp(least.min(longest), longest)
                }
                Err(fault) => {
                    tracing::warn!(%fault, "unfinished sagas could not be looked for");
                    longest
                }
            };
        }
    }

    /// Says that a node is not heard of any more, so that the sweep looks at once for when its leases end, and takes its
    /// sagas up then. Not before: the node may live, cut off from the others but not from the data, and its calls may be
    /// on their way until then.
    pub fn node_lost(&self) {
        self.inner.losses.send_modify(|losses| *losses += 1);
    }

    /// Takes up what may be, and answers how long nothing else will be that is there now.
    async fn look(&self) -> Result<Duration, Fault> {
        let wake_at = self.next_wake().await?;
        if wake_at.is_none_or(|wake_at| wake_at > self.inner.env.now()) {
            return Ok(self.until(wake_at));
        }
        self.sweep_once().await?;
        Ok(self.until(self.next_wake().await?))
    }

    async fn next_wake(&self) -> Result<Option<Timestamp>, Fault> {
        let cx = Context::system(&self.inner.env, WITHIN);
        self.inner.db.read(&cx, async |tx| store::next_wake(tx).await).await.map_err(Fault::from)
    }

    fn until(&self, wake_at: Option<Timestamp>) -> Duration {
        wake_at.map_or(Duration::MAX, |wake_at| wake_at.since(self.inner.env.now()))
    }

    /// Takes up the sagas whose lease has run out; how many. Several nodes may do so at once: each saga goes to one.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn sweep_once(&self) -> Result<usize, Fault> {
        let mut taken = 0;
        loop {
            let cx = Context::system(&self.inner.env, WITHIN);
            let now = self.inner.env.now();
            let due = self.inner.db.read(&cx, async move |tx| store::list_due(tx, now, BATCH).await).await;
            let due = due.map_err(Fault::from)?;
            let full = due.len() == BATCH as usize;
            let mut more = 0;
            for saga in due {
                more += usize::from(self.inner.go_on(&cx, &saga).await?.is_some());
            }
            taken += more;
            // Where none could be taken another node is at it.
            if !full || more == 0 {
                return Ok(taken);
            }
        }
    }
}

/// The pauses between looks while nothing is under way.
struct Rest {
    least: Duration,
    /// The last one; none while there is something under way.
    pause: Option<Duration>,
}

impl Rest {
    fn new(least: Duration) -> Self {
        Self { least, pause: None }
    }

    fn is_on(&self) -> bool {
        self.pause.is_some()
    }

    fn end(&mut self) {
        self.pause = None;
    }

    /// The next pause: twice the last, up to a limit, and somewhat more or less, so that nodes do not look all at once.
    fn go_on(&mut self, env: &Env) -> Duration {
        let most = self.least.saturating_mul(REST_TIMES);
        let pause = self.pause.map_or(self.least, |last| last.saturating_mul(2).min(most));
        self.pause = Some(pause);
        let quarter = u32::try_from(pause.as_millis() / 4).unwrap_or(u32::MAX).max(1);
        pause.saturating_sub(Duration::from_millis(env.rng().below(quarter).into()))
    }
}

impl Inner {
    /// Makes the saga this node's; `None` if another was faster or it has ended.
    pub(crate) async fn claim(&self, cx: &Context, saga: Saga) -> Result<Option<Saga>, Fault> {
        let (owner, wake_at) = (self.owner, self.env.now().plus(self.options.lease));
        let seen = saga.clone();
        let claim = async move |tx: &mut Tx| store::claim(tx, &seen, owner, wake_at).await;
        let claimed = self.db.write(cx, claim).await.map_err(Fault::from)?;
        Ok(claimed.then(|| saga.taken_over(owner, wake_at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_drift_apart_up_to_a_limit_while_nothing_happens() {
        let (env, usual) = (Env::system(), Duration::from_secs(15));
        let mut rest = Rest::new(usual);
        for times in [1, 2, 4, 8, 8] {
            let pause = rest.go_on(&env);
            assert!(pause <= usual * times && pause > usual * times * 3 / 4, "{pause:?} of {times}");
        }
        rest.end();
        assert!(!rest.is_on() && rest.go_on(&env) <= usual, "it begins anew");
    }
}
