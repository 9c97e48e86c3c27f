//! The writes that wait for a group, and those that do not wait with the others.

use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::alone;
use super::core::{Core, Shared, Waiting};
use super::member::Member;

/// Who has less time left runs alone, so that the limit set for a group is not too short for the others.
const TIME_MIN: Duration = Duration::from_millis(200);
/// How often it is seen to whose time ends while they wait.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What is left of a deadline that has as good as passed.
const LATE: Duration = Duration::from_millis(5);

/// Puts a write at the end of those that wait.
pub(super) fn push(core: &Core, member: Box<dyn Member>) {
    core.waiting.borrow_mut().push_back(Waiting { member, undone: 0 });
    core.arrived.notify_one();
    core.waits.notify_one();
}

/// Puts writes in front of those that wait.
pub(super) fn push_again(core: &Core, members: Vec<Waiting>) {
    let mut queue = core.waiting.borrow_mut();
    members.into_iter().rev().for_each(|waiting| queue.push_front(waiting));
    core.arrived.notify_one();
    core.waits.notify_one();
}

/// Takes those that wait, and sends those short of time on their own way.
pub(super) fn gather(core: &Shared) -> Vec<Waiting> {
    let mut queue = core.waiting.borrow_mut();
    let count = queue.len().min(core.group_max);
    let taken: Vec<Waiting> = queue.drain(..count).collect();
    if taken.len() < 2 {
        return taken;
    }
    let (members, hasty): (Vec<_>, Vec<_>) =
        taken.into_iter().partition(|waiting| waiting.member.deadline().remaining(&core.env) > TIME_MIN);
    hasty.into_iter().for_each(|waiting| drop(set_apart(core, waiting)));
    members
}

/// Runs a write alone, beside the groups.
pub(super) fn set_apart(core: &Shared, waiting: Waiting) -> JoinHandle<()> {
    let core = Rc::clone(core);
    tokio::task::spawn_local(async move { alone::write(&core, waiting.member).await })
}

/// Takes out those whose time is over.
pub(super) fn take_late(core: &Core, members: &mut Vec<Waiting>) -> Vec<Waiting> {
    let is_late = |waiting: &Waiting| waiting.member.deadline().remaining(&core.env) <= LATE;
    let (late, rest) = std::mem::take(members).into_iter().partition(is_late);
    *members = rest;
    late
}

/// Answers those whose time ends while they wait, and all while no server answers, for ever: groups may be held up for
/// longer.
pub(super) async fn watch(core: Shared) {
    loop {
        if core.waiting.borrow().is_empty() {
            core.waits.notified().await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let mut waiting: Vec<Waiting> = core.waiting.take().into();
        if core.pool.outage().is_on() {
            let error = core.pool.outage().begun().await;
            waiting.into_iter().for_each(|waiting| waiting.member.answer(Err(error.clone())));
            continue;
        }
        let late = take_late(&core, &mut waiting);
        core.waiting.replace(waiting.into());
        for waiting in late {
            waiting.member.answer(Err(core.pool.late()));
        }
    }
}
