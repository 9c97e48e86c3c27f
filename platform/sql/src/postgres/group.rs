//! Group commit: the bodies of many callers share one transaction and its flights to the server.
//!
//! All bodies of a group are asked for their next statement; what they ask goes out together, equal statements as one
//! with many rows; then all are asked again, until none has a question left, and one commit answers them all. If a body
//! fails after it wrote, or the server refuses a statement, the whole group is undone: whoever was at fault runs alone,
//! the others form a group once more, and go alone if that happens to them again and again.
//!
//! Bodies of a group see each other's writes, as if each statement were committed at once and all were taken back
//! together. Source: docs/adr/0008-postgresql.md

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use shoal_types::Deadline;
use tokio::time::timeout;

use super::commit::{Fate, LOOK_UP_MAX, commit, forget_old_marks};
use super::core::{Core, Shared, Waiting};
use super::failure::{Failure, Kind};
use super::link::Link;
use super::member::Attempt;
use super::pool::Lent;
use super::queue::{gather, push_again, set_apart, take_late};
use super::round;
use super::session::{Seat, Session};
use crate::Error;
use crate::counters::count;

/// How long others wait behind a write that runs alone because nobody else was there.
const ALONE_MAX: Duration = Duration::from_millis(250);
/// How long a group waits for a row that another transaction holds, in milliseconds; who wants it then goes alone.
const LOCK_MAX_MS: u32 = 1_000;
/// How often a write is undone because of others in its group before it goes alone.
const UNDONE_MAX: u8 = 4;
/// The pause after the connection of a group was lost.
const PAUSE: Duration = Duration::from_millis(20);

/// Serves groups, one after another, for ever.
pub(super) async fn serve(core: Shared) {
    loop {
        let mut members = gather(&core);
        match members.len() {
            0 => core.arrived.notified().await,
            1 => {
                for waiting in members.drain(..) {
                    // It goes on by itself if it takes longer.
                    let _ = timeout(ALONE_MAX, set_apart(&core, waiting)).await;
                }
            }
            _ => run(&core, members).await,
        }
        if core.is_time_to_forget() {
            forget(&core).await;
        }
    }
}

async fn run(core: &Shared, members: Vec<Waiting>) {
    members.iter().for_each(|_| count(&core.tally.writes));
    let Some((lent, mut members)) = lend(core, members).await else { return };
    let Some(due) = due(&members) else { return lent.give_back() };
    let mut group = Group::new(core, &lent.link, &members, due);
    let ended = core.pool.outage().or(async {
        timeout(core.patience(due), group.attempt()).await.map_err(|_| Error::DeadlineExceeded)
    });
    let ended = match ended.await {
        Ok(ended) => ended,
        Err(error) => {
            drop(group);
            lent.give_up();
            count(&core.tally.rollbacks);
            if error != Error::DeadlineExceeded {
                return answer_all(members, &Err(error));
            }
            answer_all(take_late(core, &mut members), &Err(core.pool.late()));
            return push_again(core, members);
        }
    };
    match ended {
        Some(failure) => {
            let at_fault = group.at_fault();
            drop(group);
            undo(core, lent, members, &failure, &at_fault).await;
        }
        None => {
            let (wrote, wake) = (group.any(Seated::wrote), group.any(Seated::wakes));
            drop(group);
            keep(core, lent, members, wrote, wake).await;
        }
    }
}

/// A connection for these. Whose time ends before there is one is answered.
async fn lend(core: &Shared, mut members: Vec<Waiting>) -> Option<(Lent<'_>, Vec<Waiting>)> {
    loop {
        let error = match core.pool.lend(due(&members)?).await {
            Ok(lent) => return Some((lent, members)),
            Err(error) => error,
        };
        let late = take_late(core, &mut members);
        if late.is_empty() {
            // It is not for lack of time.
            answer_all(std::mem::take(&mut members), &Err(error));
        } else {
            answer_all(late, &Err(error));
        }
    }
}

/// The first of their deadlines.
fn due(members: &[Waiting]) -> Option<Deadline> {
    members.iter().map(|waiting| waiting.member.deadline()).min()
}

/// The last of their deadlines.
fn last(members: &[Waiting]) -> Option<Deadline> {
    members.iter().map(|waiting| waiting.member.deadline()).max()
}

async fn undo(core: &Shared, lent: Lent<'_>, members: Vec<Waiting>, failure: &Failure, at_fault: &[usize]) {
    count(&core.tally.rollbacks);
    if failure.kind == Kind::Lost {
        drop(lent);
        core.pool.pause(PAUSE).await;
        return push_again(core, members);
    }
    let Some(due) = due(&members) else { return };
    if lent.link.rollback(core.patience(due)).await {
        lent.give_back();
    }
    fall_apart(core, members, at_fault);
}

/// Commits and answers; whose time ends long before it is known what became of the commit is told so.
async fn keep(core: &Shared, lent: Lent<'_>, mut members: Vec<Waiting>, wrote: bool, wake: bool) {
    let (Some(first), Some(last)) = (due(&members), last(&members)) else { return };
    let link = Rc::clone(&lent.link);
    let mut committing = pin!(commit(core, &link, wrote, first, last));
    let fate = loop {
        let Some(due) = due(&members) else { break committing.await };
        match timeout(due.remaining(&core.env) + LOOK_UP_MAX, &mut committing).await {
            Ok(fate) => break fate,
            Err(_) => answer_all(take_late(core, &mut members), &Err(Error::OutcomeUnknown)),
        }
    };
    match fate {
        Fate::Committed => {
            core.committed(wrote, wake);
            lent.give_back();
            answer_all(members, &Ok(()));
        }
        Fate::Undone(failure) => {
            count(&core.tally.rollbacks);
            match failure.kind {
                Kind::Lost => push_again(core, members),
                Kind::Conflict | Kind::Final => fall_apart(core, members, &[]),
            }
        }
        Fate::Unknown => answer_all(members, &Err(Error::OutcomeUnknown)),
    }
}

fn answer_all(members: Vec<Waiting>, fate: &Result<(), Error>) {
    for waiting in members {
        waiting.member.answer(fate.clone());
    }
}

/// After a group was undone: those at fault, and those that were undone too often, go alone; the rest try together.
fn fall_apart(core: &Shared, members: Vec<Waiting>, at_fault: &[usize]) {
    let mut rest = Vec::new();
    for (index, waiting) in members.into_iter().enumerate() {
        let undone = waiting.undone + 1;
        if undone == UNDONE_MAX || at_fault.contains(&index) {
            drop(set_apart(core, waiting));
        } else {
            rest.push(Waiting { undone, ..waiting });
        }
    }
    push_again(core, rest);
}

async fn forget(core: &Core) {
    let deadline = Deadline::after(&core.env, Duration::from_secs(10));
    let Ok(lent) = core.pool.lend(deadline).await else { return };
    match timeout(core.patience(deadline), forget_old_marks(&lent.link, &core.env)).await {
        Ok(Ok(())) => lent.give_back(),
        Ok(Err(failure)) => tracing::warn!(error = %failure.error, "old marks of commits stay for now"),
        Err(_) => lent.give_up(),
    }
}

/// The bodies at work in one transaction.
struct Group<'l> {
    link: &'l Link,
    begin: Option<String>,
    seated: Vec<Seated>,
}

/// A body in a group.
pub(super) struct Seated {
    pub(super) seat: Rc<Seat>,
    attempt: Attempt,
    ended: Option<Result<bool, Error>>,
}

impl Seated {
    fn wrote(&self) -> bool {
        self.attempt.state().wrote.get()
    }

    fn wakes(&self) -> bool {
        self.attempt.state().wake.get() && matches!(self.ended, Some(Ok(true)))
    }

    /// Lets the body go on to its next question or its end.
    fn go_on(&mut self) {
        if self.ended.is_some() {
            return;
        }
        // Nothing wakes a seat: its group comes back to it with the answer.
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(ended) = Pin::new(&mut self.attempt).poll(&mut cx) {
            self.ended = Some(ended);
        }
    }

    /// Whether it spoils the group by itself, not by what another's statement left behind.
    fn is_at_fault(&self) -> bool {
        self.spoils() && !self.failure().is_some_and(|failure| failure.follows())
    }

    fn has_failed(&self) -> bool {
        self.attempt.state().failure.borrow().is_some()
    }

    /// What the server, or the layer, refused.
    fn failure(&self) -> Option<Failure> {
        self.attempt.state().failure.borrow().clone()
    }

    /// Whether the group cannot be kept because of this one: the server refused it, or it gives up what it wrote.
    fn spoils(&self) -> bool {
        let gave_up = !matches!(self.ended, None | Some(Ok(true)));
        self.has_failed() || (gave_up && self.wrote())
    }
}

impl<'l> Group<'l> {
    fn new(core: &Core, link: &'l Link, members: &[Waiting], due: Deadline) -> Self {
        let begin = Some(format!("{}; set local lock_timeout to {LOCK_MAX_MS}", core.begin("begin", due)));
        let seated = members.iter().map(|waiting| {
            let seat = Rc::new(Seat::default());
            let session = Session::seated(core.env.clone(), waiting.member.deadline(), Rc::clone(&seat));
            Seated { seat, attempt: waiting.member.attempt(session), ended: None }
        });
        Self { link, begin, seated: seated.collect() }
    }

    /// Runs all bodies to their end, or until the server refuses a statement. A failure says that the group cannot be
    /// kept.
    async fn attempt(&mut self) -> Option<Failure> {
        loop {
            self.seated.iter_mut().for_each(Seated::go_on);
            // Whoever gives up what it wrote is not the last to do so, perhaps: the others go on to their ends.
            if self.any(Seated::has_failed) || self.seated.iter().all(|seated| seated.ended.is_some()) {
                return self.any(Seated::spoils).then(|| self.failure());
            }
            let seats: Vec<&Seat> = self.seated.iter().map(|seated| &*seated.seat).collect();
            round::fly(self.link, self.begin.take(), &seats).await;
        }
    }

    /// Why it cannot be kept. If the connection was lost, that is why.
    fn failure(&self) -> Failure {
        let mut failures: Vec<_> = self.seated.iter().filter_map(Seated::failure).collect();
        let lost = failures.iter().position(|failure| failure.kind == Kind::Lost);
        match lost {
            Some(lost) => failures.swap_remove(lost),
            None => failures.pop().unwrap_or(Failure { error: Error::Again, kind: Kind::Conflict }),
        }
    }

    /// Those without whom the group could have been kept, as far as one can tell.
    fn at_fault(&self) -> Vec<usize> {
        let spoilers = self.seated.iter().enumerate().filter(|(_, seated)| seated.is_at_fault());
        spoilers.map(|(index, _)| index).collect()
    }

    fn any(&self, holds: impl Fn(&Seated) -> bool) -> bool {
        self.seated.iter().any(holds)
    }
}
