//! What is sent.

use serde_json::{Value, json};
use shoal_contract::notifications::{WEBHOOK_TEST, WebhookEndpointId};
use shoal_queue::{Event, EventId};
use shoal_types::Timestamp;

/// Bytes kept of an answer.
const ANSWER_MAX: usize = 1 << 10;

/// The body that tells of an event: the CloudEvent as it is, with the `timestamp` beside it that Standard Webhooks has for
/// `time`.
pub(crate) fn body(event: &Event) -> Option<String> {
    let mut value = serde_json::to_value(event).ok()?;
    let at = value.get("time")?.clone();
    value.as_object_mut()?.insert("timestamp".to_owned(), at);
    Some(value.to_string())
}

/// The body of a test.
pub(crate) fn test(id: EventId, endpoint: WebhookEndpointId, now: Timestamp) -> String {
    let value: Value = json!({
        "specversion": "1.0",
        "id": id,
        "source": "/notifications",
        "type": WEBHOOK_TEST,
        "subject": endpoint,
        "time": now,
        "timestamp": now,
        "data": {},
    });
    value.to_string()
}

/// The beginning of an answer as text that every engine stores.
pub(crate) fn excerpt(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(&answer[..answer.len().min(ANSWER_MAX)]);
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_a_cloud_event_with_the_fields_of_standard_webhooks() {
        let text = r#"{"specversion":"1.0","id":"event_01890a5dac96774bbcceb302099","source":"/orders"}"#;
        assert!(serde_json::from_str::<Event>(text).is_err());
        let event = json!({
            "specversion": "1.0", "id": "event_01h455vb4pex5vsknk084sn02q", "source": "/orders",
            "type": "order.placed", "subject": "order_01h455vb4pex5vsknk084sn02q",
            "aggregate": "01890a5d-ac96-774b-bcce-b302099a8057", "sequence": 1,
            "time": "2026-05-03T10:12:00.000000Z", "data": {"total": 1999},
        });
        let event: Event = serde_json::from_value(event).expect("an event");
        let body: Value = serde_json::from_str(&body(&event).expect("written")).expect("JSON");
        assert_eq!((&body["type"], &body["data"]), (&json!("order.placed"), &json!({"total": 1999})));
        assert_eq!((&body["timestamp"], &body["specversion"]), (&body["time"], &json!("1.0")));
    }

    #[test]
    fn what_is_kept_of_an_answer_is_short_and_plain() {
        assert_eq!(excerpt(b"a\0b\x1b[31m\nc\xff"), "a b [31m\nc\u{fffd}");
        assert_eq!(excerpt(&[b'a'; 5_000]).len(), 1_024);
    }
}
