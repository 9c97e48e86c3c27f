use std::borrow::Cow;
use std::sync::Arc;

use futures::future::try_join_all;
use shoal_types::{Env, Fault};
use tokio::sync::watch;

use crate::delivery::{Delivery, Stopped};
use crate::nats::{Published, Publisher, QueueError};
use crate::{Consumer, DeadLetter, Event, RelayOptions};

/// Who would have heard what the queue cannot carry.
const QUEUE: &str = "queue";

/// How the events of an outbox get to those who want them.
pub(crate) enum Carrier {
    /// From hand to hand, in this process or by the calls of its consumers.
    Here(Vec<Arc<dyn Consumer>>),
    /// Over the queue, where consumers take them as they can.
    Queue(Publisher),
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    /// Those that need not be carried again.
    pub(crate) done: Vec<Event>,
    /// Those given up.
    pub(crate) dead: Vec<DeadLetter>,
    /// Why the others are not done.
    pub(crate) trouble: Option<QueueError>,
}

/// What carrying takes.
pub(crate) struct Journey<'r> {
    pub(crate) options: &'r RelayOptions,
    pub(crate) env: &'r Env,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Carrier {
    /// Carries `events`, which are ordered by aggregate and sequence.
    pub(crate) async fn carry(&self, events: Vec<Event>, journey: Journey<'_>) -> Result<Carried, Stopped> {
        match self {
            Self::Here(consumers) => journey.by_hand(consumers, events).await,
            Self::Queue(publisher) => {
                let published = publisher.publish(&events).await;
                Ok(journey.by_queue(published, events))
            }
        }
    }
}

impl Journey<'_> {
    async fn by_hand(&self, consumers: &[Arc<dyn Consumer>], events: Vec<Event>) -> Result<Carried, Stopped> {
        let deliveries = consumers.iter().map(|consumer| self.deliver(&**consumer, &events));
        let dead = try_join_all(deliveries).await?.into_iter().flatten().collect();
        Ok(Carried { done: events, dead, trouble: None })
    }

    /// Hands one consumer those it wants.
    async fn deliver(&self, consumer: &dyn Consumer, events: &[Event]) -> Result<Vec<DeadLetter>, Stopped> {
        let wanted = |event: &&Event| consumer.wants(&event.kind);
        let events = match events.iter().filter(wanted).count() {
            0 => return Ok(Vec::new()),
            count if count == events.len() => Cow::Borrowed(events),
            _ => events.iter().filter(wanted).cloned().collect(),
        };
        let delivery = Delivery { consumer, options: self.options, env: self.env, stop: self.stop.clone() };
        delivery.deliver(&events).await
    }

    /// What the queue has, and as dead letters what it can never take.
    fn by_queue(&self, published: Published, events: Vec<Event>) -> Carried {
        let Published { acknowledged, too_large, trouble } = published;
        let too_large: Vec<&Event> = too_large.iter().filter_map(|place| events.get(*place)).collect();
        let fault =
            Fault::invalid("data", "too_large", "the event is larger than a message of the queue may be");
        let letter = |event: &Event| {
            tracing::error!(event = %event.id, kind = event.kind, "event is too large for the queue");
            DeadLetter::new(QUEUE, event, &fault, self.env.now())
        };
        let dead = too_large.iter().map(|event| letter(event)).collect();
        if trouble.is_none() {
            return Carried { done: events, dead, trouble };
        }
        let mut done: Vec<Event> = too_large.into_iter().cloned().collect();
        done.extend(acknowledged.iter().filter_map(|place| events.get(*place)).cloned());
        Carried { done, dead, trouble }
    }
}
