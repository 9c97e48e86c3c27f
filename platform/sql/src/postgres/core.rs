use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use shoal_types::{Deadline, Env};
use tokio::sync::{Notify, watch};

use super::member::Member;
use super::pool::Pool;
use crate::Error;
use crate::counters::{Tally, count};

/// How long an answer may be overdue before it is given up: the server's own time limit comes first.
pub(super) const GRACE: Duration = Duration::from_millis(250);
/// How many commits there are between two times that old marks are forgotten.
const FORGET_EVERY: u32 = 10_000;

/// What the work of one house shares, on its thread.
pub(super) struct Core {
    pub(super) pool: Pool,
    pub(super) env: Env,
    pub(super) tally: Arc<Tally>,
    /// Writes that wait for a group.
    pub(super) waiting: RefCell<VecDeque<Waiting>>,
    /// Tells a group that somebody waits for it.
    pub(super) arrived: Notify,
    /// Tells the watch over deadlines the same.
    pub(super) waits: Notify,
    /// The most writes in a group.
    pub(super) group_max: usize,
    /// The reads that turned out to need one snapshot for several statements.
    pub(super) several: RefCell<HashSet<TypeId>>,
    commits: watch::Sender<u64>,
    marks: Cell<u32>,
}

/// A write that waits for a group.
pub(super) struct Waiting {
    pub(super) member: Box<dyn Member>,
    /// How often its group was undone because of another member.
    pub(super) undone: u8,
}

impl Core {
    pub(super) fn new(
        pool: Pool,
        env: Env,
        tally: Arc<Tally>,
        group_max: usize,
        commits: watch::Sender<u64>,
    ) -> Self {
        Self {
            pool,
            env,
            tally,
            waiting: RefCell::default(),
            arrived: Notify::new(),
            waits: Notify::new(),
            group_max,
            several: RefCell::default(),
            commits,
            marks: Cell::new(0),
        }
    }

    /// Passes while time is left.
    pub(super) fn in_time(&self, deadline: Deadline) -> Result<(), Error> {
        deadline.check(&self.env).map_err(|_| self.pool.late())
    }

    /// How long to wait for an answer that is due at the deadline.
    pub(super) fn patience(&self, deadline: Deadline) -> Duration {
        deadline.remaining(&self.env) + GRACE
    }

    /// Opens a transaction whose statements end at the deadline.
    pub(super) fn begin(&self, begin: &str, deadline: Deadline) -> String {
        // No limit is written as 0.
        let left = deadline.remaining(&self.env).as_millis().clamp(1, i32::MAX as u128);
        format!("{begin}; set local statement_timeout to {left}")
    }

    /// Counts a commit, wakes those who wait for it, and now and then has old marks forgotten.
    pub(super) fn committed(&self, wrote: bool, wake: bool) {
        count(&self.tally.commits);
        if wrote {
            self.marks.set(self.marks.get() + 1);
        }
        if wake {
            self.commits.send_modify(|commits| *commits += 1);
        }
    }

    /// Whether it is time to forget old marks; asked after each commit.
    pub(super) fn is_time_to_forget(&self) -> bool {
        let due = self.marks.get() >= FORGET_EVERY;
        if due {
            self.marks.set(0);
        }
        due
    }
}

/// What is shared on the thread.
pub(super) type Shared = Rc<Core>;
