//! A transaction of its own: run again while another is in the way or the connection is lost, until the deadline.

use std::time::Duration;

use shoal_types::Deadline;

use super::commit::{Fate, commit};
use super::core::Core;
use super::failure::{Failure, Kind};
use super::member::Member;
use super::pool::Lent;
use super::session::Session;
use crate::Error;
use crate::counters::count;

/// The pause before the second attempt; doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(5);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Runs a write to its end and answers its caller.
pub(super) async fn write(core: &Core, member: Box<dyn Member>) {
    let fate = transact(core, &*member).await;
    member.answer(fate);
}

async fn transact(core: &Core, member: &dyn Member) -> Result<(), Error> {
    let deadline = member.deadline();
    let mut pause = PAUSE;
    loop {
        core.in_time(deadline)?;
        count(&core.tally.writes);
        let failure = match attempt(core, member, deadline).await? {
            Ended::Kept | Ended::Refused => return Ok(()),
            Ended::Undone(failure) => failure,
        };
        if failure.kind == Kind::Final {
            return Err(failure.error);
        }
        if deadline.remaining(&core.env) <= pause {
            return Err(failure.error);
        }
        core.pool.pause(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

enum Ended {
    Kept,
    /// By the body itself.
    Refused,
    Undone(Failure),
}

async fn attempt(core: &Core, member: &dyn Member, deadline: Deadline) -> Result<Ended, Error> {
    let lent = core.pool.lend(deadline).await?;
    let begin = core.begin("begin", deadline);
    let session = Session::own(core.env.clone(), deadline, lent.link.clone(), begin);
    let attempt = member.attempt(session);
    let state = attempt.state().clone();
    let Ok(ended) = tokio::time::timeout(core.patience(deadline), attempt).await else {
        // The connection goes, and the server undoes what was begun on it.
        return Err(Error::DeadlineExceeded);
    };
    let failure = state.failure.borrow_mut().take();
    match (ended, failure) {
        (Ok(true), None) if !state.asked.get() => {
            lent.give_back();
            Ok(Ended::Kept)
        }
        (Ok(true), None) => {
            let fate = commit(&lent.link, &core.pool, &core.env, state.wrote.get(), deadline).await;
            match fate {
                Fate::Committed => {
                    core.committed(state.wrote.get(), state.wake.get());
                    lent.give_back();
                    Ok(Ended::Kept)
                }
                Fate::Undone(failure) => undone(core, lent, failure).await,
                Fate::Unknown => Err(Error::OutcomeUnknown),
            }
        }
        (Err(error), _) => {
            undo(core, lent).await;
            Err(error)
        }
        // Its own error says more, and is the answer.
        (Ok(_), Some(failure)) if failure.kind != Kind::Final => undone(core, lent, failure).await,
        (Ok(_), _) => {
            if state.asked.get() {
                undo(core, lent).await;
            } else {
                lent.give_back();
            }
            Ok(Ended::Refused)
        }
    }
}

async fn undone(core: &Core, lent: Lent<'_>, failure: Failure) -> Result<Ended, Error> {
    if failure.kind == Kind::Lost {
        count(&core.tally.rollbacks);
    } else {
        undo(core, lent).await;
    }
    Ok(Ended::Undone(failure))
}

/// Rolls back; the connection is given back only if that worked.
async fn undo(core: &Core, lent: Lent<'_>) {
    count(&core.tally.rollbacks);
    if lent.link.control("rollback").await.is_ok() {
        lent.give_back();
    }
}
