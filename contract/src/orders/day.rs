use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A day of the calendar, in the years 0000 to 9999. Shown as `2026-11-22`, stored as the number of days since
/// 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The first and the last day there are, by their numbers.
    const RANGE: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

    /// Takes the number of days since 1970-01-01; numbers outside the years 0000 to 9999 are clamped to that range.
    pub fn from_number(days: i64) -> Self {
        Self(days.clamp(*Self::RANGE.start(), *Self::RANGE.end()))
    }

    /// Days since 1970-01-01; negative before.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The day `days` later, or earlier if negative, clamped to the range.
    pub fn plus(self, days: i64) -> Self {
        Self::from_number(self.0.saturating_add(days))
    }

    fn date(self) -> Date {
        EPOCH.saturating_add(self.0.days())
    }
}

const EPOCH: Date = date(1970, 1, 1);

impl From<Date> for Day {
    fn from(day: Date) -> Self {
        Self::from_number(i64::from((day - EPOCH).get_days()))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.date(), f)
    }
}

impl FromStr for Day {
    type Err = &'static str;

    /// Reads `2026-11-22` and nothing else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected a day such as 2026-11-22";
        let day = Self::from(text.parse::<Date>().map_err(|_| EXPECTED)?);
        if Self::RANGE.contains(&day.0) && day.to_string() == text { Ok(day) } else { Err(EXPECTED) }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .description(Some("A day of the calendar"))
            .into()
    }
}

impl ToSchema for Day {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_are_the_same_day() {
        for (text, number) in
            [("1970-01-01", 0), ("1969-12-31", -1), ("2026-11-22", 20_779), ("2024-02-29", 19_782)]
        {
            assert_eq!(text.parse::<Day>(), Ok(Day::from_number(number)), "{text}");
            assert_eq!(Day::from_number(number).to_string(), text);
        }
        for end in [i64::MIN, i64::MAX] {
            let day = Day::from_number(end);
            assert_eq!(day.to_string().parse::<Day>(), Ok(day));
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in ["", "2026-11-31", "20261122", "2026-11-22T10:00", "+002026-11-22", "yesterday"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }
}
