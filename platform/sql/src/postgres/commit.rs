//! Commits whose answer may get lost.
//!
//! Each transaction that wrote leaves a mark, a random id in `commits`. If the connection breaks before the commit is
//! answered, or the answer is overdue, the mark is entered once more on another connection: if it is there already the
//! transaction was committed; if it could be entered the transaction never was, and never can be any more, since it
//! would have to enter the same mark. Source: docs/adr/0008-postgresql.md

use std::time::Duration;

use shoal_types::{Deadline, Env};
use tokio::time::timeout;
use tokio_postgres::SimpleQueryMessage;
use uuid::Uuid;

use super::core::Core;
use super::failure::{Failure, Kind};
use super::link::Link;
use super::pool::Pool;
use super::seen::{POSITION, Seen, position};

/// How long a mark is kept; no deadline is as far away.
pub(super) const KEPT: Duration = Duration::from_secs(60 * 60);
/// How long after its deadline a commit is still looked up.
pub(super) const LOOK_UP_MAX: Duration = Duration::from_secs(5);
/// How long one look may take; the primary may be another meanwhile.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// What became of a transaction.
pub(super) enum Fate {
    /// It is durable.
    Committed,
    /// Nothing of it happened. It may be run again unless the failure is final.
    Undone(Failure),
    /// It happened as a whole or not at all, and nobody could be asked in time.
    Unknown,
}

/// Commits what is open on `link`, with a mark if it wrote. The answer is waited for until `due`; what became of the
/// commit is asked elsewhere until a little after `last`. If it is not answered the connection ends.
pub(super) async fn commit(core: &Core, link: &Link, wrote: bool, due: Deadline, last: Deadline) -> Fate {
    link.flight();
    let mark = wrote.then(|| mark(&core.env));
    // A server that hangs keeps its connections open.
    let answered = timeout(core.patience(due), answer(link, core.pool.seen(), mark)).await;
    if let Ok(Some(fate)) = answered {
        return fate;
    }
    link.cut();
    match mark {
        Some(mark) => look_up(&core.pool, &core.env, mark, last).await,
        None => Fate::Undone(Failure::lost("the connection was lost before the end of the transaction")),
    }
}

/// What the server answers; `None` if the connection is lost.
async fn answer(link: &Link, seen: &Seen, mark: Option<Uuid>) -> Option<Fate> {
    let Some(mark) = mark else {
        let (committed, position) = futures::join!(link.control("commit"), reached(link));
        seen.looked(position.unwrap_or_default());
        return told(committed);
    };
    // The commit itself is under no time limit: a server that gives up waiting for its standby calls that a success.
    let enter = format!(
        "set local statement_timeout to 0; insert into commits (commit_id, looked_up) values ('{mark}', 0)"
    );
    let (entered, committed) = futures::join!(link.control(&enter), link.control("commit"));
    // What could not be entered was refused before it came to a commit, which then commits nothing.
    match told(entered) {
        Some(Fate::Committed) => {
            let fate = told(committed);
            if let Some(Fate::Committed) = fate {
                seen.committed(mark);
            }
            fate
        }
        other => other,
    }
}

/// How far the log of a primary is, if it has one.
async fn reached(link: &Link) -> Option<u64> {
    link.history()?;
    position(&link.ask(POSITION).await.ok()?)
}

fn told(result: Result<(), Failure>) -> Option<Fate> {
    match result {
        Ok(()) => Some(Fate::Committed),
        Err(failure) if failure.kind == Kind::Lost => None,
        Err(failure) => Some(Fate::Undone(failure)),
    }
}

/// Asks on other connections, until a little after the deadline.
async fn look_up(pool: &Pool, env: &Env, mark: Uuid, last: Deadline) -> Fate {
    tracing::info!("a commit was not answered; it is looked up");
    let last = Deadline::after(env, last.remaining(env) + LOOK_UP_MAX);
    while !last.remaining(env).is_zero() {
        match look(pool, env, mark, last).await {
            Some(looked_up) if looked_up > 0 => {
                pool.seen().committed(mark);
                return Fate::Committed;
            }
            Some(_) => return Fate::Undone(Failure::lost("the connection was lost before the commit")),
            None => pool.pause(Duration::from_millis(50)).await,
        }
    }
    Fate::Unknown
}

/// Enters the mark: above zero if the transaction had entered it, below if it never can any more.
///
/// It writes in any case, so that its own answer waits for the synchronous standby, as that of the commit did. And it
/// tells its own mark from the transaction's, for an earlier look may have lost its answer too.
async fn look(pool: &Pool, env: &Env, mark: Uuid, last: Deadline) -> Option<i64> {
    let link = pool.connect(last).await.ok()?;
    let limit = last.remaining(env).min(LOOK_MAX);
    // Without a limit for the commit, and with one for the wait until the transaction has ended.
    let enter = format!(
        "begin; set local statement_timeout to {}; \
         insert into commits (commit_id, looked_up) values ('{mark}', -1) \
         on conflict (commit_id) do update set looked_up = commits.looked_up \
         + case when commits.looked_up < 0 then -1 else 1 end returning looked_up; \
         set local statement_timeout to 0; commit",
        limit.as_millis().max(1)
    );
    match timeout(limit, link.ask(&enter)).await {
        Ok(Ok(messages)) => messages.iter().find_map(number),
        Ok(Err(failure)) => {
            tracing::debug!(error = %failure.error, "a commit is looked up again");
            None
        }
        Err(_) => None,
    }
}

fn number(message: &SimpleQueryMessage) -> Option<i64> {
    match message {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    }
}

/// Forgets marks that nobody can ask for any more.
pub(super) async fn forget_old_marks(link: &Link, env: &Env) -> Result<(), Failure> {
    // Ids of version 7 begin with their time.
    link.flight();
    let oldest = uuid_at(env.now().minus(KEPT).as_micros() / 1000, 0);
    link.control(&format!("delete from commits where commit_id < '{oldest}'")).await
}

fn mark(env: &Env) -> Uuid {
    let mut random = [0_u8; 16];
    env.rng().fill(&mut random);
    uuid_at(env.now().as_micros() / 1000, u128::from_le_bytes(random))
}

/// An id of version 7 (RFC 9562) of this instant, in milliseconds.
pub(super) fn uuid_at(millis: i64, random: u128) -> Uuid {
    let mut bytes = random.to_be_bytes();
    bytes[..6].copy_from_slice(&millis.max(0).to_be_bytes()[2..]);
    let mut builder = uuid::Builder::from_bytes(bytes);
    builder.set_version(uuid::Version::SortRand).set_variant(uuid::Variant::RFC4122);
    builder.into_uuid()
}
