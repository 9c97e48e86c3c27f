//! A field of a form, with what was typed and what is wrong with it.

use shoal_types::Violation;

use crate::words;

/// A field.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) kind: &'static str,
    pub(crate) autocomplete: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) required: bool,
    /// Whether it stands beside another.
    pub(crate) half: bool,
    pub(crate) error: Option<String>,
    /// Code and name of what can be chosen; typed if empty.
    pub(crate) choices: Vec<(String, String)>,
}

impl Field {
    /// A line of text that must be filled.
    pub(crate) fn new(name: &'static str, label: &'static str, value: &str) -> Self {
        Self {
            name,
            label,
            value: value.to_owned(),
            kind: "text",
            autocomplete: "off",
            hint: "",
            required: true,
            half: false,
            error: None,
            choices: Vec::new(),
        }
    }

    pub(crate) fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn autocomplete(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    pub(crate) fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    pub(crate) fn half(self) -> Self {
        Self { half: true, ..self }
    }
}

/// Writes each violation beside its field; gives what belongs to none of them.
pub(crate) fn blame(fields: &mut [Field], violations: &[Violation]) -> Option<String> {
    let mut rest = Vec::new();
    for violation in violations {
        let name = violation.field.rsplit('.').next().unwrap_or_default();
        match fields.iter_mut().find(|field| field.name == name) {
            Some(field) if field.error.is_none() => field.error = Some(words::beside(violation)),
            Some(_) => {}
            None => rest.push(words::beside(violation)),
        }
    }
    (!rest.is_empty()).then(|| rest.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_stands_beside_its_field() {
        let mut fields = [Field::new("city", "Town", "")];
        let violation =
            |field: &str| Violation { field: field.into(), rule: "line".into(), message: "not blank".into() };
        let rest = blame(&mut fields, &[violation("shipping_address.city"), violation("moon")]);
        assert_eq!(fields[0].error.as_deref(), Some("Enter a town."));
        assert_eq!(rest.as_deref(), Some("Not blank."));
    }
}
