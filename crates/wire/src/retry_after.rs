//! Reads `Retry-After`, which is a number of seconds or a date (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

/// Whole seconds, rounded up, that the sender of `value` asks to wait from `now` on; `None` if it is neither a number
/// nor a date. `date` is the `Date` of the same answer: with it a date counts by the sender's clock, whatever this
/// machine's clock says. A date in the past is no time at all.
#[must_use]
pub fn retry_after(value: &[u8], date: Option<&[u8]>, now: SystemTime) -> Option<u32> {
    let value = str::from_utf8(value).ok()?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.parse().unwrap_or(u32::MAX));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let sent = date.and_then(|date| httpdate::parse_http_date(str::from_utf8(date).ok()?).ok());
    let wait = until.duration_since(sent.unwrap_or(now));
    Some(whole_seconds(wait.unwrap_or_default()))
}

/// Rounded up, since less would be too early.
fn whole_seconds(wait: Duration) -> u32 {
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(whole).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06 08:49:37 UTC, the date of RFC 9110's examples.
    const SENT: Duration = Duration::from_secs(784_111_777);

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + SENT + Duration::from_millis(millis)
    }

    fn read(value: &str) -> Option<u32> {
        retry_after(value.as_bytes(), None, at(0))
    }

    #[test]
    fn seconds_are_digits_only() {
        assert_eq!(read("0"), Some(0));
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("99999999999999999999"), Some(u32::MAX));
        for wrong in ["", "+5", "-5", "1.5", "5 s", "soon", "0x10", "٣"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_in_each_of_the_three_forms_counts() {
        for date in [
            "Sun, 06 Nov 1994 08:49:45 GMT",
            "Sunday, 06-Nov-94 08:49:45 GMT",
            "Sun Nov  6 08:49:45 1994",
        ] {
            assert_eq!(read(date), Some(8), "{date}");
            let past = retry_after(date.as_bytes(), None, at(9_000));
            assert_eq!(past, Some(0), "{date}");
            let rounded = retry_after(date.as_bytes(), None, at(500));
            assert_eq!(rounded, Some(8), "{date}: never too early");
        }
    }

    #[test]
    fn a_date_counts_by_the_clock_of_its_sender() {
        let (until, date) = (
            "Sun, 06 Nov 1994 08:49:45 GMT",
            "Sun, 06 Nov 1994 08:49:42 GMT",
        );
        let wait = retry_after(until.as_bytes(), Some(date.as_bytes()), at(3_600_000));
        assert_eq!(wait, Some(3));
        let unreadable = retry_after(until.as_bytes(), Some(b"today"), at(0));
        assert_eq!(unreadable, Some(8));
    }
}
