use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use futures::StreamExt;

use super::{Queue, QueueError, stream};
use crate::Event;

/// Aggregates whose events are on their way at the same time.
const IN_FLIGHT: usize = 1024;

/// Brings events into the stream.
pub(crate) struct Publisher {
    queue: Queue,
}

/// What became of events that were to be published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// Those the queue has, by their place among those given.
    pub(crate) acknowledged: Vec<usize>,
    /// Those it will never take.
    pub(crate) too_large: Vec<usize>,
    /// Why the rest is not there.
    pub(crate) trouble: Option<QueueError>,
}

/// What became of one event.
enum Fate {
    Acknowledged,
    TooLarge,
}

impl Publisher {
    pub(crate) fn new(queue: Queue) -> Self {
        Self { queue }
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Which stream the events go to: another after the queue has lost its disk.
    pub(crate) async fn stream(&self) -> Result<String, QueueError> {
        if !self.queue.is_connected() {
            return Err(self.queue.away("there is no connection"));
        }
        Ok(self.queue.made().await?.identity)
    }

    /// Publishes `events`, which are ordered by aggregate and sequence. Of one aggregate each waits for the
    /// acknowledgement of the one before; others do not wait.
    pub(crate) async fn publish(&self, events: &[Event]) -> Published {
        let mut start = 0;
        let rounds = events.chunk_by(|one, other| one.aggregate == other.aggregate).map(|events| {
            let first = start;
            start += events.len();
            (first, events)
        });
        // Started here, one after the other: so they are sent in this order too.
        let rounds: Vec<_> = rounds.map(|(first, events)| self.round(first, events)).collect();
        let mut rounds = futures::stream::iter(rounds).buffer_unordered(IN_FLIGHT);
        let mut all = Published::default();
        while let Some(round) = rounds.next().await {
            all.acknowledged.extend(round.acknowledged);
            all.too_large.extend(round.too_large);
            all.trouble = all.trouble.or(round.trouble);
        }
        if all.trouble.is_some() {
            self.queue.doubt().await;
        }
        all
    }

    /// The events of one aggregate, until one is not acknowledged.
    async fn round(&self, first: usize, events: &[Event]) -> Published {
        let mut round = Published::default();
        for (place, event) in (first..).zip(events) {
            match self.publish_one(event).await {
                Ok(Fate::Acknowledged) => round.acknowledged.push(place),
                Ok(Fate::TooLarge) => round.too_large.push(place),
                Err(error) => {
                    round.trouble = Some(error);
                    break;
                }
            }
        }
        round
    }

    async fn publish_one(&self, event: &Event) -> Result<Fate, QueueError> {
        let refused = |reason: String| QueueError::Refused { reason };
        let payload = serde_json::to_vec(event).map_err(|error| refused(error.to_string()))?;
        let message = PublishMessage::build()
            .payload(payload.into())
            .message_id(event.id.to_string())
            .header("Content-Type", "application/cloudevents+json");
        let subject = stream::subject(&self.queue.options().name, event);
        let sent = self.queue.jetstream().send_publish(subject, message).await;
        let acknowledged = match sent {
            Ok(sent) => sent.await,
            Err(error) => Err(error),
        };
        match acknowledged {
            Ok(_) => Ok(Fate::Acknowledged),
            Err(error) => match error.kind() {
                PublishErrorKind::MaxPayloadExceeded => Ok(Fate::TooLarge),
                PublishErrorKind::Other => Err(refused(reason(&error))),
                _ => Err(self.queue.away(error)),
            },
        }
    }
}

/// The innermost cause, which is what the server said.
fn reason(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(inner) = error.source() {
        error = inner;
    }
    error.to_string()
}
