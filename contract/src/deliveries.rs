//! What became of events on their way: those that were published, and those that a consumer refused.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shoal_types::{Fault, Timestamp};
use utoipa::ToSchema;

use crate::service::service;

/// Dead letters, or published events, in one answer.
pub const PAGE_MAX: u16 = 200;

/// Which events are meant; the default means all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Which {
    /// Of this consumer.
    pub consumer: Option<String>,
    /// Of this type: `order.placed`.
    pub kind: Option<String>,
    /// Of this aggregate: `order_01h...`.
    pub subject: Option<String>,
    /// Then or later: given up as a dead letter, or happened.
    pub since: Option<Timestamp>,
    /// These events; none for all.
    pub events: Vec<String>,
}

/// Dead letters of a house.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Letters {
    /// Whose: `orders`.
    pub house: String,
    /// Which of them.
    pub which: Which,
}

/// An event that a consumer refused until its tries were used up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// The house that keeps it.
    pub house: String,
    /// Who refused it.
    pub consumer: String,
    /// The event, a CloudEvent.
    #[schema(value_type = Object)]
    pub event: Value,
    /// The code of the last error.
    pub code: String,
    /// The last error in words.
    pub message: String,
    /// When it was given up.
    pub at: Timestamp,
}

/// Some dead letters of a house.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetters {
    /// At most 200, by aggregate and sequence.
    pub dead_letters: Vec<DeadLetter>,
    /// Whether there are more.
    pub more: bool,
}

/// What became of dead letters that were offered again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Redriven {
    /// Taken by their consumer now.
    pub taken: u64,
    /// Refused again, or their consumer is not known here.
    pub left: u64,
}

/// Published events of a house, in the order of time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Follow {
    /// Whose.
    pub house: String,
    /// Happened then or later.
    pub since: Timestamp,
    /// After this place of an earlier answer.
    pub after: Option<String>,
}

/// A page of published events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    /// At most 200, each a CloudEvent.
    pub events: Vec<Value>,
    /// The place of the last; none if there are no more.
    pub next: Option<String>,
    /// When the oldest event happened that waits to be published.
    pub waiting_since: Option<Timestamp>,
}

/// Hands published events to a consumer once more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replay {
    /// What happened there.
    pub house: String,
    /// Who is to hear of it.
    pub consumer: String,
    /// Which of the events; the consumer in here does not count.
    pub which: Which,
    /// After this place of an earlier answer.
    pub after: Option<String>,
}

/// What was handed over of one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Events handed over.
    pub events: u64,
    /// Where to go on; none at the end.
    pub next: Option<String>,
}

service! {
    /// What became of the events of a house. Each node answers for the houses that it has.
    pub trait Deliveries as "deliveries", error Fault, system from [operator] {
        /// Dead letters of a house. Staff, operators.
        async fn dead_letters(Letters) -> DeadLetters; from [gateway, operator]; idempotent;
        /// Offers dead letters of a house once more to their consumers. Staff, operators. Idempotent, as consumers are.
        async fn redrive(Letters) -> Redriven; from [gateway, operator]; idempotent;
        /// A page of what a house has published and still keeps: a week at least. Operators.
        async fn published(Follow) -> Published; from [operator]; idempotent;
        /// Hands a page of what a house has published to a consumer, which knows what it has heard. Operators. Idempotent.
        async fn replay(Replay) -> Replayed; from [operator]; idempotent;
    }
}
