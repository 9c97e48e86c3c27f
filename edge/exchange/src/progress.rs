use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How far an import has come. Told after each batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progressed {
    /// Bytes of the input dealt with.
    pub bytes_read: u64,
    /// Bytes of the input in all.
    pub bytes_total: u64,
    /// Rows dealt with.
    pub rows: u64,
    /// Rows refused so far.
    pub refused: u64,
}

/// Who is told how far an import has come: a progress bar.
pub trait Progress: Send + Sync {
    /// Takes the state after a batch.
    fn advance(&self, state: Progressed);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn advance(&self, _: Progressed) {}
}

/// Asks an import or export to end after the batch at hand. Copies share one flag.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks for the end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the end was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
