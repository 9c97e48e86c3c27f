use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use shoal_sql::{FromRow, Row};
use shoal_types::{Fault, Id, Noun, Timestamp};
use uuid::Uuid;

/// Marks the ids of events.
#[derive(Debug)]
pub struct EventNoun;

impl Noun for EventNoun {
    const PREFIX: &'static str = "event";
}

/// An event's id: what an inbox knows it by.
pub type EventId = Id<EventNoun>;

/// Something that happened to an aggregate. Its JSON is a CloudEvent; `aggregate` and `sequence` are extension
/// attributes.
///
/// Source: CloudEvents 1.0.2, JSON format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The version of CloudEvents.
    specversion: SpecVersion,
    /// Unique for ever; a repeated delivery has the same.
    pub id: EventId,
    /// The house: `/products`.
    pub source: String,
    /// What happened: `product.changed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The aggregate as text: `product_01h...`.
    pub subject: String,
    /// The aggregate it happened to. Events of one aggregate keep their order.
    pub aggregate: Uuid,
    /// The aggregate's version after it, from 1.
    pub sequence: u64,
    /// When.
    #[serde(rename = "time")]
    pub at: Timestamp,
    /// What else there is to say, by kind: JSON text.
    #[serde(serialize_with = "write_data", deserialize_with = "read_data")]
    pub data: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum SpecVersion {
    #[default]
    #[serde(rename = "1.0")]
    One,
}

impl Event {
    /// Reads the data.
    ///
    /// # Errors
    /// `Invalid` if it is no `T`: the event will never be understood, so a repeat does not help.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_str(&self.data)
            .map_err(|error| Fault::invalid("data", "undecodable", format!("{}: {error}", self.kind)))
    }
}

fn write_data<S: Serializer>(data: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let value: Value = serde_json::from_str(data).map_err(serde::ser::Error::custom)?;
    value.serialize(serializer)
}

fn read_data<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Value::deserialize(deserializer).map(|value| value.to_string())
}

/// A row of an outbox, before it is known whose.
pub(crate) struct OutboxRow {
    pub(crate) aggregate: Uuid,
    pub(crate) sequence: u64,
    id: EventId,
    kind: String,
    subject: Option<String>,
    at: Timestamp,
    data: String,
}

impl FromRow for OutboxRow {
    fn from_row(row: &Row<'_>) -> Result<Self, shoal_sql::Error> {
        Ok(Self {
            aggregate: row.get(0)?,
            sequence: row.get(1)?,
            id: row.get(2)?,
            kind: row.get(3)?,
            subject: row.get(4)?,
            at: row.get(5)?,
            data: row.get(6)?,
        })
    }
}

impl OutboxRow {
    /// The event of the house `source`; `subject` writes the aggregate's id where the row does not hold it.
    pub(crate) fn event(self, source: &str, subject: fn(Uuid) -> String) -> Event {
        Event {
            specversion: SpecVersion::One,
            id: self.id,
            source: format!("/{source}"),
            kind: self.kind,
            subject: self.subject.unwrap_or_else(|| subject(self.aggregate)),
            aggregate: self.aggregate,
            sequence: self.sequence,
            at: self.at,
            data: self.data,
        }
    }
}
