//! Group commit: the bodies of many callers share one transaction and its flights to the server.
//!
//! All bodies of a group are asked for their next statement; what they ask goes out together, equal statements as one
//! with many rows; then all are asked again, until none has a question left, and one commit answers them all. If a body
//! fails after it wrote, or the server refuses a statement, the whole group is undone: whoever was at fault runs alone,
//! the others form a group once more, and alone after that.
//!
//! Bodies of a group see each other's writes, as if each statement were committed at once and all were taken back
//! together. Source: docs/adr/0008-postgresql.md

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::alone;
use super::commit::{Fate, commit, forget_old_marks};
use super::core::{Core, Shared, Waiting};
use super::failure::{Failure, Kind};
use super::link::Link;
use super::member::Attempt;
use super::round;
use super::session::{Seat, Session};
use crate::Error;
use crate::counters::count;

/// Who has less time left runs alone, so that the limit set for a group is not too short for the others.
const TIME_MIN: Duration = Duration::from_millis(200);

/// Serves groups, one after another, for ever.
pub(super) async fn serve(core: Shared) {
    loop {
        let members = gather(&core);
        match members.len() {
            0 => core.arrived.notified().await,
            1 => {
                for waiting in members {
                    alone::write(&core, waiting.member).await;
                }
            }
            _ => run(&core, members).await,
        }
        if core.is_time_to_forget() {
            forget(&core).await;
        }
    }
}

/// Takes those that wait, and sends those short of time on their own way.
fn gather(core: &Shared) -> Vec<Waiting> {
    let mut queue = core.waiting.borrow_mut();
    let count = queue.len().min(core.group_max);
    let taken: Vec<Waiting> = queue.drain(..count).collect();
    if taken.len() < 2 {
        return taken;
    }
    let (members, hasty): (Vec<_>, Vec<_>) =
        taken.into_iter().partition(|waiting| waiting.member.deadline().remaining(&core.env) > TIME_MIN);
    hasty.into_iter().for_each(|waiting| set_apart(core, waiting));
    members
}

/// Runs a write alone, beside the groups.
fn set_apart(core: &Shared, waiting: Waiting) {
    let core = Rc::clone(core);
    tokio::task::spawn_local(async move { alone::write(&core, waiting.member).await });
}

async fn run(core: &Shared, members: Vec<Waiting>) {
    members.iter().for_each(|_| count(&core.tally.writes));
    // The first to run out of time limits the statements, the last how long a connection is looked for.
    let latest = members.iter().map(|waiting| waiting.member.deadline()).max();
    let Some(latest) = latest else { return };
    let lent = match core.pool.lend(latest).await {
        Ok(lent) => lent,
        Err(error) => return answer_all(members, &Err(error)),
    };
    let mut group = Group::new(core, &lent.link, &members);
    match tokio::time::timeout(core.patience(latest), group.attempt()).await {
        // Overdue before the commit: the connection goes, and the server undoes what was begun on it.
        Err(_) => return answer_all(members, &Err(Error::DeadlineExceeded)),
        Ok(Some(failure)) => {
            let lost = failure.kind == Kind::Lost;
            let at_fault = group.at_fault();
            drop(group);
            count(&core.tally.rollbacks);
            if !lost && lent.link.control("rollback").await.is_ok() {
                lent.give_back();
            }
            return if lost { queue_again(core, members) } else { fall_apart(core, members, &at_fault) };
        }
        Ok(None) => {}
    }
    let (wrote, wake) = (group.any(|seated| seated.wrote()), group.any(Seated::wakes));
    drop(group);
    match commit(&lent.link, &core.pool, &core.env, wrote, latest).await {
        Fate::Committed => {
            core.committed(wrote, wake);
            lent.give_back();
            answer_all(members, &Ok(()));
        }
        Fate::Undone(failure) => {
            count(&core.tally.rollbacks);
            match failure.kind {
                Kind::Lost => queue_again(core, members),
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

/// After a group was undone: those at fault, and those that were undone before, go alone; the rest try together.
fn fall_apart(core: &Shared, members: Vec<Waiting>, at_fault: &[usize]) {
    let mut rest = Vec::new();
    for (index, waiting) in members.into_iter().enumerate() {
        if waiting.again || at_fault.contains(&index) {
            set_apart(core, waiting);
        } else {
            rest.push(Waiting { again: true, ..waiting });
        }
    }
    queue_again(core, rest);
}

/// Puts members in front of those that wait.
fn queue_again(core: &Shared, members: Vec<Waiting>) {
    let mut queue = core.waiting.borrow_mut();
    members.into_iter().rev().for_each(|waiting| queue.push_front(waiting));
    core.arrived.notify_one();
}

async fn forget(core: &Core) {
    let deadline = shoal_types::Deadline::after(&core.env, Duration::from_secs(10));
    let Ok(lent) = core.pool.lend(deadline).await else { return };
    match forget_old_marks(&lent.link, &core.env).await {
        Ok(()) => lent.give_back(),
        Err(failure) => tracing::warn!(error = %failure.error, "old marks of commits stay for now"),
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

    /// What the server, or the layer, refused.
    fn failure(&self) -> Option<Failure> {
        self.attempt.state().failure.borrow().clone()
    }

    /// Whether the group cannot be kept because of this one: the server refused it, or it gives up what it wrote.
    fn spoils(&self) -> bool {
        let gave_up = !matches!(self.ended, None | Some(Ok(true)));
        self.attempt.state().failure.borrow().is_some() || (gave_up && self.wrote())
    }
}

impl<'l> Group<'l> {
    fn new(core: &Core, link: &'l Link, members: &[Waiting]) -> Self {
        let earliest = members.iter().map(|waiting| waiting.member.deadline()).min();
        let begin = earliest.map(|earliest| core.begin("begin", earliest));
        let seated = members.iter().map(|waiting| {
            let seat = Rc::new(Seat::default());
            let session = Session::seated(core.env.clone(), waiting.member.deadline(), Rc::clone(&seat));
            Seated { seat, attempt: waiting.member.attempt(session), ended: None }
        });
        Self { link, begin, seated: seated.collect() }
    }

    /// Runs all bodies to their end. A failure says that the group cannot be kept.
    async fn attempt(&mut self) -> Option<Failure> {
        loop {
            self.seated.iter_mut().for_each(Seated::go_on);
            if let Some(spoiler) = self.seated.iter().find(|seated| seated.spoils()) {
                let gave_up = Failure { error: Error::Again, kind: Kind::Conflict };
                return Some(spoiler.failure().unwrap_or(gave_up));
            }
            if self.seated.iter().all(|seated| seated.ended.is_some()) {
                return None;
            }
            let seats: Vec<&Seat> = self.seated.iter().map(|seated| &*seated.seat).collect();
            round::fly(self.link, self.begin.take(), &seats).await;
        }
    }

    /// Those without whom the group could have been kept, as far as one can tell.
    fn at_fault(&self) -> Vec<usize> {
        let spoilers = self.seated.iter().enumerate().filter(|(_, seated)| seated.spoils());
        spoilers.map(|(index, _)| index).collect()
    }

    fn any(&self, holds: impl Fn(&Seated) -> bool) -> bool {
        self.seated.iter().any(holds)
    }
}
