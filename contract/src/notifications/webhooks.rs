//! Webhooks: what happens in the shop, sent to programs outside as Standard Webhooks.

use std::fmt;

use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_types::{Id, Noun, PageRequest, Secret, Timestamp};
use utoipa::ToSchema;

use crate::events::EVENTS;
use crate::rules;

/// Marks the ids of webhook endpoints.
#[derive(Debug)]
pub struct WebhookEndpointNoun;

impl Noun for WebhookEndpointNoun {
    const PREFIX: &'static str = "webhook_endpoint";
}

/// A webhook endpoint's id.
pub type WebhookEndpointId = Id<WebhookEndpointNoun>;

/// Marks the ids of webhook deliveries.
#[derive(Debug)]
pub struct WebhookDeliveryNoun;

impl Noun for WebhookDeliveryNoun {
    const PREFIX: &'static str = "webhook_delivery";
}

/// A delivery's id: the bits of the id of the event that it delivers, so that an endpoint has one for each event.
pub type WebhookDeliveryId = Id<WebhookDeliveryNoun>;

/// The type of the event that a test sends; it reaches the endpoint whatever it asked for.
pub const WEBHOOK_TEST: &str = "webhook.test";

/// Deliveries that one request sends again, at most.
pub const RESENT_MAX: u32 = 10_000;

/// Whether an endpoint is sent anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookEndpointState {
    /// It is sent what it asked for.
    Enabled,
    /// It is sent nothing. What happens meanwhile is not kept for it; what was waiting goes on when it is enabled again.
    Disabled,
}

/// Why an endpoint is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookDisabledReason {
    /// Staff said so.
    Requested,
    /// It answered 410 Gone.
    Gone,
    /// Nothing has reached it for days.
    Failing,
}

impl WebhookDisabledReason {
    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Requested, Self::Gone, Self::Failing].into_iter().find(|reason| reason.as_str() == word)
    }
}

/// A program outside that is sent what happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookEndpoint {
    /// Id.
    pub id: WebhookEndpointId,
    /// Where it is sent to.
    pub url: String,
    /// What staff call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The types of event it asked for: `order.placed`, `order.*`, `*`.
    pub events: Vec<String>,
    /// Whether it is sent anything.
    pub state: WebhookEndpointState,
    /// Why it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<WebhookDisabledReason>,
    /// Since when it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// Since when every attempt has failed; absent while they succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// Until when the secret before this one signs too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_secret_until: Option<Timestamp>,
    /// Grows by one with each change; the `ETag`.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An endpoint to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct NewWebhookEndpoint {
    /// An `https` URL at a public address.
    #[garde(length(min = 1, max = 2000))]
    #[schema(format = "uri", min_length = 1, max_length = 2000)]
    pub url: String,
    /// What staff call it.
    #[serde(default)]
    #[garde(length(chars, max = 200), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 200)]
    pub description: Option<String>,
    /// The types of event it asks for: `order.placed`, `order.*`, `*`.
    #[garde(length(min = 1, max = 50), inner(custom(event_pattern)))]
    #[schema(min_items = 1, max_items = 50)]
    pub events: Vec<String>,
}

/// What may change about an endpoint; fields left out stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema, Validate)]
#[garde(allow_unvalidated)]
pub struct WebhookEndpointChange {
    /// An `https` URL at a public address.
    #[serde(default)]
    #[garde(length(min = 1, max = 2000))]
    #[schema(format = "uri", min_length = 1, max_length = 2000)]
    pub url: Option<String>,
    /// What staff call it.
    #[serde(default)]
    #[garde(length(chars, max = 200), custom(rules::line_opt))]
    #[schema(min_length = 1, max_length = 200)]
    pub description: Option<String>,
    /// The types of event it asks for: `order.placed`, `order.*`, `*`.
    #[serde(default)]
    #[garde(length(min = 1, max = 50), inner(inner(custom(event_pattern))))]
    #[schema(min_items = 1, max_items = 50)]
    pub events: Option<Vec<String>>,
}

/// Whether some type of event is meant: `*`, a name, or the beginning of names and `.*`.
fn event_pattern(pattern: &str, _: &()) -> garde::Result {
    if EVENTS.iter().any(|event| matches_event(pattern, event.kind)) {
        return Ok(());
    }
    Err(garde::Error::new(
        "event_type: no event is of this type; write one of docs/events, such as order.placed, order.* or *",
    ))
}

/// Whether `pattern` means events of the type `kind`.
pub fn matches_event(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        Some(start) => start.ends_with('.') && kind.starts_with(start),
        None => pattern == kind,
    }
}

/// An endpoint and the secret its messages are signed with. The secret is shown here and never again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookEndpointSecret {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// `whsec_` and the base 64 of the key: what the libraries of Standard Webhooks take.
    pub secret: Secret,
}

impl fmt::Debug for WebhookEndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEndpointSecret").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Asks for a page of endpoints, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListWebhookEndpoints {
    /// Which page.
    pub page: PageRequest,
}

/// Names an endpoint.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct WebhookEndpointRef {
    /// Which.
    pub endpoint: WebhookEndpointId,
}

/// Changes an endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateWebhookEndpoint {
    /// Which.
    pub endpoint: WebhookEndpointId,
    /// The version that was read, if the change is only for that one.
    pub expected_version: Option<u64>,
    /// The change.
    pub change: WebhookEndpointChange,
}

/// Enables or disables an endpoint.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct SwitchWebhookEndpoint {
    /// Which.
    pub endpoint: WebhookEndpointId,
    /// Whether it is to be sent anything.
    pub enabled: bool,
}

/// Where a delivery is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookDeliveryState {
    /// To be sent, perhaps after attempts that failed.
    Pending,
    /// The endpoint took it: it answered with a status from 200 to 299.
    Delivered,
    /// It was given up after the last attempt.
    Failed,
}

impl WebhookDeliveryState {
    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed].into_iter().find(|state| state.as_str() == word)
    }
}

/// An event on its way to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDelivery {
    /// Id.
    pub id: WebhookDeliveryId,
    /// To which endpoint.
    pub endpoint: WebhookEndpointId,
    /// The event's id: the header `webhook-id` of every attempt.
    pub event: String,
    /// The event's type: `order.placed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is in its life.
    pub state: WebhookDeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it is tried next; absent unless it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// When the event was heard.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// Why an attempt got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookError {
    /// The name has no address.
    Unresolved,
    /// The address lies where webhooks must not go: it is not public.
    ForbiddenAddress,
    /// The port may not be used.
    ForbiddenPort,
    /// Plain `http` may not be used.
    NotEncrypted,
    /// Nobody accepted the connection.
    Unreachable,
    /// The certificate is not valid for the name, or nobody trusted has signed it.
    Untrusted,
    /// The connection broke before the answer.
    Broken,
    /// There was no answer in time.
    TimedOut,
}

impl WebhookError {
    const ALL: [Self; 8] = [
        Self::Unresolved,
        Self::ForbiddenAddress,
        Self::ForbiddenPort,
        Self::NotEncrypted,
        Self::Unreachable,
        Self::Untrusted,
        Self::Broken,
        Self::TimedOut,
    ];

    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::ForbiddenAddress => "forbidden_address",
            Self::ForbiddenPort => "forbidden_port",
            Self::NotEncrypted => "not_encrypted",
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::Broken => "broken",
            Self::TimedOut => "timed_out",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|error| error.as_str() == word)
    }
}

/// One request to an endpoint and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookAttempt {
    /// The delivery's first, second, ..
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, milliseconds.
    pub duration_ms: u64,
    /// The status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 100, maximum = 999)]
    pub status: Option<u16>,
    /// Why there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WebhookError>,
    /// How the answer began, at most 1 KiB.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub answer: String,
}

/// A delivery with what was sent and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookDeliveryLog {
    /// The delivery.
    pub delivery: WebhookDelivery,
    /// The body of every attempt, to the byte.
    pub body: String,
    /// The attempts, the latest first, at most 100.
    pub attempts: Vec<WebhookAttempt>,
}

/// Asks for a page of an endpoint's deliveries, those of the newest events first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListWebhookDeliveries {
    /// Whose.
    pub endpoint: WebhookEndpointId,
    /// Which page.
    pub page: PageRequest,
    /// Only in this state.
    pub state: Option<WebhookDeliveryState>,
    /// Only of this type of event.
    pub kind: Option<String>,
}

/// Names a delivery.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct WebhookDeliveryRef {
    /// Whose.
    pub endpoint: WebhookEndpointId,
    /// Which.
    pub delivery: WebhookDeliveryId,
}

/// Sends again what was given up.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct ResendFailedWebhooks {
    /// To which endpoint.
    pub endpoint: WebhookEndpointId,
    /// Events heard since then.
    pub since: Timestamp,
}

/// What is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResentWebhooks {
    /// Deliveries that are pending once more; as many as 10,000 say that there may be more.
    pub resent: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;

    #[test]
    fn a_pattern_means_a_type_a_noun_or_all() {
        for (pattern, kind, matches) in [
            ("*", "order.placed", true),
            ("order.*", "order.placed", true),
            ("order.placed", "order.placed", true),
            ("order.placed", "order.paid", false),
            ("order.*", "orders.placed", false),
            ("order*", "order.placed", false),
            ("", "order.placed", false),
        ] {
            assert_eq!(matches_event(pattern, kind), matches, "{pattern} {kind}");
        }
    }

    #[test]
    fn only_types_that_there_are_can_be_asked_for() {
        let ask = |events: &[&str]| {
            let events = events.iter().map(|event| (*event).to_owned()).collect();
            let new = NewWebhookEndpoint { url: "https://example.com/".into(), description: None, events };
            check(&new).is_ok()
        };
        assert!(ask(&["*"]) && ask(&["order.*", "user.registered"]));
        for wrong in
            [&[][..], &[""], &["order"], &["order*"], &["order.placed", "order.shipwrecked"], &["fish.*"]]
        {
            assert!(!ask(wrong), "{wrong:?}");
        }
        let change =
            WebhookEndpointChange { events: Some(vec!["fish.*".into()]), ..WebhookEndpointChange::default() };
        assert!(check(&change).is_err());
        assert!(check(&WebhookEndpointChange::default()).is_ok());
    }

    #[test]
    fn a_secret_does_not_show_in_a_log() {
        let endpoint = WebhookEndpoint {
            id: WebhookEndpointId::from_digest([0; 16]),
            url: "https://example.com/".into(),
            description: None,
            events: vec!["*".into()],
            state: WebhookEndpointState::Enabled,
            disabled_reason: None,
            disabled_at: None,
            failing_since: None,
            old_secret_until: None,
            version: 1,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
        };
        let shown = format!("{:?}", WebhookEndpointSecret { endpoint, secret: Secret::new("whsec_abc") });
        assert!(!shown.contains("whsec_"), "{shown}");
    }
}
