//! Mails: what they are about, when they are tried, and what a try makes of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shoal_contract::events::OpenedBy;
use shoal_contract::notifications::{Mail, MailId, MailKind, MailState};
use shoal_contract::orders::FulfilmentId;
use shoal_types::{Money, Timestamp};

/// The pause after the first try that failed; doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(30 * 60);

/// A mail as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) mail: Mail,
    pub(crate) detail: Detail,
    /// When it is tried next; for one that was taken to be sent, when another may take it.
    pub(crate) due_at: Timestamp,
    /// Nobody tries it any more after this.
    pub(crate) expires_at: Timestamp,
}

/// What an event says beyond what it is about, as far as a mail needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Detail {
    /// Which parcel was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fulfilment: Option<FulfilmentId>,
    /// How much money went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Money>,
    /// Until when a mail is of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// Who opened the account.
    #[serde(default, skip_serializing)]
    pub(crate) by: OpenedBy,
}

/// A mail to be sent at once, and tried for so long; none if there is nobody to be written to.
pub(crate) fn new(
    id: MailId,
    kind: MailKind,
    about: String,
    detail: Detail,
    now: Timestamp,
    retry_for: Duration,
) -> Option<Kept> {
    if kind == MailKind::Welcome && detail.by != OpenedBy::User {
        return None;
    }
    let mail = Mail {
        id,
        kind,
        state: MailState::Pending,
        about,
        tries: 0,
        resent: 0,
        code: None,
        created_at: now,
        updated_at: now,
        due_at: Some(now),
    };
    let expires_at = detail.expires_at.unwrap_or_else(|| now.plus(retry_for));
    Some(Kept { mail, detail, due_at: now, expires_at })
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A mail server took it.
    Sent,
    /// Not now: the mail server said so, or a house is away.
    Later(String),
    /// No mail server was reached: none of the mails can be sent now.
    Away(String),
    /// It will never be taken.
    Failed(String),
    /// There is nobody or nothing to write to any more.
    Dropped(String),
}

/// What is noted of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) state: MailState,
    pub(crate) code: Option<String>,
    pub(crate) due_at: Timestamp,
}

/// What is noted of the try of `kept` that ended `now`.
pub(crate) fn mark(kept: &Kept, outcome: Outcome, now: Timestamp) -> Mark {
    let over = |state, code| Mark { state, code, due_at: now };
    let again = |code, due_at| match due_at < kept.expires_at {
        true => Mark { state: MailState::Pending, code: Some(code), due_at },
        false => over(MailState::Failed, Some(code)),
    };
    match outcome {
        Outcome::Sent => over(MailState::Sent, None),
        Outcome::Failed(code) => over(MailState::Failed, Some(code)),
        Outcome::Dropped(code) => over(MailState::Dropped, Some(code)),
        Outcome::Later(code) => again(code, now.plus(pause(kept.mail.tries))),
        // It is next when the server is back.
        Outcome::Away(code) => again(code, now),
    }
}

/// The pause after so many tries.
fn pause(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn kept(tries: u32) -> Kept {
        let (id, about) = (MailId::from_digest([1; 16]), "order_1".to_owned());
        let mut kept = new(id, MailKind::OrderPlaced, about, Detail::default(), at(0), DAY).expect("a mail");
        kept.mail.tries = tries;
        kept
    }

    #[test]
    fn pauses_grow_and_end_with_the_time() {
        let due = |tries, now| mark(&kept(tries), Outcome::Later("smtp_451".into()), at(now));
        let pauses = [1, 2, 3, 9, 10, 40].map(|tries| due(tries, 100).due_at.since(at(100)).as_secs());
        assert_eq!(pauses, [5, 10, 20, 1_280, 1_800, 1_800]);
        let last = due(3, 86_390);
        assert_eq!((last.state, last.code.as_deref()), (MailState::Failed, Some("smtp_451")));
    }

    #[test]
    fn who_waits_for_the_server_is_next_when_it_is_back() {
        let away = mark(&kept(7), Outcome::Away("unreachable".into()), at(50));
        assert_eq!((away.state, away.due_at), (MailState::Pending, at(50)));
        let given_up = mark(&kept(7), Outcome::Away("unreachable".into()), at(86_400));
        assert_eq!(given_up.state, MailState::Failed);
    }

    #[test]
    fn what_is_over_is_not_tried_again() {
        for (outcome, state, code) in [
            (Outcome::Sent, MailState::Sent, None),
            (Outcome::Failed("smtp_550".into()), MailState::Failed, Some("smtp_550")),
            (Outcome::Dropped("unknown_user".into()), MailState::Dropped, Some("unknown_user")),
        ] {
            let mark = mark(&kept(1), outcome, at(1));
            assert_eq!((mark.state, mark.code.as_deref()), (state, code));
        }
    }

    #[test]
    fn nobody_is_welcomed_who_did_not_come_by_themselves() {
        for (by, welcomed) in [(OpenedBy::User, true), (OpenedBy::Staff, false), (OpenedBy::Import, false)] {
            let detail = Detail { by, ..Detail::default() };
            let mail =
                new(MailId::from_digest([1; 16]), MailKind::Welcome, "user_1".into(), detail, at(0), DAY);
            assert_eq!(mail.is_some(), welcomed, "{by:?}");
        }
    }
}
