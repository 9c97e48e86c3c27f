//! A mail as it goes over the wire.

use std::time::{Duration, UNIX_EPOCH};

use lettre::Message;
use lettre::address::Envelope;
use lettre::message::{Mailbox, MultiPart};
use shoal_contract::notifications::Mail;
use shoal_types::Timestamp;

use super::Mailer;
use super::templates::Texts;

/// Lines before those that are made for each mail: robots shall not answer.
///
/// Source: RFC 3834, section 5.
const FIRST_LINES: &[u8] = b"Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n";
/// The most characters of a subject or a name.
const LINE_MAX: usize = 200;

/// A text as one line without control characters, so that it fits into a header and adds none.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(LINE_MAX).collect()
}

impl Mailer {
    /// The mail with these texts for `to`: to whom and from whom, and what.
    ///
    /// Its `Message-ID` is the same for each try: who gets it twice can tell. One that staff have sent again is another.
    /// There is no `List-Unsubscribe`: every mail here answers
    /// something that its reader did, none is a list's.
    ///
    /// # Errors
    /// If it cannot be written, which is our mistake.
    pub(super) fn message(
        &self,
        mail: &Mail,
        to: Mailbox,
        texts: Texts,
        now: Timestamp,
    ) -> Result<(Envelope, Vec<u8>), lettre::error::Error> {
        let to = Mailbox::new(to.name.map(|name| one_line(&name)).filter(|name| !name.is_empty()), to.email);
        let since_epoch = Duration::from_micros(u64::try_from(now.as_micros()).unwrap_or_default());
        let id = format!("<{}.{}@{}>", mail.id, mail.resent, self.from.email.domain());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(texts.subject)
            .date(UNIX_EPOCH + since_epoch)
            .message_id(Some(id));
        if let Some(reply_to) = &self.reply_to {
            message = message.reply_to(reply_to.clone());
        }
        let message = message.multipart(MultiPart::alternative_plain_html(texts.plain, texts.html))?;
        Ok((message.envelope().clone(), [FIRST_LINES, &message.formatted()].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one() {
        let injected = "Ann\r\nBcc: all@example.com\u{0}\u{85}\u{2028}x";
        assert_eq!(one_line(injected), "Ann Bcc: all@example.com x");
        assert_eq!(one_line("  \t "), "");
        assert_eq!(one_line(&"é".repeat(300)).chars().count(), LINE_MAX);
    }
}
