//! Commits whose answer may get lost.
//!
//! Each transaction that wrote leaves a mark, a random id in `commits`. If the connection breaks before the commit is
//! answered, the mark is entered once more on another connection: if it is there already the transaction was
//! committed; if it could be entered the transaction never was, and never can be any more, since it would have to enter
//! the same mark. Source: docs/adr/0008-postgresql.md

use std::time::Duration;

use shoal_types::{Deadline, Env};
use uuid::Uuid;

use super::failure::{Failure, Kind};
use super::link::Link;
use super::pool::Pool;

/// How long a mark is kept; no deadline is as far away.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// What became of a transaction.
pub(super) enum Fate {
    /// It is durable.
    Committed,
    /// Nothing of it happened. It may be run again unless the failure is final.
    Undone(Failure),
    /// It happened as a whole or not at all, and nobody could be asked in time.
    Unknown,
}

/// Commits what is open on `link`, with a mark if it wrote.
pub(super) async fn commit(link: &Link, pool: &Pool, env: &Env, wrote: bool, deadline: Deadline) -> Fate {
    link.flight();
    if !wrote {
        return match link.control("commit").await {
            Ok(()) => Fate::Committed,
            Err(failure) => Fate::Undone(failure),
        };
    }
    let mark = mark(env);
    // The commit itself is under no time limit: a server that gives up waiting for its standby calls that a success.
    let enter =
        format!("set local statement_timeout to 0; insert into commits (commit_id) values ('{mark}')");
    let (entered, committed) = futures::join!(link.control(&enter), link.control("commit"));
    match (entered, committed) {
        (Ok(()), Ok(())) => Fate::Committed,
        // Refused before it came to a commit; what follows in that case commits nothing.
        (Err(failure), _) if failure.kind != Kind::Lost => Fate::Undone(failure),
        (Ok(()), Err(failure)) if failure.kind != Kind::Lost => Fate::Undone(failure),
        _ => look_up(pool, mark, deadline).await,
    }
}

/// Asks on another connection, until the deadline.
async fn look_up(pool: &Pool, mark: Uuid, deadline: Deadline) -> Fate {
    tracing::info!("the connection was lost during a commit; it is looked up");
    let enter =
        format!("insert into commits (commit_id) values ('{mark}') on conflict (commit_id) do nothing");
    loop {
        let Ok(link) = pool.connect(deadline).await else { return Fate::Unknown };
        match link.client().execute(&enter, &[]).await {
            Ok(0) => return Fate::Committed,
            Ok(_) => return Fate::Undone(Failure::lost("the connection was lost before the commit")),
            // Lost again, or told to wait too long: asked again.
            Err(error) => tracing::debug!(%error, "a commit is looked up again"),
        }
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
fn uuid_at(millis: i64, random: u128) -> Uuid {
    let mut bytes = random.to_be_bytes();
    bytes[..6].copy_from_slice(&millis.max(0).to_be_bytes()[2..]);
    let mut builder = uuid::Builder::from_bytes(bytes);
    builder.set_version(uuid::Version::SortRand).set_variant(uuid::Variant::RFC4122);
    builder.into_uuid()
}
