use serde::Deserialize;

use crate::cells::Row;
use crate::number::Fraction;

/// A test of one column of a row. All tests that are given must hold; `not` turns the result round.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Condition {
    pub(crate) column: String,
    pub(crate) equals: Option<String>,
    pub(crate) one_of: Option<Vec<String>>,
    pub(crate) starts_with: Option<String>,
    pub(crate) ends_with: Option<String>,
    pub(crate) contains: Option<String>,
    pub(crate) blank: Option<bool>,
    pub(crate) below: Option<Bound>,
    pub(crate) above: Option<Bound>,
    pub(crate) not: bool,
    /// Of a filter: why the row is left out or refused.
    pub(crate) reason: Option<String>,
    /// Of a refusing filter: the stable word in the report.
    pub(crate) code: Option<String>,
}

/// A number to compare with, as text so that it is exact.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Bound(Fraction);

impl TryFrom<String> for Bound {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Fraction::parse(&text).map(Self).ok_or("expected a number as text, such as \"0\" or \"9.99\"")
    }
}

impl Condition {
    /// Whether it tests anything.
    pub(crate) fn has_test(&self) -> bool {
        self.equals.is_some()
            || self.one_of.is_some()
            || self.starts_with.is_some()
            || self.ends_with.is_some()
            || self.contains.is_some()
            || self.blank.is_some()
            || self.below.is_some()
            || self.above.is_some()
    }

    /// Whether the row passes. A text that is no number is neither below nor above one.
    pub(crate) fn holds(&self, row: Row<'_>) -> bool {
        let text = row.get(&self.column).trim();
        let is = |test: &Option<String>, passes: fn(&str, &str) -> bool| {
            test.as_deref().is_none_or(|wanted| passes(text, wanted))
        };
        let number = || Fraction::parse(text);
        let all = is(&self.equals, |text, wanted| text == wanted)
            && is(&self.starts_with, |text, wanted| text.starts_with(wanted))
            && is(&self.ends_with, |text, wanted| text.ends_with(wanted))
            && is(&self.contains, |text, wanted| text.contains(wanted))
            && self.one_of.as_ref().is_none_or(|words| words.iter().any(|word| word == text))
            && self.blank.is_none_or(|blank| text.is_empty() == blank)
            && self.below.is_none_or(|bound| number().is_some_and(|number| number.is_less_than(bound.0)))
            && self.above.is_none_or(|bound| number().is_some_and(|number| bound.0.is_less_than(number)));
        all != self.not
    }
}
