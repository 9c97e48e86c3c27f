use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use shoal_types::Fault;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::frame::Frame;
use super::link::{FrameReader, IN_FLIGHT_MAX, QUEUE_LEN, greet, write_frames};
use super::transport::Io;

/// After so long without a frame the peer is asked whether it lives.
const PING_AFTER: Duration = Duration::from_secs(5);

/// After so many silent periods it is taken for dead.
const SILENCES_MAX: u32 = 3;

/// The client's end of a connection. Dropping the last handle closes it.
pub(super) struct Connection {
    frames: mpsc::Sender<Frame>,
    waiting: Arc<Waiting>,
    ids: AtomicU64,
}

/// How an attempt to call ended.
pub(super) enum Outcome {
    /// The peer answered.
    Answered(Result<Bytes, Fault>),
    /// The peer has not begun: another may be asked.
    Refused(Fault),
    /// The connection was closed before the call left.
    NotSent,
    /// The connection broke after the call left.
    Lost,
}

impl Connection {
    /// Greets the peer and starts to read what it sends.
    pub(super) async fn open(mut io: Box<dyn Io>) -> io::Result<Self> {
        greet(&mut io).await?;
        let (read, write) = tokio::io::split(io);
        let (frames, queue) = mpsc::channel(QUEUE_LEN);
        let waiting = Arc::new(Waiting::default());
        let writing = tokio::spawn(write_frames(write, queue));
        let (own, pings) = (waiting.clone(), frames.downgrade());
        tokio::spawn(async move {
            if let Err(error) = read_answers(FrameReader::new(read), &own, &pings).await {
                tracing::warn!(%error, "lost the connection to a node");
            }
            own.close();
            writing.abort();
        });
        Ok(Self { frames, waiting, ids: AtomicU64::new(1) })
    }

    /// Whether a call may be sent.
    pub(super) fn is_open(&self) -> bool {
        !self.frames.is_closed() && !self.waiting.going_away.load(Ordering::Relaxed)
    }

    pub(super) async fn call(&self, header: Bytes, body: Bytes) -> Outcome {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let answer = match self.waiting.enter(id) {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        // From here on the guard tells the peer if nobody waits any more.
        let mut guard = CancelGuard { connection: self, id, sent: false };
        if self.frames.send(Frame::Call { id, header, body }).await.is_err() {
            return Outcome::NotSent;
        }
        guard.sent = true;
        answer.await.unwrap_or(Outcome::Lost)
    }
}

struct CancelGuard<'c> {
    connection: &'c Connection,
    id: u64,
    sent: bool,
}

impl Drop for CancelGuard<'_> {
    fn drop(&mut self) {
        let unanswered = self.connection.waiting.leave(self.id).is_some();
        if unanswered && self.sent {
            // If the queue is full the peer works until the deadline, which is all a lost cancel costs.
            let _ = self.connection.frames.try_send(Frame::Cancel { id: self.id });
        }
    }
}

/// The calls that wait for an answer.
#[derive(Default)]
struct Waiting {
    calls: Mutex<Calls>,
    /// The node takes no further calls.
    going_away: AtomicBool,
}

#[derive(Default)]
struct Calls {
    by_id: HashMap<u64, oneshot::Sender<Outcome>>,
    closed: bool,
}

impl Waiting {
    fn enter(&self, id: u64) -> Result<oneshot::Receiver<Outcome>, Outcome> {
        let mut calls = self.lock();
        if calls.closed {
            return Err(Outcome::NotSent);
        }
        if calls.by_id.len() >= IN_FLIGHT_MAX {
            return Err(Outcome::Refused(Fault::Overloaded {}));
        }
        let (sender, receiver) = oneshot::channel();
        calls.by_id.insert(id, sender);
        Ok(receiver)
    }

    fn leave(&self, id: u64) -> Option<oneshot::Sender<Outcome>> {
        self.lock().by_id.remove(&id)
    }

    fn answer(&self, id: u64, outcome: Outcome) {
        // Without a sender the caller has gone: its answer and our cancel crossed.
        if let Some(sender) = self.leave(id) {
            let _ = sender.send(outcome);
        }
    }

    /// Closes once the node goes away and the last call has its answer.
    fn is_over(&self) -> bool {
        if !self.going_away.load(Ordering::Relaxed) {
            return false;
        }
        let mut calls = self.lock();
        calls.closed |= calls.by_id.is_empty();
        calls.closed
    }

    /// Wakes all that wait: their senders are dropped.
    fn close(&self) {
        let mut calls = self.lock();
        calls.closed = true;
        calls.by_id.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        // Nothing that holds the lock can panic half-way.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands out answers until the peer closes, breaks off or stays silent.
async fn read_answers<R: Io>(
    mut reader: FrameReader<R>,
    waiting: &Waiting,
    frames: &mpsc::WeakSender<Frame>,
) -> io::Result<()> {
    let mut silences = 0;
    loop {
        let Ok(frame) = timeout(PING_AFTER, reader.next()).await else {
            silences += 1;
            if silences == SILENCES_MAX {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let Some(frames) = frames.upgrade() else { return Ok(()) };
            // A full queue is being written: that is a sign of life to come, or of a write timeout.
            let _ = frames.try_send(Frame::Ping);
            continue;
        };
        silences = 0;
        match frame? {
            None => return Ok(()),
            Some(Frame::Answer { id, body }) => waiting.answer(id, Outcome::Answered(Ok(body))),
            Some(Frame::Failed { id, fault }) => waiting.answer(id, Outcome::Answered(Err(fault))),
            Some(Frame::Refused { id, fault }) => waiting.answer(id, Outcome::Refused(fault)),
            Some(Frame::GoAway) => waiting.going_away.store(true, Ordering::Relaxed),
            Some(Frame::Pong) => {}
            Some(Frame::Call { .. } | Frame::Cancel { .. } | Frame::Ping) => {
                return Err(io::Error::other("the node sent a frame that only clients send"));
            }
        }
        if waiting.is_over() {
            return Ok(());
        }
    }
}
