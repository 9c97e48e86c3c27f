use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tantivy::IndexReader;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

use crate::bulk::BulkLoad;
use crate::feed::{self, CHANGES_MAX, Command};
use crate::schema::Schema;
use crate::search::search;
use crate::writer::Writer;
use crate::{Change, Error, Hits, Query, storage};

/// Searches that run at the same time.
const SEARCHES_MAX: usize = 4;
/// Searches that run or wait.
const SEARCHES_WAITING_MAX: usize = 256;
/// Steps of a bulk load that wait.
const BULK_STEPS_MAX: usize = 2;

/// Where an index is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In memory, gone with the process.
    Memory,
    /// In a directory of its own, made if it is absent.
    Directory(PathBuf),
}

/// A full-text index: fed by changes, asked by queries. Cheap to clone; the last one dropped ends its feed.
///
/// The content is a copy of what a house keeps elsewhere. An index of another schema, of another format or with
/// damaged files is emptied when it is opened.
#[derive(Clone)]
pub struct Index {
    schema: Schema,
    reader: IndexReader,
    commands: mpsc::Sender<Command>,
    checkpoint: watch::Receiver<Option<String>>,
    closing: Arc<AtomicBool>,
    /// Ends the pause between two commits.
    hurry: Arc<Notify>,
    /// One for each change that may wait.
    places: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("checkpoint", &*self.checkpoint.borrow()).finish_non_exhaustive()
    }
}

impl Index {
    /// Opens the index at `place`, or makes an empty one, and starts its feed on this runtime.
    ///
    /// # Errors
    /// If the directory cannot be read and written.
    pub async fn open(place: Place, schema: Schema) -> Result<Self, Error> {
        let own = schema.clone();
        let opened = tokio::task::spawn_blocking(move || storage::open(&place, &own));
        let opened = opened.await.map_err(|_| Error::internal("the index could not be opened"))??;
        let writer = Writer::new(opened, schema.clone());
        let reader = writer.reader().clone();
        let (publish, checkpoint) = watch::channel(writer.checkpoint().map(str::to_owned));
        let (commands, received) = mpsc::channel(CHANGES_MAX);
        let (closing, hurry) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        tokio::spawn(feed::run(writer, received, publish, closing.clone(), hurry.clone()));
        Ok(Self {
            schema,
            reader,
            commands,
            checkpoint,
            closing,
            hurry,
            places: Arc::new(Semaphore::new(CHANGES_MAX)),
            waiting: Arc::new(Semaphore::new(SEARCHES_WAITING_MAX)),
            running: Arc::new(Semaphore::new(SEARCHES_MAX)),
        })
    }

    /// The position that the searchable documents were fed up to, as given with the last commit. Nothing if the index
    /// is new or was emptied.
    pub fn checkpoint(&self) -> Option<String> {
        self.checkpoint.borrow().clone()
    }

    /// Whether the owner has to feed everything, with [`Index::bulk`].
    pub fn rebuild_needed(&self) -> bool {
        self.checkpoint.borrow().is_none()
    }

    /// How many documents can be found.
    pub fn len(&self) -> usize {
        let live = tantivy::Term::from_field_bool(self.schema.live(), true);
        let query = tantivy::query::TermQuery::new(live, tantivy::schema::IndexRecordOption::Basic);
        self.reader.searcher().search(&query, &tantivy::collector::Count).unwrap_or(0)
    }

    /// Whether no document can be found.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes changes in, and with them the position they end at. They are searchable within about 200 ms and on disk
    /// at the same moment; until then a crash loses them and keeps the older checkpoint.
    ///
    /// Idempotent: per key the largest version stands. Waits while too many changes are under way. Writing that fails
    /// is tried again until it succeeds.
    ///
    /// # Errors
    /// `NoSuchField` or `KeyLength` for a change that the schema does not allow (nothing is taken in then), `Closed`.
    pub async fn apply(&self, changes: Vec<Change>, checkpoint: Option<String>) -> Result<(), Error> {
        changes.iter().try_for_each(|change| change.check(&self.schema))?;
        let places = u32::try_from(changes.len().clamp(1, CHANGES_MAX)).unwrap_or(1);
        let place = self.places.clone().acquire_many_owned(places).await.map_err(|_| Error::Closed)?;
        self.send(Command::Apply { changes, checkpoint, place }).await
    }

    /// Waits until everything taken in before is searchable.
    ///
    /// # Errors
    /// Why it could not be written; it is tried again all the same.
    pub async fn flush(&self) -> Result<(), Error> {
        let (done, result) = oneshot::channel();
        self.send(Command::Flush(done)).await?;
        result.await.map_err(|_| Error::Closed)?
    }

    /// As [`Index::flush`], without the pause in which changes gather for one commit: for somebody who waits.
    ///
    /// # Errors
    /// As [`Index::flush`].
    pub async fn flush_now(&self) -> Result<(), Error> {
        let (done, result) = oneshot::channel();
        self.send(Command::Flush(done)).await?;
        // After it is sent, so that the pause it ends is the one before it.
        self.hurry();
        result.await.map_err(|_| Error::Closed)?
    }

    /// Ends the pause in which changes gather, if there is one: somebody waits for them.
    pub fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Starts to replace all documents.
    ///
    /// # Errors
    /// `Closed`.
    pub async fn bulk(&self) -> Result<BulkLoad, Error> {
        let (steps, received) = mpsc::channel(BULK_STEPS_MAX);
        self.send(Command::Bulk(received)).await?;
        Ok(BulkLoad { steps, schema: self.schema.clone() })
    }

    /// Writes what was taken in and gives up the directory. Searches go on; changes are refused.
    ///
    /// # Errors
    /// Why the last changes could not be written; the checkpoint then lies before them.
    pub async fn close(&self) -> Result<(), Error> {
        self.closing.store(true, Ordering::Release);
        let (done, result) = oneshot::channel();
        self.send(Command::Close(done)).await?;
        let result = result.await.map_err(|_| Error::Closed)?;
        self.commands.closed().await;
        result
    }

    /// Answers a query. Any text is allowed; the work is bounded by the limits of [`Query`].
    ///
    /// # Errors
    /// `Overloaded` if too many searches wait; `Engine` if the files cannot be read.
    pub async fn search(&self, query: Query) -> Result<Hits, Error> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Error::Overloaded)?;
        let running = self.running.clone().acquire_owned().await.map_err(|_| Error::Closed)?;
        let (searcher, schema) = (self.reader.searcher(), self.schema.clone());
        let task = tokio::task::spawn_blocking(move || {
            let hits = search(&searcher, &schema, &query);
            drop(running);
            hits
        });
        Ok(task.await.map_err(|_| Error::internal("a search failed"))??)
    }

    async fn send(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).await.map_err(|_| Error::Closed)
    }
}
