use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use bytes::Bytes;
use shoal_sql::Database;
use shoal_types::Env;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::lease::Claim;
use super::pull::Pull;
use super::tenure::{End, Tenure};
use super::{Queue, QueueError};
use crate::Consumer;
use crate::delivery::backoff;

/// How a consumer takes events from the queue.
#[derive(Debug, Clone)]
pub struct SubscriptionOptions {
    /// Events handed over at a time.
    pub batch: usize,
    /// How often an event is offered before it becomes a dead letter; at least 2.
    pub tries: u32,
    /// The pause after the first refusal; doubles with each, at most 30 s.
    pub backoff: Duration,
    /// How long the consumer may take for a batch.
    pub timeout: Duration,
    /// When the queue brings again what was not answered.
    pub ack_wait: Duration,
    /// Events of refused aggregates that wait here; with so many nothing more is asked for.
    pub held_max: usize,
}

impl Default for SubscriptionOptions {
    /// 256 events a batch, 10 tries within about 50 s, 30 s for a consumer, again after 3 s, 2,048 events held.
    fn default() -> Self {
        Self {
            batch: 256,
            tries: 10,
            backoff: Duration::from_millis(100),
            timeout: Duration::from_secs(30),
            ack_wait: Duration::from_secs(3),
            held_max: 2_048,
        }
    }
}

/// What a subscription has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Events its consumer took, repeats among them.
    pub taken: u64,
    /// Events that became dead letters.
    pub dead_letters: u64,
    /// Whether this node is the one that takes them now.
    pub holds: bool,
}

/// One consumer's part in the events of the queue, of which one node at a time takes its share: by a lease. The others
/// stand by.
///
/// Each event reaches the consumer at least once, in the order of its aggregate. What it refuses holds back the later
/// events of the aggregate and no other, and at last becomes a dead letter in the consumer's database.
pub struct Subscription {
    progress: watch::Receiver<Heard>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// What its task works with.
pub(super) struct Work {
    pub(super) queue: Queue,
    pub(super) db: Database,
    pub(super) consumer: Arc<dyn Consumer>,
    pub(super) options: SubscriptionOptions,
    pub(super) env: Env,
    pub(super) progress: watch::Sender<Heard>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Subscription {
    /// Starts the task. Dead letters go to `db`, the database of the consumer's house. Call it within a tokio runtime.
    pub fn start(
        queue: &Queue,
        db: Database,
        consumer: Arc<dyn Consumer>,
        options: SubscriptionOptions,
        env: Env,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (told, progress) = watch::channel(Heard::default());
        let work = Work { queue: queue.clone(), db, consumer, options, env, progress: told, stop: stopped };
        Self { progress, stop, task: tokio::spawn(run(work)) }
    }

    /// Follows what it has done.
    pub fn progress(&self) -> watch::Receiver<Heard> {
        self.progress.clone()
    }

    /// Finishes the batch at hand, gives back what is not begun and hands over to another node.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "the subscription had panicked");
        }
    }
}

impl Drop for Subscription {
    /// Ends at once, as a crash would: nothing is given back, the lease runs out.
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(work: Work) {
    // Of this start of this node: another node's, or an earlier one's, is another.
    let holder = Bytes::from(hex(&work.env.rng().token()[..12]));
    let mut stop = work.stop.clone();
    let mut failures = 0;
    loop {
        let outcome = tokio::select! {
            outcome = async { work.queue.connected().await; work.serve(&holder).await } => outcome,
            // Only while it stands by: who holds the lease is told to stop where it can give it up.
            _ = work.told_to_stop_while_waiting() => return,
        };
        work.progress.send_modify(|heard| heard.holds = false);
        let consumer = work.consumer.name();
        match outcome {
            Ok(End::Stopped) => return,
            Ok(End::Lost) => {
                failures = 0;
                tracing::warn!(consumer, "another node may have this consumer's lease; standing by");
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(consumer, %error, failures, "no events from the queue");
                work.queue.doubt().await;
                tokio::select! {
                    () = tokio::time::sleep(backoff(Duration::from_millis(100), failures).min(Duration::from_secs(5))) => {}
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            }
        }
    }
}

impl Work {
    /// Waits for the lease and takes events for as long as it holds.
    async fn serve(&self, holder: &Bytes) -> Result<End, QueueError> {
        let made = self.queue.made().await?;
        let consumer =
            made.stream.create_consumer(self.config()).await.map_err(|error| self.queue.away(error))?;
        let claim =
            Claim { queue: &self.queue, key: self.consumer.name().to_owned(), holder: holder.clone() };
        let lease = claim.take().await?;
        self.progress.send_modify(|heard| heard.holds = true);
        tracing::info!(consumer = self.consumer.name(), "takes the events of this consumer");
        let info = consumer.get_info().await.map_err(|error| self.queue.away(error))?;
        let mut pull = Pull::open(&self.queue, consumer, self.options.ack_wait).await?;
        if info.num_ack_pending > 0 && !lease.handed_over {
            pull.wait_for_the_unanswered();
        }
        Tenure::new(self, lease, pull, made.identity).run().await
    }

    fn config(&self) -> pull::Config {
        let options = &self.options;
        let pending = options.held_max + 4 * options.batch;
        pull::Config {
            durable_name: Some(self.consumer.name().to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: options.ack_wait,
            max_ack_pending: i64::try_from(pending).unwrap_or(i64::MAX),
            ..pull::Config::default()
        }
    }

    /// Resolves when it is told to stop and holds nothing.
    async fn told_to_stop_while_waiting(&self) {
        let (mut stop, mut progress) = (self.stop.clone(), self.progress.subscribe());
        // The senders live as long as the subscription and this task.
        let _ = stop.wait_for(|stop| *stop).await;
        let _ = progress.wait_for(|heard| !heard.holds).await;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
