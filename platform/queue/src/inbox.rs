use std::collections::HashSet;

use shoal_sql::{Error, Tx, params};
use shoal_types::Env;

use crate::store::sql;
use crate::{Event, EventId};

/// Notes in the consumer's own transaction that it hears `events`, and answers those it hears for the first time, in
/// their order. One statement.
///
/// # Errors
/// What the engine answers.
pub async fn receive<'e>(
    tx: &mut Tx,
    consumer: &'static str,
    events: &'e [Event],
    env: &Env,
) -> Result<Vec<&'e Event>, Error> {
    let now = env.now();
    let rows: Vec<_> = events.iter().map(|event| params![event.aggregate, consumer, event.id, now]).collect();
    let new: HashSet<EventId> = tx.list_rows(sql::RECEIVE, params![], &rows).await?.into_iter().collect();
    Ok(events.iter().filter(|event| new.contains(&event.id)).collect())
}
