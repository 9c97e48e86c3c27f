//! Mails: what they are about, and when they are tried.

use shoal_contract::notifications::{Mail, MailId, MailKind, MailState};
use shoal_types::Timestamp;

/// A mail as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) mail: Mail,
    /// What the event says beyond what it is about: JSON.
    pub(crate) detail: String,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// When it is tried next; for one that was taken to be sent, when another may take it.
    pub(crate) due_at: Timestamp,
}

/// A mail to be sent at once, for what happened `at` a time and was heard `now`.
pub(crate) fn new(
    id: MailId,
    kind: MailKind,
    about: String,
    detail: String,
    at: Timestamp,
    now: Timestamp,
) -> Kept {
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
    Kept { mail, detail, at, due_at: now }
}
