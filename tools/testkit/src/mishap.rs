use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use shoal_types::Fault;
use tokio::sync::Notify;

/// What goes wrong with a call between two parts of the shop.
#[derive(Debug, Clone)]
pub enum Mishap {
    /// It never arrives; the caller is told so.
    Fails,
    /// It is carried out, and the answer is lost on the way back.
    AnswerLost,
    /// It is carried out twice; the caller gets the second answer.
    Repeated,
    /// It is refused with this encoded answer, without being carried out.
    Refused(Bytes),
    /// The payment provider declines it, without carrying it out.
    Declined,
    /// It is carried out only after [`Mishaps::go_on`].
    Waits,
    /// It is carried out, and its answer comes only after [`Mishaps::go_on`].
    AnswerWaits,
    /// The process dies before it is carried out: nothing of what waits for it ever goes on.
    KilledBefore,
    /// The process dies after it was carried out, before the answer arrives.
    KilledAfter,
}

impl Mishap {
    /// The call is refused with `error`, the error of its own service.
    pub fn refused<E: Serialize>(error: E) -> Self {
        let answer =
            shoal_contract::encode(&Err::<(), E>(error)).expect("an error is written as any message");
        Self::Refused(answer)
    }

    fn kills(&self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }
}

/// What is to go wrong, by the name of the call: `products.reserve`, `orders.create_order`, `provider.capture`.
///
/// A cheap handle, shared by all that make calls.
#[derive(Debug, Clone, Default)]
pub struct Mishaps(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    planned: Mutex<HashMap<String, Planned>>,
    made: Mutex<HashMap<String, u64>>,
    killed: Notify,
    waiting: Notify,
    going_on: Notify,
}

#[derive(Debug)]
struct Planned {
    mishap: Mishap,
    /// How many calls it still happens to.
    left: u64,
}

impl Mishaps {
    /// The next call of this name goes wrong.
    pub fn once(&self, call: &str, mishap: Mishap) {
        self.times(call, mishap, 1);
    }

    /// The next `times` calls of this name go wrong.
    pub fn times(&self, call: &str, mishap: Mishap, times: u64) {
        lock(&self.0.planned).insert(call.to_owned(), Planned { mishap, left: times });
    }

    /// Every call of this name goes wrong, until [`Mishaps::clear`].
    pub fn always(&self, call: &str, mishap: Mishap) {
        self.times(call, mishap, u64::MAX);
    }

    /// From now on all goes well.
    pub fn clear(&self) {
        lock(&self.0.planned).clear();
    }

    /// Whether all that was planned to go wrong has.
    pub fn all_happened(&self) -> bool {
        lock(&self.0.planned).is_empty()
    }

    /// How many calls of this name were made, well or not.
    pub fn calls(&self, call: &str) -> u64 {
        lock(&self.0.made).get(call).copied().unwrap_or(0)
    }

    /// Waits until a call was killed; the shop should be abandoned then.
    pub async fn killed(&self) {
        self.0.killed.notified().await;
    }

    /// Waits until a call waits.
    pub async fn waiting(&self) {
        self.0.waiting.notified().await;
    }

    /// Lets the call that waits be carried out.
    pub fn go_on(&self) {
        self.0.going_on.notify_one();
    }

    /// Holds a call back until [`Mishaps::go_on`].
    pub(crate) async fn hold_back(&self) {
        self.0.waiting.notify_one();
        self.0.going_on.notified().await;
    }

    /// Counts a call and tells what goes wrong with it.
    pub(crate) fn next(&self, call: &str) -> Option<Mishap> {
        *lock(&self.0.made).entry(call.to_owned()).or_default() += 1;
        let mut planned = lock(&self.0.planned);
        let next = planned.get_mut(call)?;
        next.left -= 1;
        let mishap = next.mishap.clone();
        if next.left == 0 {
            planned.remove(call);
        }
        Some(mishap)
    }

    /// The end of the process, as seen by one of its tasks.
    pub(crate) async fn die<T>(&self, mishap: &Mishap) -> T {
        debug_assert!(mishap.kills());
        self.0.killed.notify_one();
        std::future::pending().await
    }
}

/// What a caller is told of a call that did not come through.
pub(crate) fn unreachable(call: &str) -> Fault {
    Fault::Unavailable { what: call.to_owned() }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
