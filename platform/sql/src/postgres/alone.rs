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
        let left = deadline.remaining(&core.env);
        if failure.kind == Kind::Final || left.is_zero() {
            return Err(failure.error);
        }
        core.pool.pause(pause.min(left)).await;
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
    // Before the commit nothing has happened yet.
    let ended = core.pool.outage().or(async {
        let ended = tokio::time::timeout(core.patience(deadline), attempt).await;
        ended.map_err(|_| Error::DeadlineExceeded)
    });
    let ended = match ended.await {
        Ok(ended) => ended,
        Err(error) => {
            lent.give_up();
            return Err(error);
        }
    };
    let failure = state.failure.borrow_mut().take();
    match (ended, failure) {
        (Ok(true), None) if !state.asked.get() => {
            lent.give_back();
            Ok(Ended::Kept)
        }
        (Ok(true), None) => match commit(core, &lent.link, state.wrote.get(), deadline, deadline).await {
            Fate::Committed => {
                core.committed(state.wrote.get(), state.wake.get());
                lent.give_back();
                Ok(Ended::Kept)
            }
            Fate::Undone(failure) => undone(core, lent, failure, deadline).await,
            Fate::Unknown => Err(Error::OutcomeUnknown),
        },
        (Err(error), _) => {
            undo(core, lent, deadline).await;
            Err(error)
        }
        // Its own error says more, and is the answer.
        (Ok(_), Some(failure)) if failure.kind != Kind::Final => undone(core, lent, failure, deadline).await,
        (Ok(_), _) => {
            if state.asked.get() {
                undo(core, lent, deadline).await;
            } else {
                lent.give_back();
            }
            Ok(Ended::Refused)
        }
    }
}

async fn undone(core: &Core, lent: Lent<'_>, failure: Failure, deadline: Deadline) -> Result<Ended, Error> {
    if failure.kind == Kind::Lost {
        count(&core.tally.rollbacks);
    } else {
        undo(core, lent, deadline).await;
    }
    Ok(Ended::Undone(failure))
}

/// Rolls back; the connection is given back only if that worked.
async fn undo(core: &Core, lent: Lent<'_>, deadline: Deadline) {
    count(&core.tally.rollbacks);
    if lent.link.rollback(core.patience(deadline)).await {
        lent.give_back();
    }
}
