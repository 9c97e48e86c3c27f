use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use shoal_types::Deadline;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;

use super::connect::Connector;
use super::core::{Core, Shared};
use super::failure::{Failure, UniqueColumns};
use super::member::{Body, Job, Member, job};
use super::pool::Pool;
use super::server::{Server, Target};
use super::{alone, group, migrate, queue, reading};
use crate::counters::Tally;
use crate::{Error, Options, Statement};

/// Groups under way at the same time: one gathers and runs while another waits for its commit.
const GROUPS: usize = 2;

enum Message {
    Read(Job, Ticket),
    Write(Job, Ticket),
    Grouped(Job, Ticket),
    Check(Vec<&'static Statement>, oneshot::Sender<Result<(), Error>>),
    Close,
}

/// A place among the works under way; given back when dropped.
struct Ticket(Arc<AtomicUsize>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The handle of the thread that owns a house's connections. Dropping it finishes what is under way.
pub(crate) struct Postgres {
    messages: mpsc::UnboundedSender<Message>,
    under_way: Arc<AtomicUsize>,
    under_way_max: usize,
    closing: AtomicBool,
    commits: watch::Receiver<u64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Postgres {
    /// Starts the thread, which connects and brings the schema up to date.
    pub(crate) async fn start(options: Options, server: Server, tally: Arc<Tally>) -> Result<Self, Error> {
        let (messages, inbox) = mpsc::unbounded_channel();
        let (commit, commits) = watch::channel(0);
        let (ready, opened) = oneshot::channel();
        let under_way_max = options.queue_max;
        let thread = std::thread::Builder::new().name(format!("sql-{}", options.name));
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => {
                    drop(ready.send(Err(Error::Unavailable { detail: error.to_string() })));
                    return;
                }
            };
            LocalSet::new().block_on(&runtime, async move {
                match open(&options, server, tally, commit).await {
                    Ok(core) => {
                        if ready.send(Ok(())).is_ok() {
                            serve(Rc::new(core), inbox).await;
                        }
                    }
                    // The opener may have given up; then nobody needs the reason.
                    Err(failure) => drop(ready.send(Err(failure.error))),
                }
            });
        };
        let unstarted = |error: std::io::Error| Error::Unavailable { detail: error.to_string() };
        let thread = thread.spawn(run).map_err(unstarted)?;
        opened.await.map_err(|_| Error::Closed)??;
        let (under_way, closing) = (Arc::default(), AtomicBool::new(false));
        Ok(Self { messages, under_way, under_way_max, closing, commits, thread: Mutex::new(Some(thread)) })
    }

    /// Runs a body that reads.
    pub(crate) async fn read<T, E, B>(&self, body: B, deadline: Deadline) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        B: Body<T, E>,
    {
        self.submit(body, deadline, Message::Read).await
    }

    /// Runs a body that writes, in a transaction of its own or in one shared with others.
    pub(crate) async fn write<T, E, B>(&self, body: B, deadline: Deadline, grouped: bool) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        B: Body<T, E>,
    {
        self.submit(body, deadline, if grouped { Message::Grouped } else { Message::Write }).await
    }

    async fn submit<T, E, B>(
        &self,
        body: B,
        deadline: Deadline,
        how: fn(Job, Ticket) -> Message,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        B: Body<T, E>,
    {
        if self.closing.load(Ordering::Acquire) {
            return Err(Error::Closed.into());
        }
        let ticket = Ticket(Arc::clone(&self.under_way));
        if self.under_way.fetch_add(1, Ordering::AcqRel) >= self.under_way_max {
            return Err(Error::Overloaded.into());
        }
        let (reply, answer) = oneshot::channel();
        self.messages.send(how(job(body, deadline, reply), ticket)).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Prepares each statement without running it.
    pub(crate) async fn check(&self, statements: &[&'static Statement]) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(Message::Check(statements.to_vec(), reply)).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Counts the groups that were durable and asked to wake.
    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.commits.clone()
    }

    /// Refuses new work, finishes what is under way and closes the connections.
    pub(crate) async fn close(&self) {
        self.stop();
        let mut commits = self.commits.clone();
        // The thread drops its end last.
        while commits.changed().await.is_ok() {}
    }

    fn stop(&self) {
        self.closing.store(true, Ordering::Release);
        // A thread that has ended needs no telling.
        let _ = self.messages.send(Message::Close);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // The last handle may be dropped by a body, on the thread that would be waited for.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the thread of a database had panicked");
        }
    }
}

/// Connects once, without trying again: whoever starts Shoal wants to hear at once what is wrong.
async fn open(
    options: &Options,
    server: Server,
    tally: Arc<Tally>,
    commit: watch::Sender<u64>,
) -> Result<Core, Failure> {
    let (name, env) = (options.name, options.env.clone());
    let connector = Connector::new(server, name, Arc::clone(&tally), env.clone());
    let link = connector.connect(Target::Primary, Rc::new(UniqueColumns::new())).await?;
    migrate::migrate(&link, connector.schema(), name, options.migrations, &env).await?;
    let unique = Rc::new(migrate::unique_columns(&link, connector.schema()).await?);
    drop(link);
    let first = connector.connect(Target::Primary, Rc::clone(&unique)).await?;
    let pool = Pool::new(connector, unique, env.clone(), options.connections, first);
    Ok(Core::new(pool, env, tally, options.group_max, commit))
}

/// Runs what arrives until told to close and everything under way has ended.
async fn serve(core: Shared, mut inbox: mpsc::UnboundedReceiver<Message>) {
    let mut servants: Vec<_> =
        (0..GROUPS).map(|_| tokio::task::spawn_local(group::serve(Rc::clone(&core)))).collect();
    servants.push(tokio::task::spawn_local(queue::watch(Rc::clone(&core))));
    // Each work holds a sender; once all are gone, all have ended.
    let (under_way, mut ended) = mpsc::channel::<()>(1);
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Read(job, ticket) => start(&core, job, ticket, &under_way, Verb::Read),
            Message::Write(job, ticket) => start(&core, job, ticket, &under_way, Verb::Write),
            Message::Grouped(job, ticket) => {
                let member =
                    Box::new(Queued { member: job(), _ticket: ticket, _under_way: under_way.clone() });
                queue::push(&core, member);
            }
            Message::Check(statements, reply) => {
                let core = Rc::clone(&core);
                tokio::task::spawn_local(async move { drop(reply.send(check(&core, &statements).await)) });
            }
            Message::Close => break,
        }
    }
    drop(under_way);
    // Nothing is ever sent: this resolves when the last sender is gone.
    ended.recv().await;
    servants.iter().for_each(tokio::task::JoinHandle::abort);
    core.pool.close().await;
}

#[derive(Clone, Copy)]
enum Verb {
    Read,
    Write,
}

fn start(core: &Shared, job: Job, ticket: Ticket, under_way: &mpsc::Sender<()>, verb: Verb) {
    let (core, under_way) = (Rc::clone(core), under_way.clone());
    tokio::task::spawn_local(async move {
        match verb {
            Verb::Read => reading::read(&core, job()).await,
            Verb::Write => alone::write(&core, job()).await,
        }
        drop((ticket, under_way));
    });
}

async fn check(core: &Core, statements: &[&'static Statement]) -> Result<(), Error> {
    let deadline = Deadline::after(&core.env, std::time::Duration::from_secs(60));
    let lent = core.pool.lend(deadline).await?;
    for statement in statements {
        lent.link.prepare(statement).await?;
    }
    lent.give_back();
    Ok(())
}

/// A write that waits for its group, and is under way until answered.
struct Queued {
    member: Box<dyn Member>,
    _ticket: Ticket,
    _under_way: mpsc::Sender<()>,
}

impl Member for Queued {
    fn attempt(&self, session: super::Session) -> super::member::Attempt {
        self.member.attempt(session)
    }

    fn deadline(&self) -> Deadline {
        self.member.deadline()
    }

    fn kind(&self) -> std::any::TypeId {
        self.member.kind()
    }

    fn answer(self: Box<Self>, fate: Result<(), Error>) {
        self.member.answer(fate);
    }
}
