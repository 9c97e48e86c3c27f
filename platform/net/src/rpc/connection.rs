use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use shoal_types::{Fact, Fault};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::frame::Frame;
use super::link::{FrameReader, IN_FLIGHT_MAX, QUEUE_LEN, greet, write_frames};
use super::pulse::{Beat, Heard, Pulse, Watched};
use super::target::Target;
use super::transport::Io;

/// The client's end of a connection. Dropping the last handle closes it.
pub(super) struct Connection {
    frames: mpsc::Sender<Frame>,
    waiting: Arc<Waiting>,
    heard: Arc<Heard>,
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

impl Outcome {
    /// Why the attempt failed, if it did.
    pub(super) fn code(&self) -> Option<&'static str> {
        match self {
            Self::Answered(Ok(_)) => None,
            Self::Answered(Err(fault)) | Self::Refused(fault) => Some(fault.code()),
            Self::NotSent => Some("not_sent"),
            Self::Lost => Some("lost"),
        }
    }
}

impl Connection {
    /// Greets the peer, who is `target`, and starts to read what it sends.
    pub(super) async fn open(io: Box<dyn Io>, target: Target) -> io::Result<Self> {
        let (mut io, heard) = Watched::new(io);
        greet(&mut io).await?;
        let (read, write) = tokio::io::split(io);
        let (frames, queue) = mpsc::channel(QUEUE_LEN);
        let waiting = Arc::new(Waiting::default());
        let writing = tokio::spawn(write_frames(write, queue));
        let answers = Answers { waiting: waiting.clone(), heard: heard.clone(), frames: frames.downgrade() };
        tokio::spawn(async move {
            if let Err(error) = answers.hand_out(FrameReader::new(read)).await {
                let Target { node, address } = target;
                tracing::warn!(%node, %address, %error, "lost the connection to a node");
            }
            answers.waiting.close();
            writing.abort();
        });
        Ok(Self { frames, waiting, heard, ids: AtomicU64::new(1) })
    }

    /// Whether a call may be sent.
    pub(super) fn is_open(&self) -> bool {
        !self.frames.is_closed() && !self.waiting.going_away.load(Ordering::Relaxed)
    }

    /// Whether calls wait and the peer has not even answered a ping yet.
    pub(super) fn is_silent(&self) -> bool {
        self.waiting.silent.load(Ordering::Relaxed)
    }

    /// When the peer last gave a sign of life.
    pub(super) fn heard_at(&self) -> Instant {
        self.heard.at()
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
    /// The node was asked whether it lives and has not answered.
    silent: AtomicBool,
    /// Wakes the reader that dozes.
    begun: Notify,
}

#[derive(Default)]
struct Calls {
    by_id: HashMap<u64, oneshot::Sender<Outcome>>,
    closed: bool,
    /// The reader looks at the peer's silence seldom, as nobody waits; the first call wakes it.
    dozing: bool,
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
        if std::mem::take(&mut calls.dozing) {
            self.begun.notify_one();
        }
        Ok(receiver)
    }

    /// Whether calls wait. If none does, the next one wakes the reader.
    fn is_busy(&self) -> bool {
        let mut calls = self.lock();
        calls.dozing = calls.by_id.is_empty();
        !calls.dozing
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

/// What comes from the peer.
struct Answers {
    waiting: Arc<Waiting>,
    heard: Arc<Heard>,
    frames: mpsc::WeakSender<Frame>,
}

impl Answers {
    /// Hands out answers until the peer closes, breaks off or stays silent.
    async fn hand_out<R: Io>(&self, mut reader: FrameReader<R>) -> io::Result<()> {
        let mut pulse = Pulse::default();
        let mut look = std::pin::pin!(sleep_until(self.look(&mut pulse)?));
        loop {
            tokio::select! {
                // What has come is read first: after a pause of this process it is no silence of the peer.
                biased;
                frame = reader.next() => {
                    let Some(frame) = frame? else { return Ok(()) };
                    self.waiting.silent.store(false, Ordering::Relaxed);
                    self.take(frame)?;
                    if self.waiting.is_over() {
                        return Ok(());
                    }
                }
                () = &mut look => look.as_mut().reset(self.look(&mut pulse)?),
                () = self.waiting.begun.notified() => look.as_mut().reset(self.look(&mut pulse)?),
            }
        }
    }

    fn take(&self, frame: Frame) -> io::Result<()> {
        match frame {
            Frame::Answer { id, body } => self.waiting.answer(id, Outcome::Answered(Ok(body))),
            Frame::Failed { id, fault } => self.waiting.answer(id, Outcome::Answered(Err(fault))),
            Frame::Refused { id, fault } => self.waiting.answer(id, Outcome::Refused(fault)),
            Frame::GoAway => self.waiting.going_away.store(true, Ordering::Relaxed),
            Frame::Pong => {}
            Frame::Call { .. } | Frame::Cancel { .. } | Frame::Ping => {
                return Err(io::Error::other("the node sent a frame that only clients send"));
            }
        }
        Ok(())
    }

    /// Asks a silent peer whether it lives. When to look again.
    fn look(&self, pulse: &mut Pulse) -> io::Result<Instant> {
        let busy = self.waiting.is_busy();
        let heard_at = self.heard.at();
        match pulse.beat(Instant::now(), heard_at, busy) {
            Beat::Wait(until) => Ok(until),
            Beat::Ask(until) => {
                if let Some(frames) = self.frames.upgrade() {
                    // A full queue is being written: that is a sign of life to come, or of a write that blocks.
                    let _ = frames.try_send(Frame::Ping);
                }
                self.waiting.silent.store(busy, Ordering::Relaxed);
                Ok(until)
            }
            Beat::Dead => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}
