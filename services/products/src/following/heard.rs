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

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(numbers: std::ops::RangeInclusive<i64>) -> Vec<Noted> {
        let noted = |number| Noted {
            position: Position::of(number, number),
            subject: Subject::Product(ProductId::from_digest([1; 16])),
        };
        numbers.map(noted).collect()
    }

    #[test]
    fn what_follows_on_the_last_change_is_news() {
        let mut heard = Heard::at(Position::default());
        assert_eq!(heard.news(&[]).map(|news| news.len()), Some(0));
        let news = heard.news(&changes(1..=3)).expect("the first ones");
        heard.note(&news);
        assert_eq!((news.len(), heard.last().number), (3, 3));
        assert_eq!(heard.news(&changes(3..=3)).map(|news| news.len()), Some(0));
        assert_eq!(heard.news(&changes(3..=7)).map(|news| news.len()), Some(4));
    }

    #[test]
    fn what_does_not_follow_is_none() {
        let fresh = Heard::at(Position::default());
        assert!(fresh.news(&changes(2..=3)).is_none(), "the first was removed");
        let heard = Heard::at(Position::of(3, 3));
        assert!(heard.news(&[]).is_none(), "the database has lost it");
        assert!(heard.news(&changes(4..=5)).is_none(), "it was removed");
        let mut other = changes(3..=5);
        other[0].position = Position::of(3, 99);
        assert!(heard.news(&other).is_none(), "another took its number");
    }

    #[test]
    fn what_did_not_get_into_the_index_waits_again() {
        let mut heard = Heard::at(Position::default());
        let all = heard.take();
        assert!(all.all && !heard.is_indexed(), "an index begins empty");
        heard.indexed();
        assert!(heard.is_indexed());
        heard.note(&changes(1..=2));
        let pending = heard.take();
        assert!(pending.products.len() == 1 && !heard.is_indexed(), "it is on its way");
        heard.put_back(pending);
        assert!(!heard.is_indexed());
        heard.start_over(Position::of(9, 9));
        assert!(heard.take().all);
    }

    #[test]
    fn more_than_is_worth_a_list_is_everything() {
        let mut pending = Pending::default();
        let mut id = [0; 16];
        for number in 0..=PENDING_MAX as u32 {
            id[..4].copy_from_slice(&number.to_le_bytes());
            pending.add(Subject::Product(ProductId::from_digest(id)));
        }
        assert!(pending.all && pending.products.is_empty());
    }
}
