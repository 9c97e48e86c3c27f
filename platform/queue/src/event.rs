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
/// attributes, the second as it is registered: text whose order is the order of the numbers.
///
/// Source: CloudEvents 1.0.2, JSON format; extension `sequence`.
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
    /// What the data is.
    #[serde(default)]
    datacontenttype: ContentType,
    /// The shape of the data: `urn:shoal:events:product.changed:1`. Empty for what was set aside before there were any.
    #[serde(rename = "dataschema", default, skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// The aggregate as text: `product_01h...`.
    pub subject: String,
    /// The aggregate it happened to. Events of one aggregate keep their order.
    pub aggregate: Uuid,
    /// The aggregate's version after it, from 1.
    #[serde(serialize_with = "write_sequence", deserialize_with = "read_sequence")]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum ContentType {
    #[default]
    #[serde(rename = "application/json")]
    Json,
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

fn write_sequence<S: Serializer>(sequence: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{sequence:020}"))
}

/// Reads the text, or the number that it was once.
fn read_sequence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => text.parse().map_err(serde::de::Error::custom),
        number => u64::deserialize(number).map_err(serde::de::Error::custom),
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
        // An outbox names the version of the data's shape from the second on.
        let (kind, version) = self.kind.split_once('/').unwrap_or((&self.kind, "1"));
        Event {
            specversion: SpecVersion::One,
            id: self.id,
            source: format!("/{source}"),
            kind: kind.to_owned(),
            datacontenttype: ContentType::Json,
            schema: format!("urn:shoal:events:{kind}:{version}"),
            subject: self.subject.unwrap_or_else(|| subject(self.aggregate)),
            aggregate: self.aggregate,
            sequence: self.sequence,
            at: self.at,
            data: self.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_the_version_of_its_shape() {
        for (kind, schema) in
            [("fish.fed", "urn:shoal:events:fish.fed:1"), ("fish.fed/2", "urn:shoal:events:fish.fed:2")]
        {
            let row = OutboxRow {
                aggregate: Uuid::nil(),
                sequence: 1,
                id: EventId::from_digest([1; 16]),
                kind: kind.to_owned(),
                subject: None,
                at: Timestamp::from_micros(0),
                data: "{}".to_owned(),
            };
            let event = row.event("pond", |aggregate| aggregate.to_string());
            assert_eq!((event.kind.as_str(), event.schema.as_str()), ("fish.fed", schema));
        }
    }
}
