//! Durations and sizes as people write them in config files: `30s`, `64MiB`.

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// The number before a unit and the unit's factor.
fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit.trim())?.1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// The largest unit that gives a whole number.
fn format(value: u64, units: &[(&str, u64)]) -> String {
    let whole = units.iter().rev().find(|(_, factor)| value.is_multiple_of(*factor) && value >= *factor);
    match whole.or(units.first()) {
        Some((name, factor)) => format!("{}{name}", value / factor),
        None => value.to_string(),
    }
}

/// For `#[serde(with = "units::duration")]`: `500ms`, `30s`, `5m`, `2h`.
pub mod duration {
    use std::time::Duration;

    use super::*;

    const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

    /// Text of the value, or the value of the text.
    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
        serializer.serialize_str(&format(millis, &UNITS))
    }

    /// Text of the value, or the value of the text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        let millis = parse(&text, &UNITS);
        let wrong = || D::Error::custom(format!("expected a duration such as 500ms, 30s or 5m, not {text}"));
        millis.map(Duration::from_millis).ok_or_else(wrong)
    }
}

/// For `#[serde(with = "units::bytes")]`: `512B`, `64KiB`, `1MiB`.
pub mod bytes {
    use super::*;

    const UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

    /// Text of the value, or the value of the text.
    pub fn serialize<S: Serializer>(value: &usize, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*value as u64, &UNITS))
    }

    /// Text of the value, or the value of the text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
        let text = String::deserialize(deserializer)?;
        let size = parse(&text, &UNITS).and_then(|size| usize::try_from(size).ok());
        size.ok_or_else(|| D::Error::custom(format!("expected a size such as 64KiB or 1MiB, not {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_and_write() {
        let units = [("ms", 1), ("s", 1_000)];
        for (text, value) in [("500ms", 500), ("30s", 30_000), ("0ms", 0)] {
            assert_eq!(parse(text, &units), Some(value));
            assert_eq!(format(value, &units), text);
        }
        for text in ["", "30", "s", "-1s", "1.5s", "30 minutes", "99999999999999999999s"] {
            assert_eq!(parse(text, &units), None, "{text}");
        }
    }
}
