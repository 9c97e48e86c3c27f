use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use shoal_sql::{Database, Engine, Error, params};
use shoal_types::{Context, Env};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::delivery::{Delivery, Stopped, backoff};
use crate::event::OutboxRow;
use crate::{Consumer, DeadLetter, Event, OutboxTable, dead_letter};

/// How a relay works.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// Events read, handed over and marked at a time.
    pub batch: u16,
    /// How often an event is offered to a consumer before it becomes a dead letter; at least 2.
    pub tries: u32,
    /// The pause after the first failure; doubles with each.
    pub backoff: Duration,
    /// How long a consumer may take for a batch.
    pub timeout: Duration,
    /// Where several nodes share the data: about how often it is looked for events that a node left behind which is gone.
    pub look_every: Duration,
}

impl Default for RelayOptions {
    /// 256 events a batch, 6 tries within about 1.6 s, 30 s for a consumer; a look every two minutes.
    fn default() -> Self {
        Self {
            batch: 256,
            tries: 6,
            backoff: Duration::from_millis(50),
            timeout: Duration::from_secs(30),
            look_every: Duration::from_secs(120),
        }
    }
}

/// What a relay has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Events marked as published.
    pub published: u64,
    /// Of these, how often one became a dead letter of a consumer.
    pub dead_letters: u64,
}

/// What became of the dead letters offered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Redriven {
    /// Taken by their consumer now.
    pub taken: u64,
    /// Refused again, or their consumer is not here.
    pub left: u64,
}

/// Carries the events of one house from its outbox to the consumers in this process: each at least once, in the order
/// of its aggregate. Woken by commits; an idle relay asks an embedded database nothing.
///
/// Where nodes share the data each has a relay on the same outbox: what one of them finds unpublished it carries and
/// marks, whoever wrote it. So two may carry the same event, and what a node leaves that dies is carried by the others:
/// at their next commit, or at a look now and then.
pub struct Relay {
    work: Arc<Work>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Work {
    db: Database,
    table: OutboxTable,
    consumers: Vec<Arc<dyn Consumer>>,
    options: RelayOptions,
    env: Env,
    progress: watch::Sender<Progress>,
    stop: watch::Receiver<bool>,
}

/// Why a batch was not published.
enum Halt {
    Stopped,
    Database(Error),
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl Relay {
    /// Starts the task, which first publishes what an earlier run left. Call it within a tokio runtime.
    pub fn start(
        db: Database,
        table: OutboxTable,
        consumers: Vec<Arc<dyn Consumer>>,
        options: RelayOptions,
        env: Env,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let progress = watch::Sender::new(Progress::default());
        let work = Arc::new(Work { db, table, consumers, options, env, progress, stop: stopped });
        let task = tokio::spawn(run(Arc::clone(&work)));
        Self { work, stop, task }
    }

    /// Follows what it has done.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.work.progress.subscribe()
    }

    /// Offers every dead letter of this house once more to its consumer and forgets those it takes.
    ///
    /// # Errors
    /// What the engine answers.
    pub async fn redrive(&self, cx: &Context) -> Result<Redriven, Error> {
        let mut redriven = Redriven::default();
        let mut after = None;
        loop {
            let page =
                dead_letter::list_dead_letters(&self.work.db, cx, after.as_ref(), self.work.options.batch)
                    .await?;
            let Some(last) = page.last().cloned() else { return Ok(redriven) };
            let total = page.len() as u64;
            let taken = self.work.offer_again(page).await;
            redriven.taken += taken.len() as u64;
            redriven.left += total - taken.len() as u64;
            self.work.db.write(cx, async move |tx| dead_letter::remove(tx, &taken).await).await?;
            after = Some(last);
        }
    }

    /// Finishes the batch at hand and ends. What is unpublished stays for the next start.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the relay had panicked");
        }
    }
}

/// Publishes whenever a commit says that there is something to publish, until told to stop.
async fn run(work: Arc<Work>) {
    let mut commits = work.db.on_commit();
    let mut stop = work.stop.clone();
    loop {
        // A commit from here on wakes it again, so that none is missed between the reading and the waiting.
        commits.mark_unchanged();
        if work.drain().await.is_break() {
            return;
        }
        tokio::select! {
            woken = commits.changed() => if woken.is_err() { return },
            () = work.next_look() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

impl Work {
    /// Waits until it is to be looked for what others left; for ever where there are no others.
    async fn next_look(&self) {
        if self.db.engine() == Engine::Sqlite {
            return std::future::pending().await;
        }
        // Half to one and a half times as long, so that the nodes do not all look at once.
        let every = self.options.look_every;
        let spread = u32::try_from(every.as_millis()).unwrap_or(u32::MAX).max(1);
        let jitter = Duration::from_millis(self.env.rng().below(spread).into());
        tokio::time::sleep(every / 2 + jitter).await;
    }

    /// Publishes until nothing is left. A database that is away is asked again, with growing pauses.
    async fn drain(&self) -> ControlFlow<()> {
        let mut stop = self.stop.clone();
        let mut failures = 0;
        loop {
            if *stop.borrow() {
                return ControlFlow::Break(());
            }
            match self.publish().await {
                Ok(published) if published < usize::from(self.options.batch) => {
                    return ControlFlow::Continue(());
                }
                Ok(_) => failures = 0,
                Err(Halt::Stopped | Halt::Database(Error::Closed)) => return ControlFlow::Break(()),
                Err(Halt::Database(error)) => {
                    failures += 1;
                    tracing::warn!(%error, database = self.db.name(), failures, "events wait for the database");
                    let pause = tokio::time::sleep(backoff(self.options.backoff, failures));
                    tokio::select! {
                        () = pause => {}
                        _ = stop.wait_for(|stop| *stop) => return ControlFlow::Break(()),
                    }
                }
            }
        }
    }

    /// Reads a batch, hands it over and marks it; how many events it was.
    async fn publish(&self) -> Result<usize, Halt> {
        let cx = Context::system(&self.env, self.options.timeout);
        let (statement, batch) = (self.table.unpublished, self.options.batch);
        let rows =
            self.db.read(&cx, async move |tx| tx.list::<OutboxRow>(statement, params![batch]).await).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let events: Vec<Event> =
            rows.into_iter().map(|row| row.event(self.db.name(), self.table.subject)).collect();
        let deliveries = self.consumers.iter().map(|consumer| self.deliver(&**consumer, &events));
        let dead: Vec<DeadLetter> = try_join_all(deliveries).await?.into_iter().flatten().collect();
        self.mark(&events, dead).await?;
        Ok(events.len())
    }

    /// Hands one consumer those it wants.
    async fn deliver(&self, consumer: &dyn Consumer, events: &[Event]) -> Result<Vec<DeadLetter>, Stopped> {
        let wanted = |event: &&Event| consumer.wants(&event.kind);
        let events = match events.iter().filter(wanted).count() {
            0 => return Ok(Vec::new()),
            count if count == events.len() => Cow::Borrowed(events),
            _ => events.iter().filter(wanted).cloned().collect(),
        };
        self.delivery(consumer).deliver(&events).await
    }

    fn delivery<'r>(&'r self, consumer: &'r dyn Consumer) -> Delivery<'r> {
        Delivery { consumer, options: &self.options, env: &self.env, stop: self.stop.clone() }
    }

    /// Marks the batch as published, in one transaction with the dead letters it left.
    async fn mark(&self, events: &[Event], dead: Vec<DeadLetter>) -> Result<(), Error> {
        let cx = Context::system(&self.env, self.options.timeout);
        let statement = self.table.publish;
        let keys = events
            .iter()
            .map(|event| Ok(params![event.aggregate, i64::try_from(event.sequence)?]))
            .collect::<Result<Vec<_>, std::num::TryFromIntError>>()
            .map_err(|error| Error::Statement { name: statement.name(), detail: error.to_string() })?;
        let (published, dead_letters) = (events.len() as u64, dead.len() as u64);
        self.db
            .write(&cx, async move |tx| {
                dead_letter::add(tx, &dead).await?;
                tx.execute_rows(statement, params![], &keys).await
            })
            .await?;
        self.progress.send_modify(|progress| {
            progress.published += published;
            progress.dead_letters += dead_letters;
        });
        Ok(())
    }

    /// Offers each dead letter once to its consumer and answers those taken.
    async fn offer_again(&self, letters: Vec<DeadLetter>) -> Vec<DeadLetter> {
        let mut taken = Vec::new();
        for letter in letters {
            let consumer = self.consumers.iter().find(|consumer| consumer.name() == letter.consumer);
            let Some(consumer) = consumer else { continue };
            let event = std::slice::from_ref(&letter.event);
            if self.delivery(&**consumer).attempt(event).await.is_ok() {
                taken.push(letter);
            }
        }
        taken
    }
}
