//! What an attempt means for its delivery and for its endpoint.

use std::time::Duration;

use shoal_contract::notifications::{WebhookDisabledReason, WebhookError};
use shoal_types::Timestamp;

use super::schedule;

/// How long an endpoint is left alone that says it has too much to do, but not for how long.
const REST: Duration = Duration::from_secs(60);

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There was an answer.
    Answered {
        /// Its HTTP status.
        status: u16,
        /// How long the endpoint asks to be left alone.
        retry_after: Option<Duration>,
        /// How it began.
        answer: String,
    },
    /// There was none.
    Unanswered(WebhookError),
}

impl Outcome {
    fn is_success(&self) -> bool {
        matches!(self, Self::Answered { status: 200..=299, .. })
    }
}

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It has arrived.
    Delivered,
    /// It is tried again then.
    Again(Timestamp),
    /// It is given up.
    GivenUp,
}

/// What an attempt changes about its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// Nothing.
    Same,
    /// It is well again.
    Recovered,
    /// Its attempts fail from now on.
    Failing,
    /// It is sent nothing more.
    Disabled(WebhookDisabledReason),
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) fate: Fate,
    pub(crate) health: Health,
    /// Until when the endpoint is left alone.
    pub(crate) rest_until: Option<Timestamp>,
}

/// What is known when an attempt has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    /// Tries of the delivery since it was last to be sent, this one among them.
    pub(crate) tries: u32,
    /// Since when every attempt at the endpoint failed, as known before this one.
    pub(crate) failing_since: Option<Timestamp>,
    /// How long an endpoint may fail before it is disabled.
    pub(crate) disable_after: Duration,
    /// Drawn from 0 to [`schedule::JITTER_PERMILLE_MAX`].
    pub(crate) jitter_permille: u32,
    pub(crate) now: Timestamp,
}

/// Judges an attempt.
///
/// Source: Standard Webhooks 1.0.0, "Delivery success and failure".
pub(crate) fn judge(outcome: &Outcome, situation: Situation) -> Verdict {
    let Situation { failing_since, now, .. } = situation;
    if outcome.is_success() {
        let health = if failing_since.is_some() { Health::Recovered } else { Health::Same };
        return Verdict { fate: Fate::Delivered, health, rest_until: None };
    }
    if let Outcome::Answered { status: 410, .. } = outcome {
        let health = Health::Disabled(WebhookDisabledReason::Gone);
        return Verdict { fate: Fate::GivenUp, health, rest_until: None };
    }
    let retry_after = match outcome {
        Outcome::Answered { retry_after, .. } => *retry_after,
        Outcome::Unanswered(_) => None,
    };
    let again = schedule::next(situation.tries, situation.jitter_permille, retry_after, now);
    let health = match failing_since {
        None => Health::Failing,
        Some(since) if now.since(since) >= situation.disable_after => {
            Health::Disabled(WebhookDisabledReason::Failing)
        }
        Some(_) => Health::Same,
    };
    Verdict { fate: again.map_or(Fate::GivenUp, Fate::Again), health, rest_until: rest(outcome, now) }
}

/// Until when an endpoint is left alone that has too much to do, or asks for it.
fn rest(outcome: &Outcome, now: Timestamp) -> Option<Timestamp> {
    match outcome {
        Outcome::Answered { retry_after: Some(pause), .. } => Some(now.plus(schedule::asked(Some(*pause)))),
        Outcome::Answered { status: 429 | 502..=504, .. } => Some(now.plus(REST)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn answered(status: u16) -> Outcome {
        Outcome::Answered { status, retry_after: None, answer: String::new() }
    }

    fn at(tries: u32, failing_for: Option<Duration>) -> Situation {
        let failing_since = failing_for.map(|time| NOW.minus(time));
        Situation { tries, failing_since, disable_after: 72 * HOUR, jitter_permille: 0, now: NOW }
    }

    #[test]
    fn a_success_delivers_and_makes_well() {
        for status in [200, 201, 202, 204, 299] {
            let verdict = judge(&answered(status), at(1, None));
            assert_eq!(verdict, Verdict { fate: Fate::Delivered, health: Health::Same, rest_until: None });
        }
        assert_eq!(judge(&answered(200), at(3, Some(HOUR))).health, Health::Recovered);
        // Even after the days are over.
        assert_eq!(judge(&answered(200), at(9, Some(99 * HOUR))).health, Health::Recovered);
    }

    #[test]
    fn everything_else_is_tried_again_until_tries_are_used_up() {
        let outcomes =
            [answered(302), answered(404), answered(500), Outcome::Unanswered(WebhookError::TimedOut)];
        for outcome in outcomes {
            let verdict = judge(&outcome, at(1, None));
            assert_eq!(verdict.fate, Fate::Again(NOW.plus(Duration::from_secs(5))), "{outcome:?}");
            assert_eq!((verdict.health, verdict.rest_until), (Health::Failing, None), "{outcome:?}");
            assert_eq!(judge(&outcome, at(10, Some(HOUR))).fate, Fate::GivenUp, "{outcome:?}");
        }
    }

    #[test]
    fn an_endpoint_that_is_gone_is_disabled_at_once() {
        let verdict = judge(&answered(410), at(1, None));
        assert_eq!(verdict.fate, Fate::GivenUp);
        assert_eq!(verdict.health, Health::Disabled(WebhookDisabledReason::Gone));
    }

    #[test]
    fn an_endpoint_that_failed_for_three_days_is_disabled() {
        assert_eq!(judge(&answered(500), at(9, Some(71 * HOUR))).health, Health::Same);
        let verdict = judge(&answered(500), at(10, Some(72 * HOUR)));
        assert_eq!(verdict.health, Health::Disabled(WebhookDisabledReason::Failing));
    }

    #[test]
    fn an_endpoint_is_left_alone_when_it_asks() {
        let asks = |status, seconds| {
            let retry_after = Some(Duration::from_secs(seconds));
            judge(&Outcome::Answered { status, retry_after, answer: String::new() }, at(1, None))
        };
        let verdict = asks(503, 90);
        let later = NOW.plus(Duration::from_secs(90));
        assert_eq!((verdict.fate, verdict.rest_until), (Fate::Again(later), Some(later)));
        for status in [429, 502, 503, 504] {
            assert_eq!(judge(&answered(status), at(1, None)).rest_until, Some(NOW.plus(REST)), "{status}");
        }
        // Nobody is left alone for longer than a day.
        assert_eq!(asks(429, 10_000_000).rest_until, Some(NOW.plus(24 * HOUR)));
    }
}
