//! Reads: one statement on a shared connection, or several on one snapshot.
//!
//! A body does not say how many statements it has. It is begun as if it had one; at the second it is run anew on a
//! connection of its own, in a transaction that sees one snapshot, and so is every body of its kind from then on.

use std::time::Duration;

use super::core::Core;
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
    let fate = answered(core, &*member).await;
    member.answer(fate);
}

async fn answered(core: &Core, member: &dyn Member) -> Result<(), Error> {
    let deadline = member.deadline();
    loop {
        core.in_time(deadline)?;
        let several = core.several.borrow().contains(&member.kind());
        let failure = if several { on_snapshot(core, member).await? } else { single(core, member).await? };
        match failure {
            None => return Ok(()),
            Some(failure) if failure.kind == Kind::Final => return Ok(()),
            Some(failure) if failure.kind == Kind::Conflict && !several => {
                core.several.borrow_mut().insert(member.kind());
            }
            Some(failure) if deadline.remaining(&core.env) <= PAUSE => return Err(failure.error),
            Some(_) => core.pool.pause(PAUSE).await,
        }
    }
}

/// What failed, if the body is to be run again or has failed by it.
async fn single(core: &Core, member: &dyn Member) -> Result<Option<Failure>, Error> {
    let deadline = member.deadline();
    let link = core.pool.share(deadline).await?;
    let attempt = member.attempt(Session::single(core.env.clone(), deadline, link.clone()));
    let state = attempt.state().clone();
    match tokio::time::timeout(core.patience(deadline), attempt).await {
        Ok(Ok(_)) => Ok(state.failure.borrow_mut().take()),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            // Others wait behind the overdue answer; they are not kept, but nobody new joins them.
            core.pool.retire(&link);
            Err(Error::DeadlineExceeded)
        }
    }
}

async fn on_snapshot(core: &Core, member: &dyn Member) -> Result<Option<Failure>, Error> {
    let deadline = member.deadline();
    let lent = core.pool.lend(deadline).await?;
    let begin = core.begin(SNAPSHOT, deadline);
    let attempt = member.attempt(Session::own(core.env.clone(), deadline, lent.link.clone(), begin));
    let state = attempt.state().clone();
    let ended = tokio::time::timeout(core.patience(deadline), attempt).await;
    let ended = ended.map_err(|_| Error::DeadlineExceeded)?;
    let lost = state.failure.borrow().as_ref().is_some_and(|failure| failure.kind == Kind::Lost);
    // Nothing to keep; a rollback also ends what a failure has broken.
    if !lost && (!state.asked.get() || lent.link.control("rollback").await.is_ok()) {
        lent.give_back();
    }
    ended?;
    Ok(state.failure.borrow_mut().take())
}
