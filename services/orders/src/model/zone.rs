use std::fmt;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};
use shoal_contract::orders::Day;
use shoal_types::Timestamp;

/// The time zone in which a shop's days begin and end. The zones are those of the program, so that every node has the same.
///
/// Source: IANA Time Zone Database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// There is no time zone of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownZone(String);

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no time zone {}; expected a name such as UTC or Europe/Berlin", self.0)
    }
}

impl std::error::Error for UnknownZone {}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(name: String) -> Result<Self, UnknownZone> {
        Self::named(&name)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl Zone {
    /// Universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The zone of this name: `Europe/Berlin`.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Self::utc());
        }
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        Ok(Self { name: zone.iana_name().unwrap_or(name).to_owned(), zone })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The day that it is at an instant.
    pub(crate) fn day(&self, at: Timestamp) -> Day {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Day::from(self.zone.to_datetime(at).date())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(zone: &str, at: &str) -> String {
        let at = Timestamp::parse(at).expect("a time");
        Zone::named(zone).expect("a zone").day(at).to_string()
    }

    #[test]
    fn a_day_begins_when_it_does_in_the_shops_zone() {
        assert_eq!(day("UTC", "2026-11-21T23:59:59Z"), "2026-11-21");
        assert_eq!(day("Europe/Berlin", "2026-11-21T22:59:59Z"), "2026-11-21");
        assert_eq!(day("Europe/Berlin", "2026-11-21T23:00:00Z"), "2026-11-22");
        assert_eq!(day("europe/berlin", "2026-06-30T22:00:00Z"), "2026-07-01", "summer time");
        assert_eq!(day("America/Los_Angeles", "2026-11-22T07:59:59Z"), "2026-11-21");
        assert_eq!(day("Pacific/Kiritimati", "2026-11-21T10:00:00Z"), "2026-11-22");
    }

    #[test]
    fn the_ends_of_time_have_days() {
        for zone in ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"] {
            let zone = Zone::named(zone).expect("a zone");
            for at in [i64::MIN, i64::MAX] {
                zone.day(Timestamp::from_micros(at));
            }
        }
    }

    #[test]
    fn a_zone_that_does_not_exist_is_named() {
        let error = Zone::named("Mars/Olympus").expect_err("no such zone");
        assert!(error.to_string().contains("Mars/Olympus"));
    }
}
