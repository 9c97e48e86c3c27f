//! What this house hears. It says nothing: what it does is to be seen outside, and in its own tables.

use shoal_contract::events::{event_type, kinds};
use shoal_contract::notifications::{EVENTS_MAX, MailKind};
use shoal_queue::Event;
use shoal_types::Fault;

/// What it is called in inboxes.
pub(crate) const NAME: &str = "notifications";

/// Whether the house does anything with events of this kind: with all that webhooks may ask for.
pub fn wants(kind: &str) -> bool {
    event_type(kind).is_ok()
}

/// The mail that an event asks for.
///
/// A confirmation goes out when the money has come: an order whose payment fails at the last moment is undone, and nobody
/// shall have been told of it.
pub(crate) fn mail_of(kind: &str) -> Option<MailKind> {
    match kind {
        kinds::USER_REGISTERED => Some(MailKind::Welcome),
        kinds::USER_PASSWORD_RESET_REQUESTED => Some(MailKind::PasswordReset),
        kinds::ORDER_PAID => Some(MailKind::OrderPlaced),
        kinds::ORDER_FULFILLED => Some(MailKind::OrderShipped),
        kinds::ORDER_REFUNDED => Some(MailKind::OrderRefunded),
        _ => None,
    }
}

/// Reads what was told.
///
/// # Errors
/// `Invalid` for more than [`EVENTS_MAX`], and for a text that is no event: a repeat would not help.
pub(crate) fn read(texts: &[String]) -> Result<Vec<Event>, Fault> {
    if texts.len() > EVENTS_MAX {
        return Err(Fault::invalid("events", "too_many", format!("at most {EVENTS_MAX} events at once")));
    }
    let read = |(index, text): (usize, &String)| {
        let wrong = |error: serde_json::Error| {
            Fault::invalid(format!("events[{index}]"), "undecodable", error.to_string())
        };
        serde_json::from_str(text).map_err(wrong)
    };
    texts.iter().enumerate().map(read).collect()
}
