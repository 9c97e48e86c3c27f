use std::time::Duration;

use async_nats::jetstream::kv::{self, CreateErrorKind, Operation, UpdateErrorKind};
use bytes::Bytes;
use shoal_types::Env;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::stream::LEASE;
use super::{Queue, QueueError};

/// How often a lease is renewed: two may fail.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// The holder that stands for nobody: who had it has given back all it had not begun.
const FREE: &[u8] = b"free";

/// The right to take a consumer's events, which one node at a time has. Given up when dropped, at the latest when it runs
/// out.
pub(super) struct Lease {
    queue: Queue,
    key: String,
    state: watch::Receiver<State>,
    renewal: AbortHandle,
    /// Whether who had it before has given it up in good order.
    pub(super) handed_over: bool,
}

/// What the holder knows of its lease.
#[derive(Debug, Clone, Copy)]
struct State {
    revision: u64,
    /// Until when nobody else can have it, however slow the network is.
    until: Instant,
    lost: bool,
}

/// Somebody who wants a lease.
pub(super) struct Claim<'q> {
    pub(super) queue: &'q Queue,
    /// The consumer.
    pub(super) key: String,
    /// Tells this claimant from others and from itself before a restart.
    pub(super) holder: Bytes,
}

impl Claim<'_> {
    /// Takes the lease as soon as nobody has it.
    pub(super) async fn take(&self) -> Result<Lease, QueueError> {
        loop {
            let begun = Instant::now();
            let store = self.queue.made().await?.leases;
            // Heard of before it is asked for: so no release is missed in between.
            let mut changes = store.watch(&self.key).await.map_err(|error| self.queue.away(error))?;
            if let Some((revision, handed_over)) = self.try_take(&store).await? {
                return Ok(self.holding(store, revision, begun, handed_over));
            }
            let released = async {
                use futures::StreamExt;
                while let Some(Ok(change)) = changes.next().await {
                    if change.operation != Operation::Put || change.value == FREE {
                        return;
                    }
                }
                std::future::pending::<()>().await;
            };
            // Nothing is said of a lease that runs out.
            let _ = tokio::time::timeout(RENEW_EVERY + jitter(self.queue.env()), released).await;
        }
    }

    /// The revision, and whether it was handed over; none if somebody has it.
    async fn try_take(&self, store: &kv::Store) -> Result<Option<(u64, bool)>, QueueError> {
        match store.create(&self.key, self.holder.clone()).await {
            Ok(revision) => return Ok(Some((revision, false))),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {}
            Err(error) => return self.doubt(error).await,
        }
        let entry = match store.entry(&self.key).await {
            // Free, or what this claimant had before it lost sight of the queue.
            Ok(Some(entry)) if entry.value == FREE || entry.value == self.holder => entry,
            Ok(_) => return Ok(None),
            Err(error) => return self.doubt(error).await,
        };
        match store.update(&self.key, self.holder.clone(), entry.revision).await {
            Ok(revision) => Ok(Some((revision, entry.value == FREE))),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => self.doubt(error).await,
        }
    }

    async fn doubt<T>(&self, error: impl ToString) -> Result<T, QueueError> {
        self.queue.doubt().await;
        Err(self.queue.away(error))
    }

    fn holding(&self, store: kv::Store, revision: u64, begun: Instant, handed_over: bool) -> Lease {
        let (told, state) = watch::channel(State { revision, until: begun + LEASE, lost: false });
        let renewal = tokio::spawn(renew(store, self.key.clone(), self.holder.clone(), told));
        Lease {
            queue: self.queue.clone(),
            key: self.key.clone(),
            state,
            renewal: renewal.abort_handle(),
            handed_over,
        }
    }
}

impl Lease {
    /// Whether it is certain that nobody else has it.
    pub(super) fn holds(&self) -> bool {
        let state = *self.state.borrow();
        !state.lost && Instant::now() < state.until
    }

    /// Resolves once somebody else may have it.
    pub(super) async fn lost(&self) {
        let mut state = self.state.clone();
        loop {
            let State { until, lost, .. } = *state.borrow_and_update();
            if lost {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                // Who renews it ends only with this value.
                _ = state.changed() => {}
            }
        }
    }

    /// Lets the next one have it at once. The queue has been given back before what was not begun.
    pub(super) async fn release(self) {
        self.renewal.abort();
        let revision = self.state.borrow().revision;
        let Ok(made) = self.queue.made().await else { return };
        if let Err(error) = made.leases.update(&self.key, Bytes::from_static(FREE), revision).await {
            tracing::debug!(%error, consumer = self.key, "the lease is left to run out");
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// Renews a lease until somebody else has it.
async fn renew(store: kv::Store, key: String, holder: Bytes, told: watch::Sender<State>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let revision = told.borrow().revision;
        let begun = Instant::now();
        let renewed = tokio::time::timeout(RENEW_EVERY, store.update(&key, holder.clone(), revision)).await;
        match renewed {
            Ok(Ok(revision)) => {
                told.send_replace(State { revision, until: begun + LEASE, lost: false });
            }
            Ok(Err(error)) if error.kind() == UpdateErrorKind::WrongLastRevision => {
                // Perhaps by an update of our own whose answer was lost.
                let entry = store.entry(&key).await;
                let ours = entry.ok().flatten().filter(|entry| entry.value == holder);
                match ours {
                    Some(entry) => told.send_modify(|state| state.revision = entry.revision),
                    None => {
                        told.send_modify(|state| state.lost = true);
                        return;
                    }
                }
            }
            Ok(Err(error)) => tracing::debug!(%error, consumer = key, "the lease is not renewed"),
            Err(_) => tracing::debug!(consumer = key, "the lease is not renewed in time"),
        }
    }
}

/// So that not all who wait ask at once.
fn jitter(env: &Env) -> Duration {
    Duration::from_millis(env.rng().below(500).into())
}
