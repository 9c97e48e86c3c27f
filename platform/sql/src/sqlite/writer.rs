use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

use super::lock::Lock;
use super::{Session, connection, migrate};
use crate::counters::{Tally, count};
use crate::{Error, Options, Tx};

/// A write that waits for its turn, with the caller that waits for its answer.
pub(crate) trait Job: Send {
    /// Does the work; whether it is to be kept.
    fn run(&mut self, tx: &mut Tx) -> bool;

    /// Tells the caller, once the fate of the whole group is known.
    fn answer(self: Box<Self>, committed: Result<(), Error>);
}

enum Message {
    Write(Box<dyn Job>),
    Close,
}

/// The handle of the thread that writes. Dropping it finishes the queue and waits for the thread.
pub(crate) struct Writer {
    queue: SyncSender<Message>,
    closing: Arc<AtomicBool>,
    commits: watch::Receiver<u64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread, which takes the lock, opens the file and brings its schema up to date.
    pub(crate) async fn start(
        directory: PathBuf,
        options: Options,
        tally: Arc<Tally>,
    ) -> Result<Self, Error> {
        let (queue, messages) = sync_channel(options.queue_max);
        let (commit, commits) = watch::channel(0);
        let (ready, opened) = oneshot::channel();
        let closing = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&closing);
        let thread = std::thread::Builder::new().name(format!("sql-{}", options.name));
        let serve = move || match Group::open(&directory, options, tally, messages, stop, commit) {
            Ok(mut group) => {
                if ready.send(Ok(())).is_ok() {
                    group.serve();
                }
                group.close();
            }
            // The opener may have given up; then nobody needs the reason.
            Err(error) => drop(ready.send(Err(error))),
        };
        let thread = thread.spawn(serve).map_err(|error| Error::ReadOnly { detail: error.to_string() })?;
        opened.await.map_err(|_| Error::Closed)??;
        Ok(Self { queue, closing, commits, thread: Mutex::new(Some(thread)) })
    }

    /// Puts a write in the queue.
    pub(crate) fn submit(&self, job: Box<dyn Job>) -> Result<(), Error> {
        if self.closing.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        self.queue.try_send(Message::Write(job)).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::Overloaded,
            TrySendError::Disconnected(_) => Error::Closed,
        })
    }

    /// Counts the groups that were durable and asked to wake.
    pub(crate) fn commits(&self) -> watch::Receiver<u64> {
        self.commits.clone()
    }

    /// Refuses new writes, finishes the queue and waits until the file is closed.
    pub(crate) async fn close(&self) {
        self.stop();
        let mut commits = self.commits.clone();
        // The thread drops its end last, after the lock is free.
        while commits.changed().await.is_ok() {}
    }

    fn stop(&self) {
        self.closing.store(true, Ordering::Release);
        // If the queue is full the thread is busy and sees the flag after its next group.
        let _ = self.queue.try_send(Message::Close);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // The last handle may be dropped by a write itself, on the thread that would be waited for.
        if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
            tracing::error!("the thread that writes had panicked");
        }
    }
}

/// The thread's side: gathers the writes that wait into one transaction, each under a savepoint of its own.
struct Group {
    tx: Tx,
    messages: Receiver<Message>,
    closing: Arc<AtomicBool>,
    done: Vec<Box<dyn Job>>,
    options: Options,
    tally: Arc<Tally>,
    // Fields drop in this order: the connection above, then the lock, then the sign that all is over.
    _lock: Lock,
    commit: watch::Sender<u64>,
}

impl Group {
    fn open(
        directory: &Path,
        options: Options,
        tally: Arc<Tally>,
        messages: Receiver<Message>,
        closing: Arc<AtomicBool>,
        commit: watch::Sender<u64>,
    ) -> Result<Self, Error> {
        let lock = Lock::take(directory, options.name)?;
        let mut connection = connection::open_writer(directory, &options)?;
        migrate::migrate(&mut connection, options.name, options.migrations, &options.env)?;
        let session = Session::new(connection, options.env.clone(), Arc::clone(&tally));
        let done = Vec::with_capacity(options.group_max);
        Ok(Self { tx: Tx::new(session.into()), messages, closing, done, options, tally, _lock: lock, commit })
    }

    fn serve(&mut self) {
        while !self.closing.load(Ordering::Acquire) {
            match self.messages.recv() {
                Ok(Message::Write(job)) => self.write(job),
                Ok(Message::Close) | Err(_) => break,
            }
        }
        // What was accepted before the close is finished.
        while let Some(job) = self.next() {
            self.write(job);
        }
    }

    /// Runs `first` and those that wait behind it as one transaction, then answers them all.
    fn write(&mut self, first: Box<dyn Job>) {
        let committed = self.gather(first).and_then(|kept| if kept { self.commit() } else { Ok(()) });
        self.roll_back();
        if let (true, Ok(())) = (self.tx.take_wake(), &committed) {
            self.commit.send_modify(|commits| *commits += 1);
        }
        for job in self.done.drain(..) {
            job.answer(committed.clone());
        }
    }

    /// Whether any of the group is to be kept.
    ///
    /// # Errors
    /// The transaction was lost: nothing of the group is kept.
    fn gather(&mut self, first: Box<dyn Job>) -> Result<bool, Error> {
        let started = self.options.env.now();
        let mut kept = false;
        let mut next = Some(first);
        let mut begun = self.tx.sqlite().control("begin immediate");
        while let Some(mut job) = next.take() {
            let ran = begun.and_then(|()| self.run(&mut *job));
            self.done.push(job);
            kept |= ran?;
            begun = Ok(());
            let late = self.options.env.now().since(started) >= self.options.group_time;
            if !late && self.done.len() < self.options.group_max {
                next = self.next();
            }
        }
        Ok(kept)
    }

    fn next(&mut self) -> Option<Box<dyn Job>> {
        loop {
            match self.messages.try_recv() {
                Ok(Message::Write(job)) => return Some(job),
                // The flag is set before the message is sent.
                Ok(Message::Close) => {}
                Err(_) => return None,
            }
        }
    }

    /// Runs one write; whether it is to be kept.
    ///
    /// # Errors
    /// The engine lost the transaction, and with it the whole group.
    fn run(&mut self, job: &mut dyn Job) -> Result<bool, Error> {
        count(&self.tally.writes);
        let woken = self.tx.take_wake();
        self.tx.sqlite().control("savepoint write")?;
        let kept = job.run(&mut self.tx);
        let wake = self.tx.take_wake();
        if woken || (kept && wake) {
            self.tx.wake();
        }
        let session = self.tx.sqlite();
        if !session.in_transaction() {
            let lost = Error::Corrupt { detail: "the engine ended the transaction".to_owned() };
            return Err(session.failed().unwrap_or(lost));
        }
        if !kept {
            count(&self.tally.rollbacks);
            session.control("rollback to write")?;
        }
        session.control("release write")?;
        Ok(kept)
    }

    fn commit(&mut self) -> Result<(), Error> {
        self.tx.sqlite().control("commit")?;
        count(&self.tally.commits);
        Ok(())
    }

    /// Ends what a failure left open; after a commit there is nothing.
    fn roll_back(&mut self) {
        let session = self.tx.sqlite();
        if session.in_transaction()
            && let Err(error) = session.control("rollback")
        {
            tracing::error!(%error, database = self.options.name, "rollback failed");
        }
    }

    /// Moves the log into the file, so that the next start finds little to do.
    fn close(mut self) {
        let checkpoint = "pragma wal_checkpoint(truncate)";
        let moved = self.tx.sqlite().connection().query_row(checkpoint, [], |_| Ok(()));
        if let Err(error) = moved {
            tracing::warn!(%error, database = self.options.name, "the log stays for the next start");
        }
    }
}
