//! Reads: one statement on a shared connection, or several on one snapshot.
//!
//! A body does not say how many statements it has. It is begun as if it had one; at the second it is run anew on a
//! connection of its own, in a transaction that sees one snapshot, and so is every body of its kind from then on.

use std::time::Duration;

use tokio::time::timeout;

use super::core::{Core, GRACE};
use super::failure::{Failure, Kind};
use super::member::Member;
use super::session::Session;
use crate::Error;
use crate::counters::count;

/// Opens one snapshot.
const SNAPSHOT: &str = "begin isolation level repeatable read, read only";
/// The pause before a read is tried again after its connection was lost.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs a read to its end and answers its caller.
pub(super) async fn read(core: &Core, member: Box<dyn Member>) {
    count(&core.tally.reads);
    // Also amid a statement: it changes nothing, so nobody need wait until its connection is given up.
    let fate = core.pool.outage().or(answered(core, &*member)).await;
    member.answer(fate);
}

async fn answered(core: &Core, member: &dyn Member) -> Result<(), Error> {
    let deadline = member.deadline();
    let mut cancelled = false;
    loop {
        core.in_time(deadline)?;
        let several = cancelled || core.several.borrow().contains(&member.kind());
        let failure = if several { on_snapshot(core, member).await? } else { single(core, member).await? };
        let Some(failure) = failure else { return Ok(()) };
        let left = deadline.remaining(&core.env);
        if failure.is_late() && !several && !left.is_zero() {
            // It took longer than a statement may on a shared connection, or was cancelled in another's place.
            cancelled = true;
        } else if failure.kind == Kind::Final {
            return Ok(());
        } else if failure.follows() && !several {
            core.several.borrow_mut().insert(member.kind());
        } else if left.is_zero() {
            return Err(failure.error);
        } else {
            core.pool.pause(PAUSE.min(left)).await;
        }
    }
}

/// What failed, if the body is to be run again or has failed by it.
async fn single(core: &Core, member: &dyn Member) -> Result<Option<Failure>, Error> {
    let deadline = member.deadline();
    let link = core.pool.share(deadline).await?;
    let mut attempt = member.attempt(Session::single(core.env.clone(), deadline, link.clone()));
    let state = attempt.state().clone();
    let mut ended = timeout(deadline.remaining(&core.env), &mut attempt).await;
    if ended.is_err() {
        let answers = link.answers();
        ended = timeout(GRACE, &mut attempt).await;
        if ended.is_err() && link.answers() == answers {
            // Others wait behind what takes so long. Whose it is cannot be told; another's is run again.
            core.pool.retire(&link);
        }
    }
    ended.map_err(|_| Error::DeadlineExceeded)??;
    Ok(state.failure.borrow_mut().take())
}

async fn on_snapshot(core: &Core, member: &dyn Member) -> Result<Option<Failure>, Error> {
    let deadline = member.deadline();
    let lent = core.pool.lend_to_read(deadline).await?;
    let begin = core.begin(SNAPSHOT, deadline);
    let attempt = member.attempt(Session::snapshot(core.env.clone(), deadline, lent.link.clone(), begin));
    let state = attempt.state().clone();
    let Ok(ended) = timeout(core.patience(deadline), attempt).await else {
        lent.give_up();
        return Err(Error::DeadlineExceeded);
    };
    let lost = state.failure.borrow().as_ref().is_some_and(|failure| failure.kind == Kind::Lost);
    // Nothing to keep; a rollback also ends what a failure has broken.
    if !lost && (!state.asked.get() || lent.link.rollback(core.patience(deadline)).await) {
        lent.give_back();
    }
    ended?;
    Ok(state.failure.borrow_mut().take())
}
