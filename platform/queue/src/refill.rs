//! Filling a stream that is new: after the queue has lost its disk, or when a shop is given a queue.

use std::time::Duration;

use shoal_sql::{Database, Error, params};
use shoal_types::{Context, Env, Timestamp};
use uuid::Uuid;

use crate::event::OutboxRow;
use crate::nats::{Publisher, QueueError};
use crate::{Event, OutboxTable, Retention, inbox};

/// Events published at a time.
const PAGE: u16 = 1_000;
/// An inbox forgets an event so much later, at least, than it is last published again.
const MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Which stream is known to have what was published before.
#[derive(Debug, Default)]
pub(crate) struct Refill(Option<String>);

impl Refill {
    pub(crate) fn is_done(&self, stream: &str) -> bool {
        self.0.as_deref() == Some(stream)
    }

    pub(crate) fn done(&mut self, stream: String) {
        self.0 = Some(stream);
    }
}

/// Why a stream could not be filled.
pub(crate) enum Failure {
    Database(Error),
    Queue(QueueError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// A house whose events are to be in a stream.
pub(crate) struct House<'h> {
    pub(crate) db: &'h Database,
    pub(crate) table: &'h OutboxTable,
    pub(crate) env: &'h Env,
    /// How long a statement may take.
    pub(crate) limit: Duration,
}

impl House<'_> {
    /// Publishes again what was published before, unless `stream` has got it already. What consumers have heard their
    /// inboxes know, as they remember longer than what is published again is old.
    pub(crate) async fn fill(&self, publisher: &Publisher, stream: &str) -> Result<(), Failure> {
        let cx = Context::system(self.env, self.limit);
        // A house may have two outboxes.
        let filled = format!("{stream} {}", self.table.published.text());
        if inbox::has_filled(self.db, &cx, &filled).await? {
            return Ok(());
        }
        let mut after = Position::since(self.env.now().minus(Retention::default().events - MARGIN));
        let mut again = 0;
        loop {
            let cx = Context::system(self.env, self.limit);
            let page = published(self.db, self.table, &cx, &after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Position::of(last);
            again += page.len();
            let mut events = page;
            events.sort_by_key(|event| (event.aggregate, event.sequence));
            if let Some(trouble) = publisher.publish(&events).await.trouble {
                return Err(Failure::Queue(trouble));
            }
        }
        if again > 0 {
            tracing::warn!(
                house = self.db.name(),
                events = again,
                "the queue is new: published again what it had lost"
            );
        }
        let cx = Context::system(self.env, self.limit);
        inbox::note_filled(self.db, &cx, &filled).await?;
        Ok(())
    }
}

/// A place in the published events of a house, ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// When the event happened.
    pub at: Timestamp,
    /// To what.
    pub aggregate: Uuid,
    /// Its sequence there.
    pub sequence: u64,
}

impl Position {
    /// Before all that happened at `at` or later.
    pub fn since(at: Timestamp) -> Self {
        Self { at, aggregate: Uuid::nil(), sequence: 0 }
    }

    /// The place of `event`.
    pub fn of(event: &Event) -> Self {
        Self { at: event.at, aggregate: event.aggregate, sequence: event.sequence }
    }
}

/// A page of the published events of a house that it still has, in the order of time, after `after`.
///
/// # Errors
/// What the engine answers.
pub async fn published(
    db: &Database,
    table: &OutboxTable,
    cx: &Context,
    after: &Position,
    limit: u16,
) -> Result<Vec<Event>, Error> {
    let (statement, subject, Position { at, aggregate, sequence }) = (table.published, table.subject, *after);
    let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
    let rows = db
        .read(cx, async move |tx| {
            tx.list::<OutboxRow>(statement, params![at, aggregate, sequence, limit]).await
        })
        .await?;
    Ok(rows.into_iter().map(|row| row.event(db.name(), subject)).collect())
}

/// How many events of a house are not published yet, and since when the oldest waits.
///
/// # Errors
/// What the engine answers.
pub async fn waiting(
    db: &Database,
    table: &OutboxTable,
    cx: &Context,
) -> Result<(u64, Option<Timestamp>), Error> {
    let statement = table.waiting;
    let counted =
        db.read(cx, async move |tx| tx.find::<(u64, Option<Timestamp>)>(statement, params![]).await).await?;
    Ok(counted.unwrap_or_default())
}
