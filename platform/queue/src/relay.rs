use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use shoal_sql::{Database, Engine, Error, params};
use shoal_types::{Context, Env};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::carrier::{Carried, Carrier, Journey};
use crate::delivery::{Stopped, backoff};
use crate::event::OutboxRow;
use crate::nats::{Publisher, Queue, QueueError};
use crate::redrive::{LetterFilter, Redriven, redrive};
use crate::refill::{self, Refill};
use crate::{Consumer, Event, OutboxTable, dead_letter};

/// The longest pause while the queue is away; its return ends every pause.
const AWAY_MAX: Duration = Duration::from_secs(5);

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
    /// Events that wait while the queue is away.
    pub waiting: u64,
}

/// Carries the events of one house from its outbox to those who want them: each at least once, in the order of its
/// aggregate. To consumers in this process, or into a queue. Woken by commits; an idle relay asks an embedded database
/// nothing.
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
    carrier: Carrier,
    options: RelayOptions,
    env: Env,
    progress: watch::Sender<Progress>,
    stop: watch::Receiver<bool>,
}

/// Why a batch was not published.
enum Halt {
    Stopped,
    Database(Error),
    Queue(QueueError),
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

impl From<QueueError> for Halt {
    fn from(error: QueueError) -> Self {
        Self::Queue(error)
    }
}

impl From<refill::Failure> for Halt {
    fn from(failure: refill::Failure) -> Self {
        match failure {
            refill::Failure::Database(error) => Self::Database(error),
            refill::Failure::Queue(error) => Self::Queue(error),
        }
    }
}

impl Relay {
    /// Starts the task that hands events to `consumers`; first those that an earlier run left. Call it within a tokio
    /// runtime.
    pub fn start(
        db: Database,
        table: OutboxTable,
        consumers: Vec<Arc<dyn Consumer>>,
        options: RelayOptions,
        env: Env,
    ) -> Self {
        Self::carrying(db, table, Carrier::Here(consumers), options, env)
    }

    /// The same into `queue`. While that is away events wait in the outbox.
    pub fn publish(db: Database, table: OutboxTable, queue: &Queue, options: RelayOptions, env: Env) -> Self {
        Self::carrying(db, table, Carrier::Queue(Publisher::new(queue.clone())), options, env)
    }

    fn carrying(db: Database, table: OutboxTable, carrier: Carrier, options: RelayOptions, env: Env) -> Self {
        let (stop, stopped) = watch::channel(false);
        let progress = watch::Sender::new(Progress::default());
        let work = Arc::new(Work { db, table, carrier, options, env, progress, stop: stopped });
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
        let consumers = match &self.work.carrier {
            Carrier::Here(consumers) => consumers.as_slice(),
            Carrier::Queue(_) => &[],
        };
        redrive(&self.work.db, consumers, &LetterFilter::default(), cx, &self.work.env).await
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
    let (mut stop, mut line) = (work.stop.clone(), work.line());
    let mut refill = Refill::default();
    loop {
        // A commit from here on wakes it again, so that none is missed between the reading and the waiting.
        commits.mark_unchanged();
        if work.drain(&mut refill).await.is_break() {
            return;
        }
        tokio::select! {
            woken = commits.changed() => if woken.is_err() { return },
            () = changed(&mut line) => {}
            () = work.next_look() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Resolves when the connection to the queue is lost or made; never without a queue.
async fn changed(line: &mut Option<watch::Receiver<u64>>) {
    if let Some(line) = line
        && line.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

impl Work {
    fn line(&self) -> Option<watch::Receiver<u64>> {
        match &self.carrier {
            Carrier::Here(_) => None,
            Carrier::Queue(publisher) => Some(publisher.queue().line()),
        }
    }

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

    /// Publishes until nothing is left. A database or a queue that is away is asked again, with growing pauses.
    async fn drain(&self, refill: &mut Refill) -> ControlFlow<()> {
        let mut failures = 0;
        loop {
            if *self.stop.borrow() {
                return ControlFlow::Break(());
            }
            // A change from here on ends the pause.
            let line = self.line();
            let (halt, longest) = match self.publish(refill).await {
                Ok(published) if published < usize::from(self.options.batch) => {
                    self.tell_waiting(0);
                    return ControlFlow::Continue(());
                }
                Ok(_) => {
                    failures = 0;
                    continue;
                }
                Err(Halt::Stopped | Halt::Database(Error::Closed)) => return ControlFlow::Break(()),
                Err(Halt::Database(error)) => (error.to_string(), Duration::MAX),
                Err(Halt::Queue(error)) => {
                    self.count_waiting().await;
                    (error.to_string(), AWAY_MAX)
                }
            };
            failures += 1;
            if failures == 1 || failures % 16 == 0 {
                tracing::warn!(
                    error = halt,
                    database = self.db.name(),
                    failures,
                    "events wait in the outbox"
                );
            }
            self.pause(backoff(self.options.backoff, failures).min(longest), line).await?;
        }
    }

    /// Waits so long; less if the queue comes back.
    async fn pause(&self, time: Duration, mut line: Option<watch::Receiver<u64>>) -> ControlFlow<()> {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(time) => ControlFlow::Continue(()),
            () = changed(&mut line) => ControlFlow::Continue(()),
            _ = stop.wait_for(|stop| *stop) => ControlFlow::Break(()),
        }
    }

    /// Reads a batch, hands it over and marks it; how many events were read.
    async fn publish(&self, refill: &mut Refill) -> Result<usize, Halt> {
        if let Carrier::Queue(publisher) = &self.carrier {
            let stream = publisher.stream().await?;
            if !refill.is_done(&stream) {
                self.house().fill(publisher, &stream).await?;
                refill.done(stream);
            }
        }
        let cx = Context::system(&self.env, self.options.timeout);
        let (statement, batch) = (self.table.unpublished, self.options.batch);
        let rows =
            self.db.read(&cx, async move |tx| tx.list::<OutboxRow>(statement, params![batch]).await).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let events: Vec<Event> =
            rows.into_iter().map(|row| row.event(self.db.name(), self.table.subject)).collect();
        let read = events.len();
        let journey = Journey { options: &self.options, env: &self.env, stop: self.stop.clone() };
        let carried = self.carrier.carry(events, journey).await?;
        self.mark(carried).await?;
        Ok(read)
    }

    /// Marks what was carried as published, in one transaction with the dead letters it left.
    async fn mark(&self, carried: Carried) -> Result<(), Halt> {
        let Carried { done, dead, trouble } = carried;
        let cx = Context::system(&self.env, self.options.timeout);
        let (statement, wakes) = (self.table.publish, self.table.wakes_another);
        let keys = done
            .iter()
            .map(|event| Ok(params![event.aggregate, i64::try_from(event.sequence)?]))
            .collect::<Result<Vec<_>, std::num::TryFromIntError>>()
            .map_err(|error| Error::Statement { name: statement.name(), detail: error.to_string() })?;
        let (published, dead_letters) = (done.len() as u64, dead.len() as u64);
        if !keys.is_empty() {
            let marked = self.db.write(&cx, async move |tx| {
                dead_letter::add(tx, &dead).await?;
                if wakes {
                    tx.wake();
                }
                tx.execute_rows(statement, params![], &keys).await
            });
            marked.await?;
        }
        if !wakes {
            metrics::counter!("queue_published_total", "house" => self.db.name()).increment(published);
        }
        self.progress.send_modify(|progress| {
            progress.published += published;
            progress.dead_letters += dead_letters;
        });
        trouble.map_or(Ok(()), |trouble| Err(trouble.into()))
    }

    fn house(&self) -> refill::House<'_> {
        refill::House { db: &self.db, table: &self.table, env: &self.env, limit: self.options.timeout }
    }

    /// Notes for who watches how many events wait. Only asked for while the queue is away.
    async fn count_waiting(&self) {
        let cx = Context::system(&self.env, self.options.timeout);
        if let Ok((waiting, _)) = refill::waiting(&self.db, &self.table, &cx).await {
            self.tell_waiting(waiting);
        }
    }

    fn tell_waiting(&self, waiting: u64) {
        metrics::gauge!("queue_waiting", "house" => self.db.name()).set(waiting as f64);
        self.progress.send_if_modified(|progress| {
            let changed = progress.waiting != waiting;
            progress.waiting = waiting;
            changed
        });
    }
}
