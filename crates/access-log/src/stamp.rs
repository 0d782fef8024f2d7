//! Times as the formats write them, in UTC. A date is worked out once a second and kept.

use std::time::SystemTime;

use time::{OffsetDateTime, UtcDateTime};

use crate::line::Line;

/// The last second, as both formats write it.
#[derive(Debug, Default)]
pub(crate) struct Stamp {
    second: Option<i64>,
    /// `2026-11-29T15:04:05.`.
    rfc3339: Vec<u8>,
    /// `29/Nov/2026:15:04:05 +0000`.
    clf: Vec<u8>,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl Stamp {
    /// As RFC 3339 has it, with milliseconds.
    pub(crate) fn rfc3339(&mut self, out: &mut Line<'_>, time: SystemTime) {
        let millis = self.at(time);
        out.text(&self.rfc3339);
        out.three_digits(millis);
        out.put(b"Z");
    }

    /// As Apache has it.
    pub(crate) fn clf(&mut self, out: &mut Line<'_>, time: SystemTime) {
        self.at(time);
        out.text(&self.clf);
    }

    /// Makes the texts of this second, unless it has them. Returns the milliseconds.
    fn at(&mut self, time: SystemTime) -> u32 {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok();
        let since = since
            .and_then(|since| Some((i64::try_from(since.as_secs()).ok()?, since.subsec_nanos())));
        // Before 1970, as on a machine without a battery.
        let (second, nanos) = since.unwrap_or_else(|| {
            let time = OffsetDateTime::from(time);
            (time.unix_timestamp(), time.nanosecond())
        });
        if self.second != Some(second) {
            self.write_down(second);
        }
        nanos / 1_000_000
    }

    fn write_down(&mut self, second: i64) {
        let time = UtcDateTime::from_unix_timestamp(second).unwrap_or(UtcDateTime::UNIX_EPOCH);
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, of_minute) = time.as_hms();
        let month = u8::from(month);
        let name = MONTHS.get(usize::from(month) - 1).unwrap_or(&"Jan");
        let clock = format!("{hour:02}:{minute:02}:{of_minute:02}");
        self.rfc3339 = format!("{year:04}-{month:02}-{day:02}T{clock}.").into_bytes();
        self.clf = format!("{day:02}/{name}/{year:04}:{clock} +0000").into_bytes();
        self.second = Some(second);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::LONGEST_LINE;

    fn both(stamp: &mut Stamp, time: SystemTime) -> [String; 2] {
        let mut room = [0; LONGEST_LINE];
        let mut written = |write: &mut dyn FnMut(&mut Line<'_>)| {
            let mut line = Line::new(&mut room);
            write(&mut line);
            String::from_utf8(line.bytes().to_vec()).unwrap()
        };
        let rfc3339 = written(&mut |line| stamp.rfc3339(line, time));
        [rfc3339, written(&mut |line| stamp.clf(line, time))]
    }

    #[test]
    fn times_are_written_in_utc_and_follow_the_clock_either_way() {
        let mut stamp = Stamp::default();
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        for (millis, rfc3339, clf) in [
            (0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 +0000"),
            (
                1_795_964_645_007,
                "2026-11-29T15:04:05.007Z",
                "29/Nov/2026:15:04:05 +0000",
            ),
            (
                1_795_964_645_999,
                "2026-11-29T15:04:05.999Z",
                "29/Nov/2026:15:04:05 +0000",
            ),
            // The clock was set back.
            (
                951_782_399_050,
                "2000-02-28T23:59:59.050Z",
                "28/Feb/2000:23:59:59 +0000",
            ),
        ] {
            assert_eq!(both(&mut stamp, at(millis)), [rfc3339, clf]);
        }
        let before = SystemTime::UNIX_EPOCH - Duration::from_millis(1);
        assert_eq!(both(&mut stamp, before)[0], "1969-12-31T23:59:59.999Z");
    }
}
