use shoal_sql::{Database, Error, FromRow, Row, Tx, Value, params};
use shoal_types::{Context, Fact, Fault, Timestamp};
use uuid::Uuid;

use crate::Event;
use crate::store::sql;

/// An event a consumer refused until its tries were used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Who refused it.
    pub consumer: String,
    /// The event.
    pub event: Event,
    /// The code of its last error.
    pub code: String,
    /// The last error in words.
    pub message: String,
    /// When it was given up.
    pub at: Timestamp,
}

impl DeadLetter {
    pub(crate) fn new(consumer: &str, event: &Event, fault: &Fault, at: Timestamp) -> Self {
        let message = match fault {
            Fault::Invalid { violations } => {
                violations.first().map_or_else(|| fault.to_string(), |first| first.message.clone())
            }
            _ => fault.to_string(),
        };
        Self {
            consumer: consumer.to_owned(),
            event: event.clone(),
            code: fault.code().to_owned(),
            message,
            at,
        }
    }

    fn key(&self) -> Result<[Value; 3], Error> {
        Ok(params![self.event.aggregate, sequence(&self.event)?, &self.consumer])
    }

    fn row(&self) -> Result<[Value; 7], Error> {
        let event = serde_json::to_string(&self.event)
            .map_err(|error| refuse(format!("the event is no JSON: {error}")))?;
        let sequence = sequence(&self.event)?;
        let (aggregate, consumer) = (self.event.aggregate, &self.consumer);
        Ok(params![aggregate, sequence, consumer, event, &self.code, &self.message, self.at])
    }
}

impl FromRow for DeadLetter {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let event: String = row.get(1)?;
        Ok(Self {
            consumer: row.get(0)?,
            event: serde_json::from_str(&event).map_err(|_| Error::Column {
                index: 1,
                expected: "a CloudEvent",
                found: "text",
            })?,
            code: row.get(2)?,
            message: row.get(3)?,
            at: row.get(4)?,
        })
    }
}

fn refuse(detail: String) -> Error {
    Error::Statement { name: sql::ADD_DEAD_LETTERS.name(), detail }
}

fn sequence(event: &Event) -> Result<i64, Error> {
    i64::try_from(event.sequence).map_err(|_| refuse("the sequence is too large".to_owned()))
}

/// A page of a house's dead letters, ordered by aggregate, sequence and consumer, after `after`.
///
/// # Errors
/// What the engine answers.
pub async fn list_dead_letters(
    db: &Database,
    cx: &Context,
    after: Option<&DeadLetter>,
    limit: u16,
) -> Result<Vec<DeadLetter>, Error> {
    let [aggregate, sequence, consumer] =
        after.map_or_else(|| Ok(params![Uuid::nil(), -1, ""]), DeadLetter::key)?;
    let params = [aggregate, sequence, consumer, Value::from(limit)];
    db.read(cx, async move |tx| tx.list(sql::LIST_DEAD_LETTERS, &params).await).await
}

/// Keeps `letters`; no statement for none.
pub(crate) async fn add(tx: &mut Tx, letters: &[DeadLetter]) -> Result<(), Error> {
    let rows = letters.iter().map(DeadLetter::row).collect::<Result<Vec<_>, _>>()?;
    tx.execute_rows(sql::ADD_DEAD_LETTERS, params![], &rows).await.map(|_| ())
}

/// Forgets `letters`; no statement for none.
pub(crate) async fn remove(tx: &mut Tx, letters: &[DeadLetter]) -> Result<(), Error> {
    let keys = letters.iter().map(DeadLetter::key).collect::<Result<Vec<_>, _>>()?;
    tx.execute_rows(sql::REMOVE_DEAD_LETTERS, params![], &keys).await.map(|_| ())
}
