//! The task that turns changes into commits: at once when idle, else a few times a second, and no work when there is
//! nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::bulk::{self, BulkStep};
use crate::writer::Writer;
use crate::{Change, Error};

/// Time between two commits, so that changes share one.
const PACE: Duration = Duration::from_millis(150);
/// Time before a failed commit is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Time without changes after which threads and memory are given up.
const IDLE: Duration = Duration::from_secs(5);
/// Changes that wait or are being written; the memory they take is bounded by it.
pub(crate) const CHANGES_MAX: usize = 4_000;
/// Changes worth a commit of their own: the next one follows at once.
const BATCH_FULL: usize = CHANGES_MAX / 2;

/// What an index asks of its feed.
pub(crate) enum Command {
    Apply { changes: Vec<Change>, checkpoint: Option<String>, place: OwnedSemaphorePermit },
    Flush(oneshot::Sender<Result<(), Error>>),
    Bulk(mpsc::Receiver<BulkStep>),
    Close(oneshot::Sender<Result<(), Error>>),
}

/// Changes for one commit, and who waits for it.
#[derive(Default)]
struct Batch {
    changes: Vec<Change>,
    checkpoint: Option<String>,
    /// The changes' places in the queue, given back when the batch is written.
    places: Vec<OwnedSemaphorePermit>,
    waiting: Vec<oneshot::Sender<Result<(), Error>>>,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.checkpoint.is_none()
    }

    fn answer(&mut self, result: &Result<(), Error>) {
        for waiting in self.waiting.drain(..) {
            // Nobody minds an answer that is not waited for any more.
            let _ = waiting.send(result.clone());
        }
    }
}

/// What follows a batch.
enum Next {
    /// More commands, after a pause.
    Commands,
    /// More commands, at once.
    Backlog,
    Bulk(mpsc::Receiver<BulkStep>),
    End,
}

/// Runs until the index is closed or dropped, then writes what is left.
pub(crate) async fn run(
    writer: Writer,
    mut commands: mpsc::Receiver<Command>,
    checkpoint: watch::Sender<Option<String>>,
    closing: Arc<AtomicBool>,
    hurry: Arc<Notify>,
) {
    let mut feed = Feed { writer: Some(writer), checkpoint, closing };
    loop {
        let first = match timeout(IDLE, commands.recv()).await {
            Ok(first) => first,
            Err(_) => {
                feed.release().await;
                commands.recv().await
            }
        };
        let (batch, next) = gather(first, &mut commands);
        feed.commit(batch).await;
        if feed.writer.is_none() {
            break;
        }
        match next {
            // An old hurry makes one pause short, which harms nobody.
            Next::Commands => drop(timeout(PACE, hurry.notified()).await),
            Next::Backlog => {}
            Next::Bulk(steps) => feed.bulk(steps).await,
            Next::End => break,
        }
    }
    feed.release().await;
}

/// Takes what is waiting, up to a full batch or something that needs the commit first.
fn gather(first: Option<Command>, commands: &mut mpsc::Receiver<Command>) -> (Batch, Next) {
    let mut batch = Batch::default();
    let mut command = first;
    loop {
        match command {
            None => return (batch, Next::End),
            Some(Command::Apply { changes, checkpoint, place }) => {
                batch.changes.extend(changes);
                batch.places.push(place);
                batch.checkpoint = checkpoint.or(batch.checkpoint);
            }
            Some(Command::Flush(done)) => batch.waiting.push(done),
            Some(Command::Bulk(steps)) => return (batch, Next::Bulk(steps)),
            Some(Command::Close(done)) => {
                batch.waiting.push(done);
                return (batch, Next::End);
            }
        }
        if batch.changes.len() >= BATCH_FULL {
            return (batch, Next::Backlog);
        }
        command = match commands.try_recv() {
            Ok(command) => Some(command),
            Err(mpsc::error::TryRecvError::Empty) => return (batch, Next::Commands),
            Err(mpsc::error::TryRecvError::Disconnected) => None,
        };
    }
}

struct Feed {
    /// Away only while a blocking thread uses it, and for good if that thread panicked.
    writer: Option<Writer>,
    checkpoint: watch::Sender<Option<String>>,
    /// Set once somebody wants the feed to end.
    closing: Arc<AtomicBool>,
}

impl Feed {
    /// Commits the batch, however often it takes: nothing accepted is lost while the process lives. Whoever waits
    /// hears of the first failure. A feed that is to end stops trying, as a full disk must not keep a node from
    /// stopping.
    async fn commit(&mut self, mut batch: Batch) {
        let mut failures = 0_u32;
        while !batch.is_empty() && self.writer.is_some() {
            let (changes, checkpoint) = (std::mem::take(&mut batch.changes), batch.checkpoint.take());
            let work = move |writer: &mut Writer| {
                let result = writer.commit(&changes, checkpoint.as_deref());
                (result, changes, checkpoint)
            };
            let Some((result, changes, checkpoint)) = self.blocking(work).await else { break };
            batch.answer(&result);
            match result {
                Ok(()) if failures > 0 => tracing::info!(failures, "search index is written again"),
                Ok(()) => {}
                Err(error) => {
                    if failures == 0 {
                        tracing::error!(%error, "search index cannot be written, its changes wait");
                    }
                    failures += 1;
                    (batch.changes, batch.checkpoint) = (changes, checkpoint);
                    if self.closing.load(Ordering::Acquire) || self.checkpoint.is_closed() {
                        return;
                    }
                    sleep(RETRY).await;
                }
            }
        }
        let result = if self.writer.is_some() { Ok(()) } else { Err(Error::Closed) };
        batch.answer(&result);
    }

    async fn bulk(&mut self, steps: mpsc::Receiver<BulkStep>) {
        if let Some(Some((done, result))) = self.blocking(move |writer| bulk::run(writer, steps)).await {
            // Nobody minds an answer that is not waited for any more.
            let _ = done.send(result);
        }
    }

    async fn release(&mut self) {
        if !self.writer.as_ref().is_some_and(Writer::is_active) {
            return;
        }
        if let Some(Err(error)) = self.blocking(Writer::release).await {
            tracing::warn!(%error, "search index could not finish merging");
        }
    }

    /// Runs `work` where it may block and publishes the checkpoint it leaves. Nothing comes back if it panicked, or
    /// an earlier one did.
    async fn blocking<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> T + Send + 'static,
    ) -> Option<T> {
        let mut writer = self.writer.take()?;
        let task = tokio::task::spawn_blocking(move || {
            let value = work(&mut writer);
            (writer, value)
        });
        match task.await {
            Ok((writer, value)) => {
                let checkpoint = writer.checkpoint().map(str::to_owned);
                self.checkpoint.send_if_modified(|known| {
                    let changed = *known != checkpoint;
                    *known = checkpoint;
                    changed
                });
                self.writer = Some(writer);
                Some(value)
            }
            Err(error) => {
                tracing::error!(%error, "search index writer failed");
                None
            }
        }
    }
}
