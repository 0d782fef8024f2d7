//! A series as Prometheus usually writes it, read in one pass over its bytes.
//!
//! ```text
//! {"metric":{"__name__":"load","instance":"10.0.0.1:5001"},"values":[[1732908108.121,"6"],[1732908123.121,"7.5"]]}
//! ```
//!
//! Ten thousand of them come every few seconds, and nearly all are like this one: these keys in this order without a gap,
//! text of ASCII without an escape, times with at most three digits behind the point. What is written in any other way is no
//! fault, and is left to the reader of JSON ([`SeriesWith`](crate::series::SeriesWith)), which says the same of what is read
//! here.

use std::borrow::Cow;

use memchr::memchr2;

use crate::series::{Point, Series};

/// The most digits of a number that is put together here: as a float, any of them is exact.
const MOST_DIGITS: usize = 15;

/// Reads a series at the front of `bytes`, and of its labels the one with the name `label`. Returns how long it is too;
/// `None` if it is written otherwise, or not whole.
pub(crate) fn series<'b>(bytes: &'b [u8], label: &str) -> Option<(Series<'b>, usize)> {
    let mut rest = Rest(bytes);
    rest.take(br#"{"metric":{"#)?;
    let mut found = None;
    if !rest.has(b'}') {
        loop {
            let name = rest.text()?;
            rest.take(b":")?;
            let value = rest.text()?;
            if name == label.as_bytes() {
                found = Some(Cow::Borrowed(str::from_utf8(value).ok()?));
            }
            if rest.has(b'}') {
                break;
            }
            rest.take(b",")?;
        }
    }
    rest.take(br#","values":["#)?;
    let mut last = None::<Point>;
    let before = loop {
        rest.take(b"[")?;
        let stamp = rest.millis()?;
        rest.take(b",")?;
        let value = rest.value()?;
        rest.take(b"]")?;
        let before = last.map(|earlier| earlier.stamp);
        if before.is_some_and(|before| before >= stamp) {
            // Not in the order of their times.
            return None;
        }
        last = Some(Point { stamp, value });
        if rest.has(b']') {
            break before;
        }
        rest.take(b",")?;
    };
    rest.take(b"}")?;
    let series = Series {
        label: found,
        last: last?,
        before,
        is_instant: false,
    };
    Some((series, bytes.len() - rest.0.len()))
}

/// What is not read yet.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    /// Passes over what must come next.
    #[inline]
    fn take<const N: usize>(&mut self, piece: &[u8; N]) -> Option<()> {
        self.0 = self.0.strip_prefix(piece)?;
        Some(())
    }

    /// Passes over a byte if it comes next.
    #[inline]
    fn has(&mut self, byte: u8) -> bool {
        let [first, rest @ ..] = self.0 else {
            return false;
        };
        let is_it = *first == byte;
        if is_it {
            self.0 = rest;
        }
        is_it
    }

    /// A text in quotes, of ASCII and without an escape or a control character, which JSON has only as an escape.
    #[inline]
    fn text(&mut self) -> Option<&'b [u8]> {
        self.take(b"\"")?;
        let end = memchr2(b'"', b'\\', self.0)?;
        let (text, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.strip_prefix(b"\"")?;
        text.iter()
            .all(|byte| matches!(byte, b' '..=b'~'))
            .then_some(text)
    }

    /// Digits, and the number that they are, which begins with none where more than one follow.
    #[inline]
    fn digits(&mut self, most: usize) -> Option<(u64, usize)> {
        let (mut number, mut count) = (0_u64, 0);
        while let [digit @ b'0'..=b'9', rest @ ..] = self.0 {
            if count == most {
                return None;
            }
            number = number * 10 + u64::from(digit - b'0');
            (self.0, count) = (rest, count + 1);
        }
        (count > 0).then_some((number, count))
    }

    /// Seconds with at most three digits behind the point, in milliseconds.
    #[inline]
    fn millis(&mut self) -> Option<i64> {
        let (seconds, count) = self.digits(MOST_DIGITS - 3)?;
        if count > 1 && seconds < 10_u64.pow(u32::try_from(count).ok()? - 1) {
            // JSON has no such number.
            return None;
        }
        let millis = if self.has(b'.') {
            match self.digits(3)? {
                (tenths, 1) => tenths * 100,
                (hundredths, 2) => hundredths * 10,
                (thousandths, _) => thousandths,
            }
        } else {
            0
        };
        // An exponent, or an end that is cut.
        self.0.first().filter(|byte| **byte == b',')?;
        i64::try_from(seconds * 1_000 + millis).ok()
    }

    /// A number in quotes.
    #[inline]
    fn value(&mut self) -> Option<f64> {
        let text = self.text()?;
        let mut digits = Rest(text);
        if let Some((number, _)) = digits.digits(MOST_DIGITS)
            && digits.0.is_empty()
        {
            #[expect(clippy::cast_precision_loss, reason = "it has at most 15 digits")]
            return Some(number as f64);
        }
        str::from_utf8(text).ok()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::DeserializeSeed;

    use super::*;
    use crate::series::SeriesWith;

    /// What the reader of JSON says of the series at the front.
    fn by_serde(text: &str) -> Option<(Series<'_>, usize)> {
        let mut json = serde_json::Deserializer::from_str(text);
        let series = SeriesWith("instance").deserialize(&mut json).ok()?;
        let length = json.into_iter::<serde::de::IgnoredAny>().byte_offset();
        Some((series, length))
    }

    /// Both readers, as texts: a value may be no number.
    fn both(text: &str) -> [String; 2] {
        let here = series(text.as_bytes(), "instance");
        [format!("{here:?}"), format!("{:?}", by_serde(text))]
    }

    #[test]
    fn what_prometheus_writes_is_read_here_and_other_ways_are_not() {
        let usual = r#"{"metric":{"__name__":"load","instance":"10.0.0.1:5001"},"values":[[1732908108.121,"6"],[1732908123.1,"7.5"]]}"#;
        let (found, length) = series(usual.as_bytes(), "instance").unwrap();
        assert_eq!(length, usual.len());
        assert_eq!(found.label.as_deref(), Some("10.0.0.1:5001"));
        assert_eq!(
            (found.last.stamp, found.before),
            (1_732_908_123_100, Some(1_732_908_108_121))
        );
        for plain in [
            r#"{"metric":{},"values":[[0,"0"]]},{"#,
            r#"{"metric":{"instance":"a","instance":"b"},"values":[[1,"NaN"]]}]}"#,
            r#"{"metric":{"a":""},"values":[[1.5,"+Inf"],[1.501,"-1e-3"]]}"#,
        ] {
            assert!(series(plain.as_bytes(), "instance").is_some(), "{plain}");
            let [here, there] = both(plain);
            assert_eq!(here, there);
        }
        for other in [
            "",
            r#"{"metric": {},"values":[[1,"1"]]}"#,
            r#"{"metric":{"a":"\u00fc"},"values":[[1,"1"]]}"#,
            r#"{"metric":{"instance":"ü"},"values":[[1,"1"]]}"#,
            "{\"metric\":{\"a\r\":\"b\"},\"values\":[[1,\"1\"]]}",
            "{\"metric\":{\"a\":\"\0\"},\"values\":[[1,\"1\"]]}",
            r#"{"metric":{"a":1},"values":[[1,"1"]]}"#,
            r#"{"metric":{"a":"b",},"values":[[1,"1"]]}"#,
            r#"{"metric":{},"values":[]}"#,
            r#"{"metric":{},"values":[[1,"1"],]}"#,
            r#"{"metric":{},"values":[[01,"1"]]}"#,
            r#"{"metric":{},"values":[[1.,"1"]]}"#,
            r#"{"metric":{},"values":[[1.0001,"1"]]}"#,
            r#"{"metric":{},"values":[[1e3,"1"]]}"#,
            r#"{"metric":{},"values":[[-1,"1"]]}"#,
            r#"{"metric":{},"values":[[1,1]]}"#,
            r#"{"metric":{},"values":[[1,"one"]]}"#,
            r#"{"metric":{},"values":[[2,"1"],[1,"1"]]}"#,
            r#"{"metric":{},"values":[[1,"1"]],"histograms":[]}"#,
            r#"{"metric":{},"value":[1,"1"]}"#,
        ] {
            assert_eq!(series(other.as_bytes(), "instance"), None, "{other}");
        }
    }

    proptest! {
        /// Cut and broken anywhere: whatever is read here, the reader of JSON reads the same.
        #[test]
        fn what_is_read_here_is_what_json_says(
            labels in prop::collection::vec(("[a-z_]{0,4}|instance", "[ -~]{0,6}"), 0..4),
            points in prop::collection::vec((0_u64..3_000_000_000, 0_u32..1_500, "[0-9]{1,17}|[0-9]{0,3}\\.?[0-9]{1,3}|NaN|[+-]Inf|1e9"), 1..4),
            at in 0_usize..300,
            broken in "[\\x00-~ü]{0,2}",
        ) {
            let labels = labels.iter().map(|(name, value)| format!("{name:?}:{value:?}"));
            let points = points.iter().map(|(seconds, millis, value)| format!("[{seconds}.{millis},{value:?}]"));
            let (labels, points) = (labels.collect::<Vec<_>>().join(","), points.collect::<Vec<_>>().join(","));
            let whole = format!("{{\"metric\":{{{labels}}},\"values\":[{points}]}}");
            let mut torn = whole.clone();
            torn.insert_str(at % whole.len(), &broken);
            for text in [&whole[..], &whole[..at % whole.len()], &torn] {
                if series(text.as_bytes(), "instance").is_some() {
                    let [here, there] = both(text);
                    prop_assert_eq!(here, there, "{}", text);
                }
            }
        }
    }
}
