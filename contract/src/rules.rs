//! The shapes of single values, used by the messages' `garde` attributes. Houses call [`check`] on what they are
//! given, so that a call without the gateway meets the same rules.

use garde::Validate;
use shoal_types::{Fault, Violation};

/// Checks a message against its rules.
///
/// # Errors
/// `Invalid` with every violation, fields as in `lines[2].quantity`.
pub fn check<T: Validate<Context = ()>>(message: &T) -> Result<(), Fault> {
    let Err(report) = message.validate() else { return Ok(()) };
    let violations = report
        .iter()
        .map(|(path, error)| {
            let (rule, message) = split(error.message());
            Violation { field: path.to_string(), rule: rule.to_owned(), message: message.to_owned() }
        })
        .collect();
    Err(Fault::Invalid { violations })
}

/// Our own rules say `rule: sentence`; garde's say a sentence whose kind shows in its words.
fn split(message: &str) -> (&str, &str) {
    match message.split_once(": ") {
        Some((rule, sentence)) if rule.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
            (rule, sentence)
        }
        _ if message.starts_with("length is lower") => ("too_short", message),
        _ if message.starts_with("length is greater") => ("too_long", message),
        _ if message.starts_with("lower than") || message.starts_with("greater than") => ("range", message),
        _ => ("invalid", message),
    }
}

fn rule(holds: bool, message: &'static str) -> garde::Result {
    if holds { Ok(()) } else { Err(garde::Error::new(message)) }
}

/// The e-mail address as it is stored and compared: trimmed and lowercase.
pub fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// One `@`, something before it, a dotted name after it, no white space or control characters, at most 254 bytes.
pub(crate) fn email(text: &str, _: &()) -> garde::Result {
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control() || ",;<>()[]\\\"".contains(c));
    let shaped = text.rsplit_once('@').is_some_and(|(local, host)| {
        let labels_hold = host
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
        !local.is_empty() && !local.contains('@') && host.contains('.') && labels_hold
    });
    rule(plain && shaped && text.len() <= 254, "email: expected an e-mail address such as ada@example.com")
}

/// As [`email`], if there is one.
pub(crate) fn email_opt(text: &Option<String>, cx: &()) -> garde::Result {
    text.as_deref().map_or(Ok(()), |text| email(text, cx))
}

/// Lowercase letters, digits and single hyphens between them, 1 to 120.
pub(crate) fn slug(text: &str, _: &()) -> garde::Result {
    let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let ends = !text.starts_with('-') && !text.ends_with('-') && !text.contains("--");
    rule(
        letters && ends && (1..=120).contains(&text.len()),
        "slug: expected lowercase letters, digits and hyphens, such as stoneware-mug",
    )
}

/// As [`slug`], if there is one.
pub(crate) fn slug_opt(text: &Option<String>, cx: &()) -> garde::Result {
    text.as_deref().map_or(Ok(()), |text| slug(text, cx))
}

/// Visible characters without white space at the ends, 1 to 80 bytes. Case counts: shops have `M` and `m`.
pub(crate) fn sku(text: &str, _: &()) -> garde::Result {
    let visible = !text.chars().any(char::is_control) && text.trim() == text;
    rule(
        visible && (1..=80).contains(&text.len()),
        "sku: expected 1 to 80 characters without blanks at the ends",
    )
}

/// A single line: not blank, no control characters.
pub(crate) fn line(text: &str, _: &()) -> garde::Result {
    rule(
        !text.trim().is_empty() && !text.chars().any(char::is_control),
        "line: expected a line of text, not blank",
    )
}

/// As [`line`], if there is one.
pub(crate) fn line_opt(text: &Option<String>, cx: &()) -> garde::Result {
    text.as_deref().map_or(Ok(()), |text| line(text, cx))
}

/// Text of several lines: no control characters but line feeds and tabs.
pub(crate) fn paragraphs(text: &str, _: &()) -> garde::Result {
    rule(
        !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'),
        "text: control characters are not allowed",
    )
}

/// As [`paragraphs`], if there is one.
pub(crate) fn paragraphs_opt(text: &Option<String>, cx: &()) -> garde::Result {
    text.as_deref().map_or(Ok(()), |text| paragraphs(text, cx))
}

/// ISO 3166-1 alpha-2, uppercase.
pub(crate) fn country(text: &str, _: &()) -> garde::Result {
    let shaped = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    rule(shaped, "country: expected an ISO 3166-1 code such as DE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in ["ada@example.com", "a.b+c@mail.example.co.uk", "ünder@exämple.de"] {
            assert!(email(good, &()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@localhost",
            "a b@example.com",
            "a@b@example.com",
            "a@-x.de",
            "a@x..de",
        ] {
            assert!(email(bad, &()).is_err(), "{bad}");
        }
    }

    #[test]
    fn slugs_are_told_from_other_text() {
        assert!(slug("stoneware-mug-2", &()).is_ok());
        for bad in ["", "Mug", "-mug", "mug-", "a--b", "a b", "müg"] {
            assert!(slug(bad, &()).is_err(), "{bad}");
        }
    }
}
