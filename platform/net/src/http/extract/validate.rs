use std::borrow::Cow;
use std::fmt::Display;

use garde::Validate;
use garde::i18n::{I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind};
use shoal_types::Fault;

use super::violations::Violations;

/// Asks the value whether it keeps its own rules.
///
/// A rule of the value's own may name itself: `garde::Error::new("luhn: the check digit is wrong")`.
pub(super) fn validate<T: Validate<Context = ()>>(value: &T) -> Result<(), Fault> {
    let Err(report) = garde::i18n::with_i18n(Words, || value.validate()) else { return Ok(()) };
    let mut violations = Violations::default();
    for (path, error) in report.iter() {
        let (rule, message) = split(error.message());
        violations.add(path.to_string(), rule, message);
    }
    violations.check()
}

fn split(message: &str) -> (&str, &str) {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    match message.split_once(": ") {
        Some((rule, rest)) if is_word(rule) => (rule, rest),
        _ => ("invalid", message),
    }
}

/// The built-in rules in our words: a stable rule, a colon, a sentence.
struct Words;

impl I18n for Words {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        format!("too_short: must have a length of at least {min}").into()
    }

    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        format!("too_long: must have a length of at most {max}").into()
    }

    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        format!("too_small: must be at least {min}").into()
    }

    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        format!("too_large: must be at most {max}").into()
    }

    fn credit_card_invalid(&self, reason: InvalidCreditCard) -> Cow<'static, str> {
        format!("format: is no card number: {reason}").into()
    }

    fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("format: must match {pattern}").into()
    }

    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("format: must contain {pattern}").into()
    }

    fn url_invalid(&self, reason: InvalidUrl) -> Cow<'static, str> {
        format!("format: is no URL: {reason}").into()
    }

    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("format: must begin with {pattern}").into()
    }

    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        format!("format: must end with {pattern}").into()
    }

    fn phone_number_invalid(&self, reason: InvalidPhoneNumber) -> Cow<'static, str> {
        format!("format: is no phone number: {reason}").into()
    }

    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        format!("format: is no {kind} address").into()
    }

    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        format!("mismatch: must be the same as {field}").into()
    }

    fn email_invalid(&self, reason: InvalidEmail) -> Cow<'static, str> {
        format!("format: is no e-mail address: {reason}").into()
    }

    fn ascii_invalid(&self) -> Cow<'static, str> {
        "format: must be ASCII".into()
    }

    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        "format: must be letters and digits".into()
    }

    fn required_not_set(&self) -> Cow<'static, str> {
        "required: this field is required".into()
    }
}
