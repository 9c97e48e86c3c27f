use std::borrow::Cow;

use shoal_types::{Fault, Violation};

/// What reading a request found wrong with its values, each with its path.
#[derive(Debug, Default)]
pub(super) struct Violations(Vec<Violation>);

impl Violations {
    /// More are not reported: nobody reads them, and the answer must not outgrow the request.
    const MAX: usize = 50;

    pub(super) fn add(&mut self, field: String, rule: &str, message: impl Into<String>) {
        if self.0.len() < Self::MAX {
            let field = if field.is_empty() || field == "." { "$".to_owned() } else { field };
            self.0.push(Violation { field, rule: rule.to_owned(), message: message.into() });
        }
    }

    pub(super) fn unknown_field(&mut self, field: String) {
        self.add(field, "unknown_field", "there is no such field");
    }

    /// Takes an error of serde about a value: `message` says what, `path` where.
    pub(super) fn add_serde(&mut self, path: &str, message: &str) {
        let message = without_position(message);
        let child = |name: &str| {
            if path.is_empty() || path == "." { name.to_owned() } else { format!("{path}.{name}") }
        };
        if let Some(name) = message.strip_prefix("missing field ").and_then(quoted) {
            return self.add(child(name), "required", "this field is required");
        }
        if let Some(name) = message.strip_prefix("unknown field ").and_then(quoted) {
            return self.unknown_field(child(name));
        }
        self.add(path.to_owned(), rule(message), in_words(message));
    }

    /// Passes if nothing was found.
    pub(super) fn check(self) -> Result<(), Fault> {
        if self.0.is_empty() { Ok(()) } else { Err(Fault::Invalid { violations: self.0 }) }
    }
}

/// The rule a message of serde is about. Its wording is stable: `invalid type: string "a", expected u32`.
fn rule(message: &str) -> &'static str {
    let starts = |prefix: &str| message.starts_with(prefix);
    match () {
        () if starts("invalid type") => "type",
        () if starts("invalid value: integer") || starts("invalid value: floating") => "range",
        () if starts("number too") => "range",
        () if starts("unknown variant") => "one_of",
        () if starts("invalid length") => "length",
        () if starts("invalid digit")
            || starts("cannot parse")
            || starts("invalid float")
            || starts("provided string") =>
        {
            "type"
        }
        () => "format",
    }
}

/// serde's message in the words of JSON rather than of Rust.
fn in_words(message: &str) -> Cow<'_, str> {
    match message {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            return "expected a whole number".into();
        }
        "number too large to fit in target type" => return "the number is too large".into(),
        "number too small to fit in target type" => return "the number is too small".into(),
        "provided string was not `true` or `false`" => return "expected true or false".into(),
        _ => {}
    }
    let Some((found, expected)) = message.split_once(", expected ") else { return message.into() };
    let noun = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a map" => "an object",
        "a sequence" => "an array",
        _ if expected.starts_with("struct ") => "an object",
        _ => return message.into(),
    };
    let in_range = if found.starts_with("invalid value") { " within the range of this field" } else { "" };
    let found = match found {
        "invalid type: sequence" => "invalid type: array",
        "invalid type: map" => "invalid type: object",
        found => found,
    };
    format!("{found}, expected {noun}{in_range}").into()
}

/// serde_json appends where in the text it was; the path says it better.
fn without_position(message: &str) -> &str {
    match message.rfind(" at line ") {
        Some(at) => &message[..at],
        None => message,
    }
}

/// The text between the first pair of backticks.
fn quoted(text: &str) -> Option<&str> {
    text.split('`').nth(1)
}
