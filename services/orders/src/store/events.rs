use shoal_contract::orders::{OrderId, TimelineEntry};
use shoal_queue::EventId;
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};
use shoal_types::Timestamp;

use super::carts::number;
use super::sql;
use crate::events::Happening;

/// The most entries of a timeline that are shown.
const ENTRIES_MAX: u32 = 1_000;

/// The row of something that happened. What is `published` already is history, and no news to any consumer.
pub(crate) fn row(happening: &Happening, id: EventId, published: bool) -> [Value; 8] {
    params![
        happening.order,
        number(happening.sequence),
        id,
        happening.kind,
        &happening.message,
        &happening.data,
        happening.at,
        published,
    ]
}

/// Writes what happened, in one statement, and wakes the relay after the commit.
pub(crate) async fn append(tx: &mut Tx, rows: &[[Value; 8]]) -> Result<(), Error> {
    tx.execute_rows(sql::INSERT_EVENTS, params![], rows).await?;
    tx.wake();
    Ok(())
}

/// Takes the place of an order's first event, so that the order can no longer be made; `false` if it is taken.
pub(crate) async fn refuse(
    tx: &mut Tx,
    order: OrderId,
    event: EventId,
    at: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.execute(sql::REFUSE_ORDER, params![order, event, at]).await? == 1)
}

/// What happened to an order, oldest first.
pub(crate) async fn list(tx: &mut ReadTx, order: OrderId) -> Result<Vec<TimelineEntry>, Error> {
    let entries: Vec<Entry> = tx.list(sql::LIST_EVENTS, params![order, ENTRIES_MAX]).await?;
    Ok(entries.into_iter().map(|entry| entry.0).collect())
}

struct Entry(TimelineEntry);

impl FromRow for Entry {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self(TimelineEntry {
            sequence: row.get(0)?,
            kind: row.get(1)?,
            message: row.get(2)?,
            at: row.get(3)?,
        }))
    }
}
