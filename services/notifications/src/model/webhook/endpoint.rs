//! Endpoints and their changes.

use std::time::Duration;

use shoal_contract::notifications::{
    WebhookDisabledReason, WebhookEndpoint, WebhookEndpointId, WebhookEndpointState, matches_event,
};
use shoal_types::{Secret, Timestamp};

/// What messages are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secrets {
    pub(crate) current: Secret,
    /// The one before it, which signs too until then.
    pub(crate) old: Option<(Secret, Timestamp)>,
}

impl Secrets {
    /// Those that sign at `now`, the current one first.
    pub(crate) fn valid_at(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let old = self.old.as_ref().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        std::iter::once(&self.current).chain(old)
    }
}

/// An endpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: WebhookEndpointId,
    pub(crate) url: String,
    pub(crate) description: Option<String>,
    pub(crate) events: Vec<String>,
    pub(crate) state: WebhookEndpointState,
    pub(crate) disabled_reason: Option<WebhookDisabledReason>,
    pub(crate) disabled_at: Option<Timestamp>,
    pub(crate) failing_since: Option<Timestamp>,
    pub(crate) rest_until: Timestamp,
    pub(crate) secrets: Secrets,
    pub(crate) version: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// What may be said about an endpoint.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    pub(crate) url: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) events: Option<Vec<String>>,
}

impl Kept {
    /// A new endpoint, enabled.
    pub(crate) fn new(
        id: WebhookEndpointId,
        url: String,
        description: Option<String>,
        events: Vec<String>,
        secret: Secret,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            url,
            description,
            events,
            state: WebhookEndpointState::Enabled,
            disabled_reason: None,
            disabled_at: None,
            failing_since: None,
            rest_until: Timestamp::from_micros(0),
            secrets: Secrets { current: secret, old: None },
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// It after `change`; none if that changes nothing. Elsewhere is another receiver: it is not failing and asks for no
    /// rest.
    pub(crate) fn apply(&self, change: Change, now: Timestamp) -> Option<Self> {
        let mut next = self.clone();
        if let Some(url) = change.url.filter(|url| *url != self.url) {
            next.url = url;
            next.failing_since = None;
            next.rest_until = Timestamp::from_micros(0);
        }
        next.description = change.description.or(next.description);
        next.events = change.events.unwrap_or(next.events);
        (next != *self).then(|| next.changed(now))
    }

    /// It enabled, or disabled by staff; none if it is so already. Enabled, it gets all the time to prove itself.
    pub(crate) fn switch(&self, enabled: bool, now: Timestamp) -> Option<Self> {
        if enabled == (self.state == WebhookEndpointState::Enabled) {
            return None;
        }
        let next = match enabled {
            true => Self {
                state: WebhookEndpointState::Enabled,
                disabled_reason: None,
                disabled_at: None,
                failing_since: None,
                rest_until: Timestamp::from_micros(0),
                ..self.clone()
            },
            false => Self {
                state: WebhookEndpointState::Disabled,
                disabled_reason: Some(WebhookDisabledReason::Requested),
                disabled_at: Some(now),
                ..self.clone()
            },
        };
        Some(next.changed(now))
    }

    /// It with another secret; the one before signs too for as long as `old_for`.
    pub(crate) fn rotate(&self, secret: Secret, old_for: Duration, now: Timestamp) -> Self {
        let old = (self.secrets.current.clone(), now.plus(old_for));
        let secrets = Secrets { current: secret, old: Some(old) };
        Self { secrets, ..self.clone() }.changed(now)
    }

    fn changed(self, now: Timestamp) -> Self {
        Self { version: self.version + 1, updated_at: now, ..self }
    }

    /// It as staff see it at `now`: without its secrets.
    pub(crate) fn shown(self, now: Timestamp) -> WebhookEndpoint {
        WebhookEndpoint {
            id: self.id,
            url: self.url,
            description: self.description,
            events: self.events,
            state: self.state,
            disabled_reason: self.disabled_reason,
            disabled_at: self.disabled_at,
            failing_since: self.failing_since,
            old_secret_until: self.secrets.old.map(|(_, until)| until).filter(|until| now < *until),
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

/// Whether somebody who asked for `patterns` is sent events of the type `kind`.
pub(crate) fn wants(patterns: &[String], kind: &str) -> bool {
    patterns.iter().any(|pattern| matches_event(pattern, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn endpoint() -> Kept {
        let id = WebhookEndpointId::from_digest([1; 16]);
        let now = Timestamp::from_micros(1);
        Kept::new(id, "https://example.com/".into(), None, vec!["*".into()], Secret::new("first"), now)
    }

    fn signing(endpoint: &Kept, at: Timestamp) -> Vec<&str> {
        endpoint.secrets.valid_at(at).map(Secret::expose).collect()
    }

    #[test]
    fn after_a_rotation_both_secrets_sign_for_a_while() {
        let now = Timestamp::from_micros(1_000_000);
        let rotated = endpoint().rotate(Secret::new("second"), DAY, now);
        assert_eq!(signing(&rotated, now), ["second", "first"]);
        assert_eq!(rotated.clone().shown(now).old_secret_until, Some(now.plus(DAY)));
        let later = now.plus(DAY);
        assert_eq!(signing(&rotated, later), ["second"]);
        assert_eq!(rotated.clone().shown(later).old_secret_until, None);
        // Two at a time, however often it is changed.
        assert_eq!(signing(&rotated.rotate(Secret::new("third"), DAY, now), now), ["third", "second"]);
    }

    #[test]
    fn a_change_that_changes_nothing_leaves_the_version() {
        let now = Timestamp::from_micros(2);
        let same = Change { events: Some(vec!["*".into()]), ..Change::default() };
        assert_eq!(endpoint().apply(same, now), None);
        assert_eq!(endpoint().switch(true, now), None);
        let moved = Change { url: Some("https://example.com/b".into()), ..Change::default() };
        let failing = Kept { failing_since: Some(now), ..endpoint() };
        let next = failing.apply(moved, now).expect("changed");
        assert_eq!((next.version, next.failing_since, next.updated_at), (2, None, now));
    }

    #[test]
    fn what_was_disabled_begins_anew_when_it_is_enabled() {
        let now = Timestamp::from_micros(3);
        let disabled = endpoint().switch(false, now).expect("changed");
        assert_eq!(disabled.disabled_reason, Some(WebhookDisabledReason::Requested));
        let failing = Kept { failing_since: Some(now), rest_until: now, ..disabled };
        let enabled = failing.switch(true, now).expect("changed");
        assert_eq!(Kept { version: 1, updated_at: endpoint().updated_at, ..enabled }, endpoint());
    }
}
