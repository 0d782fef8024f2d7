//! Which series of a page are read, and why others are not.

use std::fmt;

use switchyard_gauge::exposition::Verdict;

use crate::{Page, Series};

/// One series of a page, beside the one that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<'p> {
    /// The series.
    pub series: &'p Series,
    /// Why it is not read, or is no load; `None` if it is read as one.
    pub why: Option<Why>,
}

/// Why a series is not read, or is no load.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// A label is not as wanted. The value that it has, what is wanted, and whether it is.
    Label {
        /// The label.
        label: String,
        /// The value that the series has; empty where it lacks the label.
        has: String,
        /// The value in the configuration.
        wanted: String,
        /// Whether that value is wanted, or unwanted.
        equal: bool,
    },
    /// It is read, and its value is no load.
    Value(f64),
    /// It is read, and it is no gauge: it only grows.
    Growing(String),
}

impl Why {
    /// Whether the scrape takes the series into account all the same.
    #[must_use]
    pub fn is_read(&self) -> bool {
        !matches!(self, Self::Label { .. })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use switchyard_bounded::Shown;
        match self {
            Self::Label {
                label,
                has,
                wanted,
                equal: true,
            } if has.is_empty() => {
                write!(
                    f,
                    "it has no label {label}, and {label}={wanted:?} is wanted"
                )
            }
            Self::Label {
                label,
                has,
                wanted,
                equal: true,
            } => write!(
                f,
                "its {label} is {:?}, and {wanted:?} is wanted",
                Shown::value(has).to_string()
            ),
            Self::Label { label, has, .. } => write!(
                f,
                "its {label} is {:?}, which is not wanted",
                Shown::value(has).to_string()
            ),
            Self::Value(value) if value.is_nan() => f.write_str("NaN is no load"),
            Self::Value(value) if *value < 0.0 => f.write_str("a negative number is no load"),
            Self::Value(_) => f.write_str("infinity is no load"),
            Self::Growing(why) => write!(f, "it {why}: it only grows, and a gauge is needed"),
        }
    }
}

/// The series of `page` that have a wanted name, by the judgement of the scrape.
pub fn rows<'p, 'w>(page: &'p Page, judge: impl Fn(&[u8]) -> Verdict<'w>) -> Vec<Row<'p>> {
    let row = |series: &'p Series| {
        let why = match judge(&series.line) {
            Verdict::OtherMetric | Verdict::Malformed => return None,
            Verdict::Unlike {
                label,
                equal,
                value,
            } => {
                let mut labels = series.labels.iter();
                let has = labels.find(|(name, _)| name == label);
                Some(Why::Label {
                    label: label.to_owned(),
                    has: has.map(|(_, value)| value.clone()).unwrap_or_default(),
                    wanted: value.to_owned(),
                    equal,
                })
            }
            Verdict::Read(value) if !(value.is_finite() && value >= 0.0) => Some(Why::Value(value)),
            Verdict::Read(_) => page.no_gauge(&series.name).map(Why::Growing),
        };
        Some(Row { series, why })
    };
    page.series.iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use switchyard_config::Load;
    use switchyard_scrape::Gauges;

    use super::*;

    #[test]
    fn each_series_of_the_name_says_why_it_is_not_read() {
        let page = Page::read(
            b"load{zone=\"a\"} 1\nload{zone=\"b\"} 2\nload 3\nload{zone=\"a\",kind=\"spare\"} 4\nload{zone=\"a\"} NaN\n\
              load{zone=\"a\"} -5\nload{zone=\"a\"} +Inf\nother 1\nload_total{zone=\"a\"} 6\n",
        );
        let gauges = Gauges::new(&Load {
            metric: "load{zone=\"a\",kind!=\"spare\"}".parse().unwrap(),
            ..Load::default()
        });
        let rows = rows(&page, |line| gauges.judge_load(line));
        let said: Vec<_> = rows
            .iter()
            .map(|row| {
                let why = row.why.as_ref().map(ToString::to_string);
                format!(
                    "{} {}: {}",
                    row.series,
                    row.series.value,
                    why.unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(
            said,
            [
                "load{zone=\"a\"} 1: ",
                "load{zone=\"b\"} 2: its zone is \"b\", and \"a\" is wanted",
                "load 3: it has no label zone, and zone=\"a\" is wanted",
                "load{zone=\"a\",kind=\"spare\"} 4: its kind is \"spare\", which is not wanted",
                "load{zone=\"a\"} NaN: NaN is no load",
                "load{zone=\"a\"} -5: a negative number is no load",
                "load{zone=\"a\"} inf: infinity is no load",
            ]
        );
    }

    #[test]
    fn a_counter_is_read_and_said_to_be_none() {
        let page = Page::read(b"# TYPE served counter\nserved 5\n");
        let gauges = Gauges::new(&Load {
            metric: "served".parse().unwrap(),
            ..Load::default()
        });
        let rows = rows(&page, |line| gauges.judge_load(line));
        let why = rows.first().and_then(|row| row.why.as_ref()).unwrap();
        assert!(why.is_read());
        assert_eq!(
            why.to_string(),
            "it is a counter: it only grows, and a gauge is needed"
        );
    }
}
