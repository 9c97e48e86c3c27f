use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::transport::Io;

/// Silence after which a peer is asked whether it lives, and after which more it is given up: while calls wait for it,
/// and while none does. A dead peer costs a waiting call a second and a half; an idle connection costs two packets in ten
/// seconds.
const BUSY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(1));
const IDLE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(10));

/// What to do about a peer's silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing before then.
    Wait(Instant),
    /// Ask whether it lives, and look again then.
    Ask(Instant),
    /// Give it up.
    Dead,
}

/// Decides when a silent peer is asked and when it is given up. Pure: it is told the time.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    asked_at: Option<Instant>,
    busy_since: Option<Instant>,
}

impl Pulse {
    /// `heard_at` is when the last sign of life came, `busy` whether calls wait for an answer.
    pub(super) fn beat(&mut self, now: Instant, heard_at: Instant, busy: bool) -> Beat {
        self.asked_at = self.asked_at.filter(|asked| *asked > heard_at);
        self.busy_since = if busy { self.busy_since.or(Some(now)) } else { None };
        let (ask_after, give_up_after) = if busy { BUSY } else { IDLE };
        // A peer that nobody needed is not to blame for the time before.
        let since = |at: Instant| self.busy_since.map_or(at, |busy| busy.max(at));
        let Some(asked) = self.asked_at else {
            let ask_at = since(heard_at) + ask_after;
            if now < ask_at {
                return Beat::Wait(ask_at);
            }
            self.asked_at = Some(now);
            return Beat::Ask(now + give_up_after);
        };
        let dead_at = since(asked) + give_up_after;
        if now < dead_at { Beat::Wait(dead_at) } else { Beat::Dead }
    }
}

/// When a stream last gave a sign of life.
#[derive(Debug)]
pub(super) struct Heard {
    began: Instant,
    after_ns: AtomicU64,
}

impl Heard {
    fn new() -> Self {
        Self { began: Instant::now(), after_ns: AtomicU64::new(0) }
    }

    pub(super) fn at(&self) -> Instant {
        self.began + Duration::from_nanos(self.after_ns.load(Ordering::Relaxed))
    }

    fn now(&self) {
        let after_ns = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.after_ns.store(after_ns, Ordering::Relaxed);
    }
}

/// A stream that notes its peer's signs of life: bytes that come, and a full send buffer that has room again. Bytes, not
/// frames: a large answer over a slow link is no silence.
pub(super) struct Watched<I> {
    io: I,
    heard: Arc<Heard>,
    full: bool,
}

impl<I: Io> Watched<I> {
    pub(super) fn new(io: I) -> (Self, Arc<Heard>) {
        let heard = Arc::new(Heard::new());
        (Self { io, heard: heard.clone(), full: false }, heard)
    }

    fn noted<T>(&mut self, written: Poll<T>) -> Poll<T> {
        if written.is_ready() && self.full {
            self.heard.now();
        }
        self.full = written.is_pending();
        written
    }
}

impl<I: Io> AsyncRead for Watched<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let before = into.filled().len();
        ready!(Pin::new(&mut own.io).poll_read(cx, into))?;
        if into.filled().len() > before {
            own.heard.now();
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: Io> AsyncWrite for Watched<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let own = self.get_mut();
        let written = Pin::new(&mut own.io).poll_write(cx, bytes);
        own.noted(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        let flushed = Pin::new(&mut own.io).poll_flush(cx);
        own.noted(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_given_up_a_second_and_a_half_after_a_call_met_silence() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pulse = Pulse::default();
        assert_eq!(pulse.beat(at(0), at(0), false), Beat::Wait(at(10_000)));
        assert_eq!(pulse.beat(at(7_000), at(0), true), Beat::Wait(at(7_500)), "a call begins");
        assert_eq!(pulse.beat(at(7_500), at(0), true), Beat::Ask(at(8_500)));
        assert_eq!(pulse.beat(at(8_499), at(0), true), Beat::Wait(at(8_500)));
        assert_eq!(pulse.beat(at(8_500), at(0), true), Beat::Dead);
    }

    #[test]
    fn a_sign_of_life_starts_the_silence_anew() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pulse = Pulse::default();
        assert_eq!(pulse.beat(at(0), at(0), true), Beat::Wait(at(500)));
        assert_eq!(pulse.beat(at(500), at(300), true), Beat::Wait(at(800)));
        assert_eq!(pulse.beat(at(800), at(300), true), Beat::Ask(at(1_800)));
        assert_eq!(
            pulse.beat(at(1_800), at(801), true),
            Beat::Ask(at(2_800)),
            "it answered and is silent again"
        );
    }

    #[test]
    fn an_idle_peer_is_asked_now_and_then_and_a_call_shortens_its_time() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pulse = Pulse::default();
        assert_eq!(pulse.beat(at(10_000), at(0), false), Beat::Ask(at(20_000)));
        assert_eq!(pulse.beat(at(12_000), at(0), true), Beat::Wait(at(13_000)));
        assert_eq!(pulse.beat(at(12_500), at(0), false), Beat::Wait(at(20_000)));
        assert_eq!(pulse.beat(at(20_000), at(0), false), Beat::Dead);
    }
}
