//! Sends webhooks: whenever a commit says that there is something to send, and when the next attempt is due.
//!
//! A delivery is taken under a lease and fenced by its epoch, so that of the nodes that share the data one sends it at a
//! time. If that one dies between the request and its note, another sends it again: with the same `webhook-id`.

mod attempt;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use shoal_sql::{Engine, ReadTx, Tx};
use shoal_types::{Context, Fault, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::House;
use crate::model::webhook::endpoint::Kept;
use crate::store::webhooks as store;
use slots::Slots;

/// How long a look may take.
const WITHIN: Duration = Duration::from_secs(10);
/// Where several nodes share the data: about how often it is looked for what a node left behind that is gone.
const LOOK_EVERY: Duration = Duration::from_secs(120);
/// The pause after the database could not be asked; doubles with each.
const BACKOFF: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// How long requests under way may go on when the node ends. One that is cut off is made again.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// The requests under way on this node.
#[derive(Default)]
struct Sends {
    slots: Slots,
    tasks: JoinSet<()>,
}

/// What a look came to.
struct Look {
    /// Whether something was due, and so there may be more.
    again: bool,
    /// When the next attempt is due that is there now, if that is later.
    next: Option<Timestamp>,
}

impl House {
    /// Sends webhooks until told to stop, then finishes what is under way.
    pub async fn run_webhooks(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if !self.options.webhooks.enabled {
            return;
        }
        let mut commits = self.db.on_commit();
        let (mut sends, mut failures) = (Sends::default(), 0);
        loop {
            // A commit from here on wakes it again, so that none is missed between the looking and the waiting.
            commits.mark_unchanged();
            let pause = match self.begin_due(&mut sends).await {
                Ok(next) => {
                    failures = 0;
                    self.pause(next)
                }
                Err(fault) => {
                    failures += 1;
                    tracing::warn!(%fault, failures, "webhooks wait for the database");
                    Some(backoff(failures))
                }
            };
            tokio::select! {
                woken = commits.changed() => if woken.is_err() { break },
                Some(_) = sends.tasks.join_next() => {}
                () = wait(pause) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        let finished = async { while sends.tasks.join_next().await.is_some() {} };
        if timeout(FINISH_WITHIN, finished).await.is_err() {
            tracing::info!("webhooks under way are broken off and will be sent again");
        }
    }

    /// Sends what is due, and answers once nothing under way is left and nothing more is due. What is tried again later
    /// stays for later.
    ///
    /// # Errors
    /// What the database answers.
    pub async fn send_due_webhooks(self: &Arc<Self>) -> Result<(), Fault> {
        let mut sends = Sends::default();
        loop {
            let begun = self.begin_due(&mut sends).await;
            if sends.tasks.join_next().await.is_none() {
                return begun.map(|_| ());
            }
        }
    }

    /// How long to wait for the next attempt; for ever if only a commit can bring one.
    fn pause(&self, next: Option<Timestamp>) -> Option<Duration> {
        let next = next.map(|at| at.since(self.env.now()));
        if self.db.engine() == Engine::Sqlite {
            return next;
        }
        // Half to one and a half times as long, so that the nodes do not all look at once.
        let spread = u32::try_from(LOOK_EVERY.as_millis()).unwrap_or(u32::MAX);
        let look = LOOK_EVERY / 2 + Duration::from_millis(self.env.rng().below(spread).into());
        Some(next.map_or(look, |next| next.min(look)))
    }

    /// Begins whatever is due and has a free slot; when the next is due.
    async fn begin_due(self: &Arc<Self>, sends: &mut Sends) -> Result<Option<Timestamp>, Fault> {
        loop {
            let look = self.look(sends).await?;
            if !look.again {
                return Ok(look.next);
            }
        }
    }

    async fn look(self: &Arc<Self>, sends: &mut Sends) -> Result<Look, Fault> {
        let cx = Context::system(&self.env, WITHIN);
        let list = async |tx: &mut ReadTx| store::list_waiting(tx).await;
        let waiting = self.db.read(&cx, list).await.map_err(Fault::from)?;
        let now = self.env.now();
        let mut look = Look { again: false, next: None };
        for (endpoint, due_at) in
            waiting.into_iter().filter_map(|waiting| Some((waiting.endpoint, waiting.due_at?)))
        {
            let due_at = due_at.max(endpoint.rest_until);
            if due_at > now {
                look.next = Some(look.next.map_or(due_at, |next| next.min(due_at)));
                continue;
            }
            // Where none is free the end of a request wakes us.
            let free =
                sends.slots.free(endpoint.id, self.most_at(&endpoint), self.options.webhooks.requests_max);
            if free > 0 {
                look.again = true;
                self.begin(sends, endpoint, free, now).await?;
            }
        }
        Ok(look)
    }

    /// How many requests there may be to an endpoint at a time. One that fails gets one, so that however many are dead,
    /// they do not take up everything.
    fn most_at(&self, endpoint: &Kept) -> usize {
        match endpoint.failing_since {
            None => self.options.webhooks.requests_per_endpoint.max(1),
            Some(_) => 1,
        }
    }

    /// Takes at most `most` deliveries of the endpoint and sends each on a task of its own.
    async fn begin(
        self: &Arc<Self>,
        sends: &mut Sends,
        endpoint: Kept,
        most: usize,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let cx = Context::system(&self.env, WITHIN);
        let (id, until) = (endpoint.id, now.plus(self.options.webhooks.lease()));
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let claim = async move |tx: &mut Tx| {
            let due = store::list_due(tx, id, now, most).await?;
            store::claim(tx, id, due, until).await
        };
        let taken = self.db.write(&cx, claim).await.map_err(Fault::from)?;
        let endpoint = Arc::new(endpoint);
        for due in taken {
            let slot = sends.slots.take(id);
            let (house, endpoint) = (Arc::clone(self), Arc::clone(&endpoint));
            sends.tasks.spawn(async move {
                house.attempt(&endpoint, &due, until).await;
                drop(slot);
            });
        }
        Ok(())
    }
}

async fn wait(pause: Option<Duration>) {
    match pause {
        Some(pause) => sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// The pause after `failures` in a row.
fn backoff(failures: u32) -> Duration {
    BACKOFF.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(BACKOFF_MAX)
}
