//! What was written here and is not in the search index yet, so that a search can wait for it. Only where nobody else
//! writes the same data and the relay feeds the index; nodes that share data follow the changes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use shoal_queue::Event;
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

/// The longest a search waits: behind an import it answers with what is there.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// The most that is waited for.
const WRITTEN_MAX: usize = 1_000;

/// What waits for the index: aggregates, and their versions as written.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    written: watch::Sender<HashMap<Uuid, u64>>,
    /// Whether there is a feed that takes it into the index.
    fed: AtomicBool,
    searches: AtomicUsize,
}

impl Fresh {
    /// From here on a feed tells what it took.
    pub(crate) fn feed(&self) {
        self.fed.store(true, Ordering::Relaxed);
    }

    /// Notes a change as the last step of its transaction: before the commit, since the feed hears of it right after.
    /// A commit that then fails costs one search its longest wait.
    pub(crate) fn note(&self, aggregate: Uuid, version: u64) {
        if !self.fed.load(Ordering::Relaxed) {
            return;
        }
        self.written.send_modify(|written| {
            if written.len() < WRITTEN_MAX || written.contains_key(&aggregate) {
                let noted = written.entry(aggregate).or_default();
                *noted = version.max(*noted);
            }
        });
    }

    /// Notes that these changes can be found.
    pub(crate) fn indexed(&self, events: &[Event]) {
        self.written.send_if_modified(|written| {
            let before = written.len();
            for event in events {
                if written.get(&event.aggregate).is_some_and(|noted| *noted <= event.sequence) {
                    written.remove(&event.aggregate);
                }
            }
            written.len() < before
        });
    }

    /// Whether a search waits for what the feed is at.
    pub(crate) fn is_awaited(&self) -> bool {
        self.searches.load(Ordering::Relaxed) > 0
    }

    /// Whether anything waits for the index.
    pub(crate) fn is_empty(&self) -> bool {
        self.written.borrow().is_empty()
    }

    /// Waits until all that was written before can be found.
    pub(crate) async fn settled(&self) {
        let missing: Vec<Uuid> = self.written.borrow().keys().copied().collect();
        let _search = Searching::count(&self.searches);
        let mut written = self.written.subscribe();
        let found = written.wait_for(|written| !missing.iter().any(|id| written.contains_key(id)));
        if timeout(WAIT_MAX, found).await.is_err() {
            tracing::debug!(changes = missing.len(), "a search did not wait for the index any longer");
            // The next search need not wait for what may never come.
            self.written.send_modify(|written| written.retain(|id, _| !missing.contains(id)));
        }
    }
}

/// A search that waits.
struct Searching<'f>(&'f AtomicUsize);

impl<'f> Searching<'f> {
    fn count(searches: &'f AtomicUsize) -> Self {
        searches.fetch_add(1, Ordering::Relaxed);
        Self(searches)
    }
}

impl Drop for Searching<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
