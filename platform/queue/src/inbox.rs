use std::collections::HashSet;

use sha2::{Digest, Sha256};
use shoal_sql::{Database, Error, Tx, params};
use shoal_types::{Context, Env, Timestamp};
use uuid::Uuid;

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
    let mut new: HashSet<EventId> = tx.list_rows(sql::RECEIVE, params![], &rows).await?.into_iter().collect();
    // Taken out, as an event may be there twice.
    Ok(events.iter().filter(|event| new.remove(&event.id)).collect())
}

/// Who in the inbox heard of a stream.
const RELAY: &str = "relay";
/// Never: a stream that is forgotten would be filled anew.
const FOR_EVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// Whether this house has filled the stream of that identity with what it had published before.
pub(crate) async fn has_filled(db: &Database, cx: &Context, stream: &str) -> Result<bool, Error> {
    let [aggregate, event] = key(stream);
    let found = db
        .read(cx, async move |tx| tx.find::<i64>(sql::HEARD, params![aggregate, RELAY, event]).await)
        .await?;
    Ok(found.is_some())
}

/// Notes that it has.
pub(crate) async fn note_filled(db: &Database, cx: &Context, stream: &str) -> Result<(), Error> {
    let [aggregate, event] = key(stream);
    db.write(cx, async move |tx| {
        let row = params![aggregate, RELAY, event, FOR_EVER];
        tx.list_rows::<EventId, _>(sql::RECEIVE, params![], &[row]).await
    })
    .await
    .map(|_| ())
}

/// What a stream is known by in the inbox: ids made of its identity.
fn key(stream: &str) -> [Uuid; 2] {
    let digest: [u8; 32] = Sha256::digest(stream).into();
    let (first, second) = digest.split_at(16);
    [first, second].map(|half| {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(half);
        Uuid::from_bytes(bytes)
    })
}
