//! Times of the wall clock, and the moment at which something is asked.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer};
use switchyard_bounded::Shown;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The longest text that is read as a time, in bytes: all that RFC 3339 can say to the nanosecond, and some more.
const LONGEST_TEXT: usize = 64;

/// A time of the wall clock. It is shown with the offset with which it was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub struct Timestamp(OffsetDateTime);

/// A moment, by two clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// By the wall clock, which may be set.
    pub wall: Timestamp,
    /// By a clock that never goes back, since any fixed moment.
    pub uptime: Duration,
}

impl Timestamp {
    /// A time as RFC 3339 writes it; else the rule that the text breaks, worded to follow it in a message.
    pub fn read(text: &str) -> Result<Self, String> {
        let time = Some(text).filter(|text| text.len() <= LONGEST_TEXT);
        let time = time.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        time.map(Self).ok_or_else(|| {
            format!(
                "{:?} is no time as RFC 3339 writes it, as in 2026-12-01T18:00:00Z or 2026-12-01T19:00:00.5+01:00",
                Shown::value(text).to_string()
            )
        })
    }

    /// How long it is until `later`; zero if that is not later.
    pub(crate) fn until(self, later: Self) -> Duration {
        Duration::try_from(later.0 - self.0).unwrap_or_default()
    }
}

impl From<SystemTime> for Timestamp {
    /// A clock beyond the year 9999 is taken for one that was never set.
    fn from(system: SystemTime) -> Self {
        let since = system.duration_since(SystemTime::UNIX_EPOCH);
        let nanos = since
            .ok()
            .and_then(|since| i128::try_from(since.as_nanos()).ok());
        let time = nanos.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok());
        Self(time.unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Timestamp {
        Timestamp::read(text).unwrap_or_else(|why| panic!("{why}"))
    }

    #[test]
    fn times_are_read_with_fractions_and_offsets_and_shown_as_they_were_written() {
        for (text, shown) in [
            ("2026-12-01T18:00:00Z", "2026-12-01T18:00:00Z"),
            ("2026-12-01T18:00:00.500Z", "2026-12-01T18:00:00.5Z"),
            (
                "2026-12-01T18:00:00.123456789+01:00",
                "2026-12-01T18:00:00.123456789+01:00",
            ),
            ("2026-12-01T18:00:00-09:30", "2026-12-01T18:00:00-09:30"),
            ("2026-12-01t18:00:00z", "2026-12-01T18:00:00Z"),
            ("2028-02-29T00:00:00+14:00", "2028-02-29T00:00:00+14:00"),
        ] {
            assert_eq!(read(text).to_string(), shown);
        }
        assert_eq!(
            read("2026-12-01T18:00:00+01:00"),
            read("2026-12-01T17:00:00Z")
        );
        assert!(read("2026-12-01T18:00:00.4Z") < read("2026-12-01T18:00:00.40000001Z"));
        let leap = read("2016-12-31T23:59:60Z");
        assert!(read("2016-12-31T23:59:59Z") < leap && leap < read("2017-01-01T00:00:00Z"));
    }

    #[test]
    fn whatever_else_is_no_time() {
        for text in [
            "",
            "tomorrow",
            "1796147999",
            "2026-12-01",
            "2026-12-01T18:00:00",
            "2026-12-01 18:00",
            "2026-12-01T18:00Z",
            "2026-13-01T18:00:00Z",
            "2026-02-29T18:00:00Z",
            "2026-12-01T24:00:00Z",
            "2026-12-01T18:00:61Z",
            "2026-12-01T18:00:00,5Z",
            "2026-12-01T18:00:00.Z",
            "2026-12-01T18:00:00+0100",
            "2026-12-01T18:00:00 Z",
            " 2026-12-01T18:00:00Z",
            "+12026-12-01T18:00:00Z",
        ] {
            assert!(Timestamp::read(text).is_err(), "{text}");
        }
        let long = format!("2026-12-01T18:00:00.{}Z", "0".repeat(100_000));
        let why = Timestamp::read(&long).unwrap_err();
        assert!(why.len() < 500, "{} bytes", why.len());
    }

    #[test]
    fn any_system_time_is_a_time() {
        let at = |secs| SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
        let shown = |time| Timestamp::from(time).to_string();
        assert_eq!(shown(at(1_796_148_000)), "2026-12-01T18:00:00Z");
        for odd in [at(1 << 40), SystemTime::UNIX_EPOCH - Duration::from_secs(5)] {
            assert_eq!(shown(odd), "1970-01-01T00:00:00Z");
        }
    }
}
