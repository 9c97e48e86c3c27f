//! What was answered to this house, and whether a standby has it.
//!
//! While there is no primary, reads are answered by a standby, which may lie behind. It answers only if it has every
//! commit that this house was told of. That is seen by the marks of the last commits: a standby takes commits over in
//! the order of the primary, and of those that are not among the last none can be later than all that are, since fewer
//! were under way at a time. A transaction that was to write and changed nothing has seen what was there, perhaps of
//! another node: of it the position in the primary's log is kept.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use shoal_types::Env;
use tokio_postgres::SimpleQueryMessage;
use uuid::Uuid;

use super::commit::{KEPT, uuid_at};
use super::failure::Failure;
use super::link::Link;

/// Marks that are remembered: many times the connections of a house.
const MARKS_MAX: usize = 64;
/// Marks older than this are not asked for: they are soon forgotten. No standby that lies further behind is of use.
const ASKED_FOR: Duration = KEPT.saturating_sub(Duration::from_secs(15 * 60));
/// How far the primary's log is on its disk.
pub(super) const POSITION: &str = "select pg_current_wal_flush_lsn()";
/// Which history a primary writes: each that takes over begins another. An engine that refuses to tell has no standbys.
pub(super) const HISTORY: &str =
    "select case when not pg_is_in_recovery() then pg_walfile_name(pg_current_wal_insert_lsn()) end";

/// What a house has seen.
#[derive(Default)]
pub(super) struct Seen {
    marks: RefCell<VecDeque<Uuid>>,
    /// A place in the log of the primary.
    position: Cell<u64>,
    /// Counts what was answered; a standby that had everything at one count may lack something at the next.
    count: Cell<u64>,
    /// The newest history that has answered.
    history: Cell<u32>,
}

impl Seen {
    /// The transaction of this mark was committed.
    pub(super) fn committed(&self, mark: Uuid) {
        let mut marks = self.marks.borrow_mut();
        if marks.len() == MARKS_MAX {
            marks.pop_front();
        }
        marks.push_back(mark);
        self.count.set(self.count.get() + 1);
    }

    /// A transaction that changed nothing ended when the log was there.
    pub(super) fn looked(&self, position: u64) {
        self.position.set(self.position.get().max(position));
        self.count.set(self.count.get() + 1);
    }

    /// Whether a new connection is of use: not to a primary that another has taken over from. It may have slept
    /// through that, and believe in itself.
    pub(super) fn takes(&self, link: &Link) -> bool {
        let Some(history) = link.history() else { return true };
        self.history.set(self.history.get().max(history));
        history == self.history.get()
    }

    /// Whether a connection may still be asked. A primary: under the same condition. A standby: if nothing was
    /// answered since it had everything.
    pub(super) fn allows(&self, link: &Link) -> bool {
        if link.is_standby() { link.proved_at() == Some(self.count.get()) } else { self.takes(link) }
    }

    /// Passes a standby that has everything.
    ///
    /// # Errors
    /// `Unavailable` if it lies behind; it may have caught up a moment later.
    pub(super) async fn prove(&self, link: &Link, env: &Env) -> Result<(), Failure> {
        let count = self.count.get();
        let marks = self.asked_for(env);
        let told = link.ask(&question(&marks, self.position.get())).await?;
        if !told.iter().any(is_true) {
            return Err(Failure::lost("it is a standby that has not yet got all that was answered here"));
        }
        link.prove(count);
        Ok(())
    }

    fn asked_for(&self, env: &Env) -> Vec<Uuid> {
        let oldest = uuid_at(env.now().minus(ASKED_FOR).as_micros() / 1000, 0);
        self.marks.borrow().iter().copied().filter(|mark| *mark >= oldest).collect()
    }
}

fn question(marks: &[Uuid], position: u64) -> String {
    let mut question = String::from("select true");
    if !marks.is_empty() {
        let list: Vec<_> = marks.iter().map(|mark| format!("'{mark}'")).collect();
        let (list, count) = (list.join(", "), marks.len());
        question
            .push_str(&format!(" and (select count(*) from commits where commit_id in ({list})) = {count}"));
    }
    if position > 0 {
        let (high, low) = (position >> 32, position & u64::from(u32::MAX));
        question.push_str(&format!(" and pg_last_wal_replay_lsn() >= '{high:X}/{low:X}'"));
    }
    question
}

fn is_true(message: &SimpleQueryMessage) -> bool {
    first(message) == Some("t")
}

fn first(message: &SimpleQueryMessage) -> Option<&str> {
    match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    }
}

/// The answer to [`POSITION`]: `16/B374D848`.
pub(super) fn position(told: &[SimpleQueryMessage]) -> Option<u64> {
    let (high, low) = told.iter().find_map(first)?.split_once('/')?;
    Some(u64::from(u32::from_str_radix(high, 16).ok()?) << 32 | u64::from(u32::from_str_radix(low, 16).ok()?))
}

/// The answer to [`HISTORY`]: the number that the name of the log's file begins with.
pub(super) fn history(told: &[SimpleQueryMessage]) -> Option<u32> {
    u32::from_str_radix(told.iter().find_map(first)?.get(..8)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_is_asked_for_marks_and_for_a_position() {
        assert_eq!(question(&[], 0), "select true");
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(
            question(&[one, two], 0x16_B374_D848),
            "select true and (select count(*) from commits where commit_id in \
             ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002')) = 2 \
             and pg_last_wal_replay_lsn() >= '16/B374D848'"
        );
    }

    #[test]
    fn the_last_marks_are_remembered() {
        let seen = Seen::default();
        for mark in 0..100 {
            seen.committed(Uuid::from_u128(mark));
        }
        let marks = seen.marks.borrow();
        assert_eq!((marks.len(), marks.front()), (MARKS_MAX, Some(&Uuid::from_u128(36))));
    }
}
