use std::collections::HashSet;

use shoal_contract::products::{CategoryId, ProductId};

use crate::store::{Noted, Position, Subject};

/// The most that waits to be indexed one by one; the index is filled anew when there is more.
const PENDING_MAX: usize = 100_000;

/// How far the changes were heard, and how far they are in the index.
#[derive(Debug)]
pub(super) struct Heard {
    last: Position,
    /// Heard and waiting for the index.
    pending: Pending,
    /// Whether somebody is at it.
    indexing: bool,
}

/// What the index lacks.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Everything, for all it knows.
    pub(crate) all: bool,
    pub(crate) products: HashSet<ProductId>,
    pub(crate) categories: HashSet<CategoryId>,
}

impl Pending {
    fn everything() -> Self {
        Self { all: true, ..Self::default() }
    }

    fn is_empty(&self) -> bool {
        !self.all && self.products.is_empty() && self.categories.is_empty()
    }

    fn add(&mut self, subject: Subject) {
        match subject {
            // What is read anyway need not be counted.
            _ if self.all => {}
            Subject::Product(id) => drop(self.products.insert(id)),
            Subject::Category(id) => drop(self.categories.insert(id)),
            Subject::Tree => {}
        }
        if self.products.len() + self.categories.len() > PENDING_MAX {
            *self = Self::everything();
        }
    }
}

impl Heard {
    /// Heard up to `position`, nothing indexed.
    pub(super) fn at(position: Position) -> Self {
        Self { last: position, pending: Pending::everything(), indexing: false }
    }

    pub(super) fn last(&self) -> Position {
        self.last
    }

    /// Of the changes read from the last one on, those that are new; nothing if the last one is not among them: then
    /// they do not follow on what was heard.
    pub(super) fn news(&self, read: &[Noted]) -> Option<Vec<Noted>> {
        let (first, rest) = match read.split_first() {
            None if self.last.number == 0 => return Some(Vec::new()),
            None => return None,
            Some(split) => split,
        };
        if self.last.number == 0 {
            return (first.position.number == 1).then(|| read.to_vec());
        }
        (first.position == self.last).then(|| rest.to_vec())
    }

    /// Notes that these were heard.
    pub(super) fn note(&mut self, news: &[Noted]) {
        for change in news {
            self.pending.add(change.subject);
            self.last = change.position;
        }
    }

    /// Starts over at `position`.
    pub(super) fn start_over(&mut self, position: Position) {
        (self.last, self.pending) = (position, Pending::everything());
    }

    /// Whether the index has all that was heard.
    pub(super) fn is_indexed(&self) -> bool {
        self.pending.is_empty() && !self.indexing
    }

    /// What the index lacks; it is taken to be on its way until [`Heard::indexed`] or [`Heard::put_back`].
    pub(super) fn take(&mut self) -> Pending {
        self.indexing = true;
        std::mem::take(&mut self.pending)
    }

    pub(super) fn indexed(&mut self) {
        self.indexing = false;
    }

    /// It did not get into the index.
    pub(super) fn put_back(&mut self, pending: Pending) {
        self.indexing = false;
        if pending.all {
            self.pending = Pending::everything();
        }
        pending.products.into_iter().for_each(|id| self.pending.add(Subject::Product(id)));
        pending.categories.into_iter().for_each(|id| self.pending.add(Subject::Category(id)));
    }
}
