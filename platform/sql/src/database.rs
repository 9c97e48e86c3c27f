use std::sync::Arc;

use shoal_types::{Context, Deadline, Env};
use tokio::sync::{oneshot, watch};

use crate::counters::Tally;
use crate::postgres::{Postgres, Reads, Writes};
use crate::sqlite::{Job, Readers, Writer, complete};
use crate::testing::{Place, Tracer};
use crate::{
    Batch, BatchOutcome, Counters, Engine, Error, Migration, Options, ReadTx, Source, Statement, Tx,
};

/// The data of one house. A handle is cheap to clone; the last one dropped closes the database and waits for it,
/// which [`Database::close`] does without blocking the thread.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    name: &'static str,
    tally: Arc<Tally>,
    tracer: Arc<Tracer>,
    // Fields drop in this order: the engine, then the place it was in.
    engine: Opened,
    _place: Option<Place>,
}

/// The engine at work.
enum Opened {
    // Fields drop in this order: readers first, then the writer, which waits for its thread.
    Sqlite { readers: Box<Readers>, writer: Writer },
    Postgres(Postgres),
}

impl Database {
    /// Opens the database, makes it if absent, and applies the migrations it lacks.
    ///
    /// # Errors
    /// `AlreadyOpen` if a process has its file open; `NewerSchema`, `ChangedMigration`; `ReadOnly`, `Full`, `Corrupt`;
    /// `Unavailable`, `Tls`, `Denied`, `NoDatabase`.
    pub async fn open(options: Options) -> Result<Self, Error> {
        Self::build(options, None).await
    }

    /// A database of its own for a test, on the engine under test, gone when the last handle is dropped. It does not
    /// wait for the disk.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn temporary(
        name: &'static str,
        migrations: &'static [Migration],
        env: &Env,
    ) -> Result<Self, Error> {
        let place = Place::migrated(&[(name, migrations)], env).await?;
        let options = place.options(name, migrations, env);
        Self::build(options, Some(place)).await
    }

    async fn build(options: Options, place: Option<Place>) -> Result<Self, Error> {
        let tally = Arc::new(Tally::default());
        let name = options.name;
        let engine = match options.source.clone() {
            Source::Directory(directory) => {
                let writer = Writer::start(directory.clone(), options.clone(), Arc::clone(&tally)).await?;
                let readers = Box::new(Readers::new(&directory, options, Arc::clone(&tally)));
                Opened::Sqlite { readers, writer }
            }
            Source::Postgres(server) => {
                Opened::Postgres(Postgres::start(options, server, Arc::clone(&tally)).await?)
            }
        };
        Ok(Self { inner: Arc::new(Inner { name, tally, tracer: Arc::default(), engine, _place: place }) })
    }

    /// The engine that holds it.
    pub fn engine(&self) -> Engine {
        match &self.inner.engine {
            Opened::Sqlite { .. } => Engine::Sqlite,
            Opened::Postgres(_) => Engine::Postgres,
        }
    }

    /// The house's name.
    pub fn name(&self) -> &'static str {
        self.inner.name
    }

    /// Runs `body` on one snapshot of the data, which holds every write answered before.
    ///
    /// The body awaits nothing but `tx` and has no other effect: it may be run more than once.
    ///
    /// # Errors
    /// The body's, or `DeadlineExceeded`, `Closed`, or what the engine answers.
    pub async fn read<T, E, F>(&self, cx: &Context, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: AsyncFn(&mut ReadTx) -> Result<T, E> + Send + 'static,
    {
        let (name, tracer) = (self.inner.name, Arc::clone(&self.inner.tracer));
        let body = async move |tx: &mut ReadTx| {
            tx.note_steps(tracer.begin());
            let value = body(tx).await?;
            tracer.end(name, false, tx.note_steps(None));
            Ok(value)
        };
        match &self.inner.engine {
            Opened::Sqlite { readers, .. } => readers.read(cx.deadline, body).await,
            Opened::Postgres(postgres) => postgres.read(Reads(body), cx.deadline).await,
        }
    }

    /// Runs `body` as one transaction and answers once it is durable. An error rolls all of it back.
    ///
    /// The body awaits nothing but `tx`, and has no other effect: it may be run more than once. If the caller goes away
    /// the transaction still happens, or not, as a whole.
    ///
    /// # Errors
    /// The body's, or `DeadlineExceeded`, `Overloaded`, `Full`, `ReadOnly`, `Unavailable`, `OutcomeUnknown`, `Closed`,
    /// or what the engine answers.
    pub async fn write<T, E, F>(&self, cx: &Context, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        self.change(cx, body, false).await
    }

    /// As [`Database::write`], but on PostgreSQL the transaction is shared with other callers', so that many share its
    /// flights and its commit. (On SQLite every write is grouped, each as if it were alone.)
    ///
    /// For short bodies that are right at read committed even if no lock is held between their statements: each
    /// decision is guarded in the statement that acts on it, and what follows touches rows of the same key only. Bodies
    /// of a group see each other's writes; if one fails after it wrote, the group is undone and run again without it.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn write_grouped<T, E, F>(&self, cx: &Context, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        self.change(cx, body, true).await
    }

    async fn change<T, E, F>(&self, cx: &Context, body: F, grouped: bool) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        let (name, tracer) = (self.inner.name, Arc::clone(&self.inner.tracer));
        let body = async move |tx: &mut Tx| {
            tx.note_steps(tracer.begin());
            let value = body(tx).await?;
            tracer.end(name, true, tx.note_steps(None));
            Ok(value)
        };
        match &self.inner.engine {
            Opened::Sqlite { writer, .. } => {
                let (reply, answer) = oneshot::channel();
                let job = Write { body, deadline: cx.deadline, result: None, reply };
                writer.submit(Box::new(job))?;
                answer.await.map_err(|_| Error::Closed)?
            }
            Opened::Postgres(postgres) => postgres.write(Writes(body), cx.deadline, grouped).await,
        }
    }

    /// Runs the statements of `batch` as one transaction, grouped with others, and answers once it is durable.
    ///
    /// # Errors
    /// `GuardFailed` names the first statement whose row count was not the one wanted, `Constraint` a rule of the
    /// schema; nothing of the batch happened. Else as [`Database::write`].
    pub async fn batch(&self, cx: &Context, batch: Batch) -> Result<BatchOutcome, Error> {
        self.write_grouped(cx, async move |tx| tx.run(&batch).await).await
    }

    /// Changes whenever writes that called [`Tx::wake`] became durable; fails once the database is closed.
    pub fn on_commit(&self) -> watch::Receiver<u64> {
        match &self.inner.engine {
            Opened::Sqlite { writer, .. } => writer.commits(),
            Opened::Postgres(postgres) => postgres.commits(),
        }
    }

    /// Where its transactions are noted for tests.
    pub(crate) fn tracer(&self) -> &Arc<Tracer> {
        &self.inner.tracer
    }

    /// What it has done since it was opened.
    pub fn counters(&self) -> Counters {
        self.inner.tally.snapshot()
    }

    /// Prepares each statement on this engine without running it. A test of each house calls it with `sql::ALL`.
    ///
    /// # Errors
    /// `Statement` names the first that the engine refuses.
    pub async fn check(&self, statements: &[&'static Statement]) -> Result<(), Error> {
        match &self.inner.engine {
            Opened::Sqlite { readers, .. } => readers.check(statements),
            Opened::Postgres(postgres) => postgres.check(statements).await,
        }
    }

    /// Refuses new work, finishes the writes that wait, and lets go of the file, its log moved into it, or of the
    /// connections.
    /// Safe to repeat.
    pub async fn close(&self) {
        match &self.inner.engine {
            Opened::Sqlite { readers, writer } => {
                readers.close();
                writer.close().await;
            }
            Opened::Postgres(postgres) => postgres.close().await,
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

/// A body on its way to the thread that writes the file.
struct Write<T, E, F> {
    body: F,
    deadline: Deadline,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Write<T, E, F>
where
    E: From<Error>,
    F: AsyncFn(&mut Tx) -> Result<T, E>,
{
    fn attempt(&self, tx: &mut Tx) -> Result<T, E> {
        tx.sqlite().start(self.deadline)?;
        let value = complete((self.body)(tx))?;
        // A body may have passed over the failure of a statement.
        match tx.failed() {
            Some(error) => Err(error.into()),
            None => Ok(value),
        }
    }
}

impl<T, E, F> Job for Write<T, E, F>
where
    T: Send,
    E: From<Error> + Send,
    F: AsyncFn(&mut Tx) -> Result<T, E> + Send,
{
    fn run(&mut self, tx: &mut Tx) -> bool {
        self.result.insert(self.attempt(tx)).is_ok()
    }

    fn answer(self: Box<Self>, committed: Result<(), Error>) {
        let result = match (self.result, committed) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            // Its own error tells the caller more than what became of the others.
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Error::Closed.into()),
        };
        // A caller that went away needs no answer.
        let _ = self.reply.send(result);
    }
}
