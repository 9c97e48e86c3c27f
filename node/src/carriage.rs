//! How the events of the houses here get to those who want them: from hand to hand, or over a queue.

use std::sync::Arc;

use shoal_net::http::Health;
use shoal_queue::nats::{Queue, Subscription, SubscriptionOptions};
use shoal_queue::{Consumer, OutboxTable, Relay, RelayOptions};
use shoal_sql::Database;
use shoal_types::Env;

use crate::config::QueueConfig;

/// Events read at a time for a queue, which is asked to keep all of them at once.
const QUEUE_BATCH: u16 = 1_000;
/// The word in `/readyz` while the queue is away.
const QUEUE: &str = "queue";

/// A way for events to travel.
pub(crate) struct Carriage {
    queue: Option<Queue>,
    env: Env,
}

/// A house that says something.
pub(crate) struct Speaker<'h> {
    pub(crate) db: &'h Database,
    pub(crate) table: OutboxTable,
    pub(crate) options: RelayOptions,
    /// Consumers that are part of this process, whatever the way: they hear first, and wait for no others.
    pub(crate) near: Vec<Arc<dyn Consumer>>,
    /// Consumers that hear by the queue if there is one, else by this house's relay.
    pub(crate) far: Vec<Arc<dyn Consumer>>,
}

impl Carriage {
    /// Connects to the configured queue, if there is one. A queue that is away is waited for in the background.
    ///
    /// # Errors
    /// What an operator has to mend at the queue or in its configuration.
    pub(crate) async fn open(config: &QueueConfig, env: &Env) -> anyhow::Result<Self> {
        let queue = match config.options() {
            Some(options) => Some(Queue::connect(options, env).await?),
            None => None,
        };
        Ok(Self { queue, env: env.clone() })
    }

    /// Starts what carries the events of a house.
    pub(crate) fn relays(&self, speaker: Speaker<'_>) -> Vec<Relay> {
        let Speaker { db, table, options, near, far } = speaker;
        let start =
            |table, consumers| Relay::start(db.clone(), table, consumers, options.clone(), self.env.clone());
        let publish = |table, queue| {
            let options = RelayOptions { batch: QUEUE_BATCH, ..options.clone() };
            Relay::publish(db.clone(), table, queue, options, self.env.clone())
        };
        let mut relays = Vec::new();
        let table = if near.is_empty() {
            table
        } else {
            let [here, there] = OutboxTable::in_two_steps();
            relays.push(start(here, near));
            there
        };
        relays.push(match &self.queue {
            Some(queue) => publish(table, queue),
            None => start(table, far),
        });
        relays
    }

    /// Starts what brings events from the queue, if there is one, to a consumer of the house of `db`.
    pub(crate) fn subscription(&self, db: &Database, consumer: Arc<dyn Consumer>) -> Option<Subscription> {
        let queue = self.queue.as_ref()?;
        let options = SubscriptionOptions::default();
        Some(Subscription::start(queue, db.clone(), consumer, options, self.env.clone()))
    }

    /// Says at `/readyz` whether the queue is away, for as long as the node lives.
    pub(crate) fn watch(&self, health: Health) -> impl Future<Output = ()> + Send + 'static {
        let queue = self.queue.clone();
        async move {
            let Some(queue) = queue else { return };
            let mut line = queue.line();
            loop {
                health.degraded(QUEUE, !queue.measured());
                if line.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}
