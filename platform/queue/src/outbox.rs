use serde::Serialize;
use shoal_sql::{Batch, Error, Statement, Tx, Value, params};
use shoal_types::{Env, Id, Noun};
use uuid::Uuid;

use crate::EventId;
use crate::store::sql;

/// An event to be told, one for each version of its aggregate.
#[derive(Debug, Clone)]
pub struct Outgoing<D> {
    /// What it happened to.
    pub aggregate: Uuid,
    /// The aggregate's version after the change, from 1.
    pub sequence: u64,
    /// What happened: `user.registered`.
    pub kind: &'static str,
    /// The aggregate's id as text.
    pub subject: String,
    /// What else there is to say; becomes JSON.
    pub data: D,
}

impl<D: Serialize> Outgoing<D> {
    /// `kind` happened to the aggregate `id`, which is now at `version`.
    pub fn new<T: Noun>(kind: &'static str, id: Id<T>, version: u64, data: D) -> Self {
        Self { aggregate: id.uuid(), sequence: version, kind, subject: id.to_string(), data }
    }

    /// The parameters of the one insert.
    fn row(&self, env: &Env) -> Result<[Value; 7], Error> {
        let refuse = |detail: String| Error::Statement { name: sql::APPEND.name(), detail };
        let data = serde_json::to_string(&self.data)
            .map_err(|error| refuse(format!("the data of {} is no JSON: {error}", self.kind)))?;
        let sequence =
            i64::try_from(self.sequence).map_err(|_| refuse("the sequence is too large".into()))?;
        let id: EventId = env.id();
        Ok(params![self.aggregate, sequence, id, self.kind, &self.subject, env.now(), data])
    }
}

/// Appends an event in the transaction of the change it tells of, with one statement, and wakes the relay after
/// the commit.
///
/// # Errors
/// `Constraint` if the aggregate has an event of this sequence already: its version was not guarded.
pub async fn append<D: Serialize>(tx: &mut Tx, event: &Outgoing<D>, env: &Env) -> Result<(), Error> {
    append_all(tx, std::slice::from_ref(event), env).await
}

/// Appends many events with one statement; none with none.
///
/// # Errors
/// As [`append`].
pub async fn append_all<D: Serialize>(tx: &mut Tx, events: &[Outgoing<D>], env: &Env) -> Result<(), Error> {
    let rows = events.iter().map(|event| event.row(env)).collect::<Result<Vec<_>, _>>()?;
    tx.execute_rows(sql::APPEND, params![], &rows).await?;
    tx.wake();
    Ok(())
}

/// Adds the appending of `events` to a batch, as one statement.
///
/// # Errors
/// `Statement` if the data of an event is no JSON.
pub fn append_to<D: Serialize>(batch: Batch, events: &[Outgoing<D>], env: &Env) -> Result<Batch, Error> {
    let rows = events.iter().map(|event| event.row(env)).collect::<Result<Vec<_>, _>>()?;
    Ok(batch.add_rows(sql::APPEND, params![], rows).wake())
}

/// Where a relay finds a house's events. The default is the table `outbox`.
///
/// A house whose own table doubles as its outbox names its statements here and appends with its own insert, followed
/// by `tx.wake()`.
#[derive(Debug, Clone, Copy)]
pub struct OutboxTable {
    /// Reads at most `$1` rows not yet published, ordered by aggregate and sequence: `aggregate, sequence, event_id,
    /// kind, subject, at, data`. A null `subject` is written by the function `subject`.
    pub unpublished: &'static Statement,
    /// Marks the rows of `{rows:2}` (aggregate, sequence) as published.
    pub publish: &'static Statement,
    /// Reads at most `$4` published rows, the same columns, after the key `$1, $2, $3` of at, aggregate and sequence.
    pub published: &'static Statement,
    /// Counts those not yet published, and answers the time of the oldest.
    pub waiting: &'static Statement,
    /// Writes an aggregate's id as text.
    pub subject: fn(Uuid) -> String,
    /// Whether another relay waits for the marks of this one.
    pub wakes_another: bool,
}

impl Default for OutboxTable {
    fn default() -> Self {
        Self {
            unpublished: sql::UNPUBLISHED,
            publish: sql::PUBLISH,
            published: sql::PUBLISHED,
            waiting: sql::WAITING,
            subject: |aggregate| aggregate.to_string(),
            wakes_another: false,
        }
    }
}

impl OutboxTable {
    /// The table `outbox` for two relays: one that tells who is in this process, then one that carries what was told to the
    /// others. So those here hear of everything while the others, or the queue, are away.
    ///
    /// The house has the migration `outbox_told_here`.
    pub fn in_two_steps() -> [Self; 2] {
        let here = Self {
            publish: sql::TELL_HERE,
            waiting: sql::WAITING_TOLD_HERE,
            wakes_another: true,
            ..Self::default()
        };
        let others = Self { unpublished: sql::TOLD_HERE, waiting: sql::WAITING_TOLD_HERE, ..Self::default() };
        [here, others]
    }
}

/// The migration of a house whose outbox has two relays: see [`OutboxTable::in_two_steps`].
pub const OUTBOX_TOLD_HERE: &str = include_str!("../migrations/outbox_told_here.sql");
