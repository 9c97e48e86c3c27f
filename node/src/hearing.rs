//! Brings what happens in a house to the notification service, wherever that is.

use std::sync::Arc;

use async_trait::async_trait;
use shoal_contract::notifications::{EVENTS_MAX, Error, Hear, Notifications};
use shoal_queue::{Consumer, Event};
use shoal_types::{Context, Fact, Fault, Kind};

/// The most bytes of events told in one call, far below what fits into one between nodes.
const BYTES_MAX: usize = 1 << 20;

/// The consumer that tells the notification service.
pub(crate) struct Ears(Arc<dyn Notifications>);

impl Ears {
    /// Tells `notifications`, here or at another node.
    pub(crate) fn new(notifications: Arc<dyn Notifications>) -> Self {
        Self(notifications)
    }
}

#[async_trait]
impl Consumer for Ears {
    fn name(&self) -> &'static str {
        "notifications"
    }

    fn wants(&self, kind: &str) -> bool {
        shoal_notifications::wants(kind)
    }

    async fn handle(&self, cx: &Context, events: &[Event]) -> Result<(), Fault> {
        let texts = events.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>();
        let texts = texts.map_err(|error| Fault::invalid("events", "unwritable", error.to_string()))?;
        for events in calls(texts) {
            self.0.hear(cx, Hear { events }).await.map_err(fault)?;
        }
        Ok(())
    }

    /// A house that no node reaches, or that does not reach its data, is waited for.
    fn is_away(&self, fault: &Fault) -> bool {
        fault.kind() == Kind::Unavailable
    }
}

fn fault(error: Error) -> Fault {
    match error {
        Error::Fault(fault) => fault,
        // Nobody asked for a mail or a webhook.
        _ => Fault::Internal {},
    }
}

/// The events in as many calls as they need, in their order.
fn calls(texts: Vec<String>) -> Vec<Vec<String>> {
    let mut calls: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    for text in texts {
        bytes += text.len();
        match calls.last_mut().filter(|call| bytes <= BYTES_MAX && call.len() < EVENTS_MAX) {
            Some(call) => call.push(text),
            None => {
                bytes = text.len();
                calls.push(vec![text]);
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_go_in_calls_of_bounded_size_and_in_order() {
        let small = || "e".repeat(10);
        let large = || "e".repeat(BYTES_MAX);
        let sizes = |texts| calls(texts).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(Vec::new()), [0; 0]);
        assert_eq!(sizes(vec![small(), small()]), [2]);
        assert_eq!(sizes(vec![small(), large(), small()]), [1, 1, 1]);
        assert_eq!(sizes((0..EVENTS_MAX + 1).map(|_| small()).collect()), [EVENTS_MAX, 1]);
        let numbered: Vec<String> = (0..2_500).map(|number| format!("{number}")).collect();
        assert_eq!(calls(numbered.clone()).concat(), numbered);
    }
}
