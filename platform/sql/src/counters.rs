use std::sync::atomic::{AtomicU64, Ordering};

/// What a database has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Statements of houses, in reads and writes; a statement of many rows is one.
    pub statements: u64,
    /// Read transactions.
    pub reads: u64,
    /// Write transactions and batches that ran, kept or not.
    pub writes: u64,
    /// Of these, the ones rolled back.
    pub rollbacks: u64,
    /// Commits made durable; each answers a group of writes.
    pub commits: u64,
    /// Times somebody waited for a server's answer; what goes out together is waited for once. None on embedded data.
    pub round_trips: u64,
}

/// The living counters behind [`Counters`].
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) statements: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) rollbacks: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) round_trips: AtomicU64,
}

impl Tally {
    pub(crate) fn snapshot(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            statements: read(&self.statements),
            reads: read(&self.reads),
            writes: read(&self.writes),
            rollbacks: read(&self.rollbacks),
            commits: read(&self.commits),
            round_trips: read(&self.round_trips),
        }
    }
}

/// Counts one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
