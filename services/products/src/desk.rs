//! Desks: what is asked for at the same time is done together.
//!
//! While a round of requests is in the database the next ones gather, and go in as one round when it comes back. So
//! nobody waits for a timer, a lone request is a round of its own, and the more are asked for at once the less each
//! of them costs. Rounds run on tasks of their own: a caller that goes away takes nobody along.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use shoal_contract::products::Error;
use shoal_types::{Context, Env, Fault};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

#[cfg(test)]
mod tests;

/// The most requests of one round.
const ROUND_MAX: usize = 256;
/// The most that a round's requests may add up to in size; one that is larger is a round of its own.
const SIZE_MAX: usize = 4_000;
/// The most requests that wait at a desk; more are refused with `Overloaded`.
const QUEUE_MAX: usize = 4_096;

/// Does the work of a desk.
pub(crate) trait Clerk: Send + Sync + 'static {
    /// What is asked for.
    type Ask: Send + 'static;
    /// What is answered.
    type Answer: Send + 'static;

    /// How large a request is, against a round's limit.
    fn size(&self, ask: &Self::Ask) -> usize;

    /// Does what was asked, in one transaction if it can; an answer for each, in the same order.
    fn round(
        &self,
        cx: &Context,
        asks: Vec<Self::Ask>,
    ) -> impl Future<Output = Vec<Result<Self::Answer, Error>>> + Send;
}

/// A desk with its clerk.
pub(crate) struct Desk<C: Clerk> {
    inner: Arc<Inner<C>>,
}

struct Inner<C: Clerk> {
    clerk: C,
    env: Env,
    /// The most rounds on their way at the same time.
    rounds_max: usize,
    state: Mutex<State<C>>,
    /// Told when a task of rounds ends.
    left: Notify,
}

struct State<C: Clerk> {
    queue: VecDeque<Waiting<C>>,
    /// Whether a task was started that has not looked at the queue yet.
    opening: bool,
    /// Tasks at work, each with one round at a time.
    rounds: usize,
    closed: bool,
}

/// A request with its caller.
struct Waiting<C: Clerk> {
    ask: C::Ask,
    cx: Context,
    caller: Caller<C>,
}

type Caller<C> = oneshot::Sender<Result<<C as Clerk>::Answer, Error>>;

/// Requests that are done together, and who waits for them.
struct Round<C: Clerk> {
    cx: Context,
    asks: Vec<C::Ask>,
    callers: Vec<Caller<C>>,
}

impl<C: Clerk> Desk<C> {
    /// Opens a desk with at most `rounds_max` rounds on their way at the same time.
    pub(crate) fn new(clerk: C, env: Env, rounds_max: usize) -> Self {
        let state = State { queue: VecDeque::new(), opening: false, rounds: 0, closed: false };
        let inner = Inner { clerk, env, rounds_max, state: Mutex::new(state), left: Notify::new() };
        Self { inner: Arc::new(inner) }
    }

    /// Has `ask` done in the next round.
    ///
    /// # Errors
    /// The clerk's; `DeadlineExceeded` when time is up, `Overloaded` if too many wait, `Unavailable` after the close.
    pub(crate) async fn ask(&self, cx: &Context, ask: C::Ask) -> Result<C::Answer, Error> {
        let (caller, answer) = oneshot::channel();
        if self.inner.put(Waiting { ask, cx: cx.clone(), caller })? {
            tokio::spawn(serve(Arc::clone(&self.inner)));
        }
        // A round lasts as long as the most patient of its callers; the others leave when their time is up.
        match timeout(cx.deadline.remaining(&self.inner.env), answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Fault::Internal {}.into()),
            Err(_) => Err(Fault::DeadlineExceeded {}.into()),
        }
    }

    /// Refuses new requests and waits until those that are there were answered. Safe to repeat.
    pub(crate) async fn close(&self) {
        loop {
            // Made before the look, so that what happens in between is not missed.
            let left = self.inner.left.notified();
            if self.inner.is_closed_and_quiet() {
                return;
            }
            left.await;
        }
    }
}

/// Does one round after the other until nobody waits.
async fn serve<C: Clerk>(desk: Arc<Inner<C>>) {
    while let Some(round) = desk.next() {
        let Round { cx, asks, callers } = round;
        // A panic is told by its hook. The callers of the round learn that it broke off; the desk goes on.
        let answers = AssertUnwindSafe(desk.clerk.round(&cx, asks)).catch_unwind().await;
        for (caller, answer) in callers.into_iter().zip(answers.unwrap_or_default()) {
            // A caller that went away needs no answer.
            drop(caller.send(answer));
        }
    }
    desk.left.notify_waiters();
}

impl<C: Clerk> Inner<C> {
    /// Puts a request into the queue; whether a task must be started for it.
    fn put(&self, waiting: Waiting<C>) -> Result<bool, Fault> {
        let mut state = self.state();
        if state.closed {
            return Err(Fault::Unavailable { what: "the database".to_owned() });
        }
        if state.queue.len() >= QUEUE_MAX {
            return Err(Fault::Overloaded {});
        }
        state.queue.push_back(waiting);
        let start = !state.opening && state.rounds < self.rounds_max;
        if start {
            state.opening = true;
            state.rounds += 1;
        }
        Ok(start)
    }

    /// The next round: those who have waited longest, as many as fit. If there are none the task has left.
    fn next(&self) -> Option<Round<C>> {
        let mut state = self.state();
        state.opening = false;
        let round = self.gather(&mut state.queue);
        if round.is_none() {
            state.rounds -= 1;
        }
        round
    }

    fn gather(&self, queue: &mut VecDeque<Waiting<C>>) -> Option<Round<C>> {
        let mut round: Option<Round<C>> = None;
        let mut size = 0;
        while let Some(waiting) = queue.pop_front() {
            // Nobody waits for this one any more, so it never happens.
            if waiting.caller.is_closed() {
                continue;
            }
            if let Err(late) = waiting.cx.deadline.check(&self.env) {
                drop(waiting.caller.send(Err(late.into())));
                continue;
            }
            size += self.clerk.size(&waiting.ask);
            let round = round.get_or_insert_with(|| Round::new(&waiting.cx));
            let full = size > SIZE_MAX || round.asks.len() >= ROUND_MAX;
            if full && !round.asks.is_empty() {
                queue.push_front(waiting);
                break;
            }
            round.add(waiting);
        }
        round
    }

    fn is_closed_and_quiet(&self) -> bool {
        let mut state = self.state();
        state.closed = true;
        state.rounds == 0
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Clerk> Round<C> {
    fn new(cx: &Context) -> Self {
        Self { cx: cx.clone(), asks: Vec::new(), callers: Vec::new() }
    }

    fn add(&mut self, waiting: Waiting<C>) {
        self.cx.deadline = self.cx.deadline.max(waiting.cx.deadline);
        self.asks.push(waiting.ask);
        self.callers.push(waiting.caller);
    }
}
