use std::path::PathBuf;
use std::sync::Arc;

use shoal_types::{Context, Deadline, Env};
use tokio::sync::{oneshot, watch};

use crate::counters::Tally;
use crate::sqlite::{Job, Readers, Writer, complete};
use crate::{Batch, BatchOutcome, Counters, Durability, Error, Migration, Options, ReadTx, Statement, Tx};

/// The data of one house. A handle is cheap to clone; the last one dropped closes the database and waits for it,
/// which [`Database::close`] does without blocking the thread.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    name: &'static str,
    tally: Arc<Tally>,
    // Fields drop in this order: readers first, then the writer, which waits for its thread, then the folder.
    readers: Readers,
    writer: Writer,
    _folder: Option<TemporaryFolder>,
}

impl Database {
    /// Opens the database, makes it if absent, and applies the migrations it lacks.
    ///
    /// # Errors
    /// `AlreadyOpen` if a process has it open; `NewerSchema`, `ChangedMigration`; `ReadOnly`, `Full`, `Corrupt`.
    pub async fn open(options: Options) -> Result<Self, Error> {
        Self::build(options, None).await
    }

    /// A database of its own for a test, gone when the last handle is dropped. It does not wait for the disk.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub async fn temporary(
        name: &'static str,
        migrations: &'static [Migration],
        env: &Env,
    ) -> Result<Self, Error> {
        let folder = TemporaryFolder::new(name, env);
        let options = Options::new(&folder.0, name, migrations, env.clone());
        Self::build(Options { durability: Durability::Process, ..options }, Some(folder)).await
    }

    async fn build(options: Options, folder: Option<TemporaryFolder>) -> Result<Self, Error> {
        let tally = Arc::new(Tally::default());
        let writer = Writer::start(options.clone(), Arc::clone(&tally)).await?;
        let name = options.name;
        let readers = Readers::new(options, Arc::clone(&tally));
        Ok(Self { inner: Arc::new(Inner { name, tally, readers, writer, _folder: folder }) })
    }

    /// The house's name.
    pub fn name(&self) -> &'static str {
        self.inner.name
    }

    /// Runs `body` on one snapshot of the data, which holds every write answered before.
    ///
    /// The body awaits nothing but `tx`. On SQLite it runs on the caller's thread.
    ///
    /// # Errors
    /// The body's, or `DeadlineExceeded`, `Closed`, or what the engine answers.
    pub async fn read<T, E, F>(&self, cx: &Context, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: AsyncFn(&mut ReadTx) -> Result<T, E> + Send + 'static,
    {
        self.inner.readers.read(cx.deadline, body).await
    }

    /// Runs `body` as one transaction and answers once it is durable. An error rolls all of it back.
    ///
    /// The body awaits nothing but `tx`, and has no other effect: an engine may run it more than once. If the
    /// caller goes away the transaction still happens, or not, as a whole.
    ///
    /// # Errors
    /// The body's, or `DeadlineExceeded`, `Overloaded`, `Full`, `ReadOnly`, `Closed`, or what the engine answers.
    pub async fn write<T, E, F>(&self, cx: &Context, body: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Write { body, deadline: cx.deadline, result: None, reply };
        self.inner.writer.submit(Box::new(job))?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Runs the statements of `batch` as one transaction and answers once it is durable.
    ///
    /// # Errors
    /// `GuardFailed` names the first statement whose row count was not the one wanted, `Constraint` a rule of the
    /// schema; nothing of the batch happened. Else as [`Database::write`].
    pub async fn batch(&self, cx: &Context, batch: Batch) -> Result<BatchOutcome, Error> {
        self.write(cx, async move |tx| tx.run(&batch).await).await
    }

    /// Changes whenever writes that called [`Tx::wake`] became durable; fails once the database is closed.
    pub fn on_commit(&self) -> watch::Receiver<u64> {
        self.inner.writer.commits()
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
        self.inner.readers.check(statements)
    }

    /// Refuses new work, finishes the writes that wait, moves the log into the file and lets go of the lock.
    /// Safe to repeat.
    pub async fn close(&self) {
        self.inner.readers.close();
        self.inner.writer.close().await;
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("name", &self.inner.name).finish_non_exhaustive()
    }
}

/// A body on its way to the thread that writes.
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
        tx.session().start(self.deadline)?;
        let value = complete((self.body)(tx))?;
        // A body may have passed over the failure of a statement.
        match tx.session().failed() {
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

/// A folder that is removed with all in it when dropped.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new(name: &str, env: &Env) -> Self {
        let mut random = [0_u8; 8];
        env.rng().fill(&mut random);
        let unique = format!("shoal-{name}-{}-{:016x}", std::process::id(), u64::from_le_bytes(random));
        Self(std::env::temp_dir().join(unique))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "temporary folder stays");
        }
    }
}
