//! Says of one line what the scan makes of it, and why: for people who look for their gauge. Hidden: it is the programs',
//! and no part of what versions promise.

use super::{
    Wanted,
    line::{self, Line},
};

/// What the scan makes of a line. See [`Wanted::judge`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict<'w> {
    /// It is of another metric.
    OtherMetric,
    /// It has the name, and a label that is not as wanted.
    Unlike {
        /// The label.
        label: &'w str,
        /// Whether this value is wanted, or unwanted.
        equal: bool,
        /// The value.
        value: &'w str,
    },
    /// It is read, with this value: it may be any number.
    Read(f64),
    /// It has the name, and can't be read.
    Malformed,
}

impl Wanted {
    /// What the scan makes of `line`, a whole line of a page. Where series are added, the one that reads it decides.
    #[doc(hidden)]
    #[must_use]
    pub fn judge(&self, line: &[u8]) -> Verdict<'_> {
        let verdicts = self.plus.iter().map(|other| other.judge(line));
        verdicts.fold(self.judge_own(line), |best, other| {
            let is_better = match best {
                Verdict::OtherMetric => true,
                Verdict::Unlike { .. } => matches!(other, Verdict::Read(_) | Verdict::Malformed),
                Verdict::Read(_) | Verdict::Malformed => false,
            };
            if is_better { other } else { best }
        })
    }

    fn judge_own(&self, line: &[u8]) -> Verdict<'_> {
        let name = self.name.needle();
        let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
        let line = line.get(start.unwrap_or(line.len())..).unwrap_or_default();
        let Some(tail) = line.strip_prefix(name) else {
            return Verdict::OtherMetric;
        };
        if name.is_empty() || !line::is_of_series(tail.strip_suffix(b"\r").unwrap_or(tail)) {
            return Verdict::OtherMetric;
        }
        match line::read(tail, &self.matchers) {
            Line::Value(value) => Verdict::Read(value),
            Line::Malformed => Verdict::Malformed,
            Line::Other => line::unlike(tail, &self.matchers).map_or(Verdict::Malformed, |one| {
                // It was made from text.
                Verdict::Unlike {
                    label: str::from_utf8(&one.label).unwrap_or_default(),
                    equal: one.equal,
                    value: str::from_utf8(&one.value).unwrap_or_default(),
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::scan, *};
    use crate::exposition::Found;

    fn wanted(name: &str, matchers: &[(&str, bool, &str)]) -> Wanted {
        let matchers = matchers.iter();
        Wanted::new(
            name,
            matchers
                .map(|(label, equal, value)| ((*label).to_owned(), *equal, (*value).to_owned())),
        )
    }

    #[test]
    fn each_line_has_the_verdict_of_the_scan() {
        let load = wanted("load", &[("zone", true, "a"), ("kind", false, "spare")]);
        let unlike = |label, equal, value| Verdict::Unlike {
            label,
            equal,
            value,
        };
        for (line, verdict, found) in [
            ("load{zone=\"a\"} 5", Verdict::Read(5.0), Found::One(5.0)),
            (
                "  load {zone=\"a\",} 5 17\r",
                Verdict::Read(5.0),
                Found::One(5.0),
            ),
            (
                "load{zone=\"a\"} -1",
                Verdict::Read(-1.0),
                Found::Unusable(-1.0),
            ),
            (
                "load{zone=\"b\"} 5",
                unlike("zone", true, "a"),
                Found::Missing,
            ),
            ("load 5", unlike("zone", true, "a"), Found::Missing),
            (
                "load{kind=\"spare\",zone=\"a\"} 5",
                unlike("kind", false, "spare"),
                Found::Missing,
            ),
            (
                "load{zone=\"a\"} five",
                Verdict::Malformed,
                Found::Malformed,
            ),
            ("load{zone=\"a\" 5", Verdict::Malformed, Found::Malformed),
            (
                "load_total{zone=\"a\"} 5",
                Verdict::OtherMetric,
                Found::Missing,
            ),
            (
                "my_load{zone=\"a\"} 5",
                Verdict::OtherMetric,
                Found::Missing,
            ),
            ("# load{zone=\"a\"} 5", Verdict::OtherMetric, Found::Missing),
            ("", Verdict::OtherMetric, Found::Missing),
        ] {
            assert_eq!(load.judge(line.as_bytes()), verdict, "{line}");
            assert_eq!(scan(line.as_bytes(), true, [&load]), [found], "{line}");
        }
    }

    #[test]
    fn where_series_are_added_the_one_that_reads_the_line_decides() {
        let sum = wanted("load", &[("zone", true, "a")])
            .plus(wanted("load", &[("zone", true, "b")]))
            .plus(wanted("queue", &[]));
        assert_eq!(sum.judge(b"load{zone=\"b\"} 2"), Verdict::Read(2.0));
        assert_eq!(sum.judge(b"queue 3"), Verdict::Read(3.0));
        assert!(matches!(
            sum.judge(b"load{zone=\"c\"} 2"),
            Verdict::Unlike { label: "zone", .. }
        ));
        assert_eq!(sum.judge(b"other 3"), Verdict::OtherMetric);
    }

    #[test]
    fn a_metric_without_a_name_reads_nothing() {
        assert_eq!(wanted("", &[]).judge(b" 1"), Verdict::OtherMetric);
    }
}
