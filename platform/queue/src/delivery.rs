use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use shoal_types::{Context, Env, Fact, Fault};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{DeadLetter, Event, RelayOptions};

/// Somebody who hears events. Each may come more than once: be idempotent, or keep an inbox with
/// [`receive`](crate::receive).
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Its name in inboxes, dead letters and logs. Never changes.
    fn name(&self) -> &'static str;

    /// Whether it wants events of this kind.
    fn wants(&self, kind: &str) -> bool;

    /// Takes `events`, in the order of each aggregate. All of them count as taken, or none: after an error each is
    /// offered again, alone.
    ///
    /// # Errors
    /// A fault whose kind says that a repeat may help is repeated with growing pauses; another one makes the event a
    /// dead letter at once.
    async fn handle(&self, cx: &Context, events: &[Event]) -> Result<(), Fault>;

    /// Whether this error of [`handle`](Self::handle) says that whoever really hears is out of reach, rather than that
    /// it refused: then events wait for as long as it takes, and none becomes a dead letter for it.
    fn is_away(&self, _: &Fault) -> bool {
        false
    }
}

/// The longest pause before an event is offered again: a consumer that was away is not kept waiting when it is back.
const AWAY_MAX: Duration = Duration::from_secs(5);

/// The relay was told to stop.
#[derive(Debug)]
pub(crate) struct Stopped;

/// Hands events to one consumer until each is taken or given up.
pub(crate) struct Delivery<'r> {
    pub(crate) consumer: &'r dyn Consumer,
    pub(crate) options: &'r RelayOptions,
    pub(crate) env: &'r Env,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Delivery<'_> {
    /// Hands over `events` and answers those given up.
    pub(crate) async fn deliver(mut self, events: &[Event]) -> Result<Vec<DeadLetter>, Stopped> {
        if self.attempt(events).await.is_ok() {
            return Ok(Vec::new());
        }
        let mut dead = Vec::new();
        let mut left: Vec<&Event> = events.iter().collect();
        while !left.is_empty() {
            left = self.deliver_alone(left, &mut dead).await?;
        }
        Ok(dead)
    }

    /// Offers each event alone, again and again with growing pauses. An event that is refused holds back the later
    /// ones of its aggregate and no other. Answers those held back by an event that was given up.
    async fn deliver_alone<'e>(
        &mut self,
        mut left: Vec<&'e Event>,
        dead: &mut Vec<DeadLetter>,
    ) -> Result<Vec<&'e Event>, Stopped> {
        let mut refused = HashMap::new();
        let (mut tries, mut pauses) = (1, 0);
        while tries < self.options.tries.max(2) {
            pauses += 1;
            self.pause(backoff(self.options.backoff, pauses).min(AWAY_MAX)).await?;
            let away;
            (left, refused, away) = self.round(left, dead).await;
            if left.is_empty() {
                return Ok(left);
            }
            // Who is not there has not refused anything.
            tries += u32::from(!away);
        }
        left.retain(|event| {
            let fault = refused.remove(&event.aggregate);
            dead.extend(fault.as_ref().map(|fault| self.give_up(event, fault)));
            fault.is_none()
        });
        Ok(left)
    }

    /// Offers each event once, but none any more to a consumer that is away. Answers those not taken, the error of the
    /// first of each aggregate, and whether it was away.
    async fn round<'e>(
        &self,
        events: Vec<&'e Event>,
        dead: &mut Vec<DeadLetter>,
    ) -> (Vec<&'e Event>, HashMap<Uuid, Fault>, bool) {
        let mut left = Vec::new();
        let mut refused = HashMap::new();
        let mut away = false;
        for event in events {
            if away || refused.contains_key(&event.aggregate) {
                left.push(event);
                continue;
            }
            match self.attempt(std::slice::from_ref(event)).await {
                Ok(()) => {}
                Err(fault) if self.consumer.is_away(&fault) => {
                    away = true;
                    left.push(event);
                }
                Err(fault) if !fault.kind().retry_may_help() => dead.push(self.give_up(event, &fault)),
                Err(fault) => {
                    refused.insert(event.aggregate, fault);
                    left.push(event);
                }
            }
        }
        (left, refused, away)
    }

    /// Offers `events` once.
    pub(crate) async fn attempt(&self, events: &[Event]) -> Result<(), Fault> {
        attempt(self.consumer, self.env, self.options.timeout, events).await
    }

    fn give_up(&self, event: &Event, fault: &Fault) -> DeadLetter {
        let consumer = self.consumer.name();
        tracing::error!(consumer, event = %event.id, kind = event.kind, %fault, "event became a dead letter");
        metrics::counter!("queue_dead_letters_total", "consumer" => consumer).increment(1);
        DeadLetter::new(consumer, event, fault, self.env.now())
    }

    async fn pause(&mut self, time: Duration) -> Result<(), Stopped> {
        tokio::select! {
            () = tokio::time::sleep(time) => Ok(()),
            _ = self.stop.wait_for(|stop| *stop) => Err(Stopped),
        }
    }
}

/// Offers `events` once, within `limit`. A panic of the consumer is an error like another.
pub(crate) async fn attempt(
    consumer: &dyn Consumer,
    env: &Env,
    limit: Duration,
    events: &[Event],
) -> Result<(), Fault> {
    let cx = Context::system(env, limit);
    let handled = AssertUnwindSafe(consumer.handle(&cx, events)).catch_unwind();
    let result = match tokio::time::timeout(limit, handled).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Fault::Internal {}),
        Err(_) => Err(Fault::DeadlineExceeded {}),
    };
    if let Err(fault) = &result {
        tracing::warn!(consumer = consumer.name(), %fault, events = events.len(), "events not taken");
    }
    result
}

/// The pause before the try after `failures` of them: doubles each time, at most 30 s.
pub(crate) fn backoff(first: Duration, failures: u32) -> Duration {
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(Duration::from_secs(30))
}
