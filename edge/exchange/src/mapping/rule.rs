use std::collections::BTreeMap;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use shoal_types::{Currency, Rounding};

use super::Condition;

/// How one value is found in a row. In TOML a table, or just the name of a column. Boxed: a mapping has many places for
/// rules, most of them empty, and is moved about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rule(pub(crate) Box<RuleTable>);

/// The keys of a rule.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuleTable {
    pub(crate) column: Option<String>,
    #[serde(rename = "const")]
    pub(crate) constant: Option<String>,
    pub(crate) template: Option<Template>,
    pub(crate) any: Option<Vec<Rule>>,
    pub(crate) sum: Option<Vec<String>>,

    pub(crate) when: Option<Condition>,
    pub(crate) trim: Option<bool>,
    pub(crate) map: Option<BTreeMap<String, String>>,
    pub(crate) default: Option<String>,
    pub(crate) slug: bool,
    pub(crate) split: Option<String>,
    pub(crate) pick: Pick,

    pub(crate) money: MoneyForm,
    pub(crate) currency: Option<Currency>,
    pub(crate) currency_column: Option<String>,
    pub(crate) decimal_mark: Option<char>,
    pub(crate) thousands_mark: Option<char>,
    pub(crate) times: Option<String>,
    pub(crate) divide_by: Option<String>,
    pub(crate) round: Option<Round>,
    pub(crate) whole_only: bool,

    pub(crate) unit: Option<Unit>,
    pub(crate) unit_column: Option<String>,

    pub(crate) time: Option<String>,
    pub(crate) zone: Option<Zone>,
}

/// Which of several different values in the rows of one document counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pick {
    #[default]
    First,
    Last,
    Least,
    Greatest,
}

/// How an amount is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MoneyForm {
    /// `19.99`
    #[default]
    Decimal,
    /// `1999`
    Minor,
    /// `19.99 EUR`
    WithCode,
}

/// The rounding of an amount finer than the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Round {
    HalfUp,
    HalfEven,
    Down,
}

impl From<Round> for Rounding {
    fn from(round: Round) -> Self {
        match round {
            Round::HalfUp => Self::HalfUp,
            Round::HalfEven => Self::HalfEven,
            Round::Down => Self::Down,
        }
    }
}

/// A unit of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    G,
    Kg,
    Lb,
    Oz,
}

impl Unit {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "g" => Some(Self::G),
            "kg" => Some(Self::Kg),
            "lb" | "lbs" => Some(Self::Lb),
            "oz" => Some(Self::Oz),
            _ => None,
        }
    }

    /// Grams in one, as a fraction. Source: the international pound, 453.59237 g exactly, of 16 ounces.
    pub(crate) const fn grams(self) -> (i128, i128) {
        match self {
            Self::G => (1, 1),
            Self::Kg => (1000, 1),
            Self::Lb => (45_359_237, 100_000),
            Self::Oz => (45_359_237, 1_600_000),
        }
    }
}

/// What a time without a zone is meant in: `UTC` or a fixed offset such as `+02:00`. Seconds east of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zone(pub(crate) i32);

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom("expected a zone: \"UTC\", or an offset such as \"+02:00\""))
    }
}

impl Zone {
    fn parse(text: &str) -> Option<Self> {
        if text == "UTC" || text == "Z" {
            return Some(Self(0));
        }
        let sign = match text.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = text[1..].split_once(':')?;
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        ((0..=14).contains(&hours) && (0..60).contains(&minutes))
            .then_some(Self(sign * (hours * 3600 + minutes * 60)))
    }
}

/// Text with columns in braces: `{brand} {name}`. `{{` and `}}` are braces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Template(pub(crate) Vec<Segment>);

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    Text(String),
    Column(String),
}

impl TryFrom<String> for Template {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut segments = Vec::new();
        let mut plain = String::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '{' | '}' if letters.peek() == Some(&letter) => {
                    letters.next();
                    plain.push(letter);
                }
                '{' => {
                    if !plain.is_empty() {
                        segments.push(Segment::Text(std::mem::take(&mut plain)));
                    }
                    segments.push(Segment::Column(column(&mut letters)?));
                }
                '}' => return Err("a closing brace without an opening one; write }} for a brace"),
                _ => plain.push(letter),
            }
        }
        if !plain.is_empty() {
            segments.push(Segment::Text(plain));
        }
        Ok(Self(segments))
    }
}

fn column(letters: &mut impl Iterator<Item = char>) -> Result<String, &'static str> {
    let mut name = String::new();
    for letter in letters {
        match letter {
            '}' if name.is_empty() => return Err("an empty pair of braces; name a column in it"),
            '}' => return Ok(name),
            _ => name.push(letter),
        }
    }
    Err("an opening brace without a closing one; write {{ for a brace")
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RuleVisitor;

        impl<'de> Visitor<'de> for RuleVisitor {
            type Value = Rule;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the name of a column, or a table such as { column = \"price\", trim = false }")
            }

            fn visit_str<E>(self, column: &str) -> Result<Rule, E> {
                let table = RuleTable { column: Some(column.to_owned()), ..RuleTable::default() };
                Ok(Rule(Box::new(table)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Rule, A::Error> {
                RuleTable::deserialize(MapAccessDeserializer::new(map)).map(|table| Rule(Box::new(table)))
            }
        }

        deserializer.deserialize_any(RuleVisitor)
    }
}

impl Rule {
    /// The columns it reads, those of its parts too.
    pub(crate) fn columns(&self, visit: &mut dyn FnMut(&str)) {
        let rule = &self.0;
        let single = [&rule.column, &rule.currency_column, &rule.times, &rule.divide_by, &rule.unit_column];
        single.into_iter().flatten().for_each(|column| visit(column));
        rule.sum.iter().flatten().for_each(|column| visit(column));
        for segment in rule.template.iter().flat_map(|template| &template.0) {
            if let Segment::Column(column) = segment {
                visit(column);
            }
        }
        rule.any.iter().flatten().for_each(|part| part.columns(visit));
        if let Some(condition) = &rule.when {
            visit(&condition.column);
        }
    }

    /// The column to blame if its value is wrong.
    pub(crate) fn first_column(&self) -> Option<String> {
        let mut first = None;
        self.columns(&mut |column| {
            first.get_or_insert_with(|| column.to_owned());
        });
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_read_with_their_braces() {
        let template = Template::try_from("a {{x}} {brand}-{name}".to_owned()).expect("valid");
        let column = |name: &str| Segment::Column(name.into());
        let text = |text: &str| Segment::Text(text.into());
        assert_eq!(template.0, [text("a {x} "), column("brand"), text("-"), column("name")]);
        for bad in ["{", "}", "{}", "{a"] {
            assert!(Template::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones_are_offsets() {
        assert_eq!(Zone::parse("UTC"), Some(Zone(0)));
        assert_eq!(Zone::parse("-05:30"), Some(Zone(-19_800)));
        assert_eq!(
            (Zone::parse("Europe/Berlin"), Zone::parse("+99:00"), Zone::parse("")),
            (None, None, None)
        );
    }
}
