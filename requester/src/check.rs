//! Judges a report in a pipeline: `--fail-if 'p99>50ms'`.
//!
//! A check is a figure, `>` or `<`, and a number with its unit. It states when the run has
//! *failed*. A figure that could not be measured also fails: a run without an answer has no p99,
//! and must not pass for that. For the same reason a request without an answer counts as slower
//! than any limit.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::format::{decimal, grouped};
use crate::number::{real, share};
use crate::report::{LatencyOfAll, Report, Verdict};

/// The unit of a figure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    /// Seconds: s, ms, us.
    Time,
    /// A part of the offered requests, as a percentage; without a unit, a count.
    PartOrCount,
    /// A percentage.
    Part,
    /// Requests a second.
    Rate,
    /// A number without a unit.
    Plain,
}

/// Reads a figure from a report.
type Figure = fn(&Report) -> Option<f64>;

/// All figures, with their units.
const FIGURES: [(&str, Unit, Figure); 18] = [
    ("p50", Unit::Time, |report| of_all(report, |all| all.p50)),
    ("p90", Unit::Time, |report| of_all(report, |all| all.p90)),
    ("p99", Unit::Time, |report| of_all(report, |all| all.p99)),
    ("p99.9", Unit::Time, |report| of_all(report, |all| all.p999)),
    ("max", Unit::Time, |report| of_all(report, |all| all.max)),
    ("mean", Unit::Time, |report| of_all(report, |all| all.mean)),
    ("errors", Unit::PartOrCount, |report| {
        Some(real(report.errors()))
    }),
    ("lost", Unit::PartOrCount, |report| {
        Some(real(report.unanswered()))
    }),
    ("refused", Unit::PartOrCount, |report| {
        Some(real(report.refused()))
    }),
    ("late", Unit::PartOrCount, |report| {
        Some(real(report.late_starts))
    }),
    ("rate", Unit::Rate, |report| Some(report.achieved.rate)),
    ("imbalance", Unit::Plain, |report| {
        Some(report.grid.as_ref()?.imbalance?.time_weighted)
    }),
    ("spread", Unit::Plain, |report| {
        Some(report.grid.as_ref()?.spread_points?.peak)
    }),
    ("utilisation", Unit::Part, |report| {
        let loads = report.grid.as_ref()?.substations.values();
        let peaks: Option<Vec<_>> = loads.map(|load| Some(load.utilisation?.peak)).collect();
        peaks?.into_iter().reduce(f64::max)
    }),
    ("violations", Unit::Plain, |report| {
        report.grid.as_ref()?.capacity_violations.map(real)
    }),
    ("over", Unit::Plain, |report| {
        let feeders = &report.grid.as_ref()?.feeders;
        let readings = feeders.values().map(|feeder| feeder.over_capacity_readings);
        (!feeders.is_empty()).then(|| real(readings.sum()))
    }),
    ("unread", Unit::Part, |report| {
        let grid = report.grid.as_ref()?;
        let all = grid.looks + grid.failed_looks;
        (all > 0).then(|| share(real(grid.failed_looks), real(all)))
    }),
    ("disagreements", Unit::Plain, |report| {
        let counters = report.counters.as_ref()?;
        let differences = u32::try_from(counters.differences.len()).ok()?;
        (differences > 0 || counters.agree).then(|| f64::from(differences))
    }),
];

/// A latency of all offered requests; infinite if it falls on one without an answer, and none if
/// no request was answered.
fn of_all(report: &Report, figure: fn(LatencyOfAll) -> Option<f64>) -> Option<f64> {
    report.latency_seconds?;
    Some(figure(report.latency_of_all_seconds?).unwrap_or(f64::INFINITY))
}

/// A condition under which a run has failed, such as `p99>50ms`.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    text: String,
    figure: usize,
    above: bool,
    /// In seconds, as a part, or as given, depending on the unit.
    bound: f64,
    /// Whether the bound is a part of the offered requests.
    is_part: bool,
}

/// Why a text is not a [`Check`].
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CheckError {
    /// It contains no comparison.
    #[error("{0:?} must be a figure, > or <, and a number with its unit, such as 'p99>50ms'")]
    Shape(String),
    /// It names an unknown figure.
    #[error("{0:?} is not a figure; known are {known}", known = names())]
    Figure(String),
    /// Its bound is not a number in the figure's unit.
    #[error("{value:?} cannot be compared with {figure}; write {rule}")]
    Bound {
        /// The figure.
        figure: &'static str,
        /// The bound that was given.
        value: String,
        /// How to write the bound.
        rule: &'static str,
    },
}

fn names() -> String {
    FIGURES.map(|(name, ..)| name).join(", ")
}

impl FromStr for Check {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Self, CheckError> {
        let shape = || CheckError::Shape(text.to_owned());
        let place = text.find(['<', '>']).ok_or_else(shape)?;
        let (name, rest) = text.split_at_checked(place).ok_or_else(shape)?;
        let above = rest.starts_with('>');
        let value = rest.trim_start_matches(['<', '>']);
        if rest.len() - value.len() != 1 || value.trim().is_empty() {
            return Err(shape());
        }
        let (name, value) = (name.trim(), value.trim());
        let found = FIGURES
            .iter()
            .enumerate()
            .find(|(_, (known, ..))| *known == name);
        let (figure, (name, unit, _)) = found.ok_or_else(|| CheckError::Figure(name.to_owned()))?;
        let (bound, is_part) = unit.read(value).map_err(|rule| CheckError::Bound {
            figure: name,
            value: value.to_owned(),
            rule,
        })?;
        Ok(Self {
            text: text.to_owned(),
            figure,
            above,
            bound,
            is_part,
        })
    }
}

impl Unit {
    /// A bound, and whether it is a part of the offered requests.
    fn read(self, text: &str) -> Result<(f64, bool), &'static str> {
        let number = |digits: &str| {
            let plain = digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
            digits.parse::<f64>().ok().filter(|_| plain)
        };
        let scaled = |units: &[(&str, f64)]| {
            let found = units
                .iter()
                .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)));
            let (digits, scale) = found?;
            Some(number(digits.trim_end())? * scale)
        };
        match self {
            // The longer units first: "ms" ends with "s".
            Self::Time => scaled(&[("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("s", 1.0)])
                .map(|bound| (bound, false))
                .ok_or("a number and s, ms or us, such as 50ms"),
            Self::PartOrCount => scaled(&[("%", 0.01)])
                .map(|bound| (bound, true))
                .or_else(|| Some((number(text)?, false)))
                .ok_or("a part of all requests, such as 0.1%, or a count, such as 0"),
            Self::Part => scaled(&[("%", 0.01)])
                .map(|bound| (bound, false))
                .ok_or("a percentage, such as 95%"),
            Self::Rate => scaled(&[("/s", 1.0)])
                .map(|bound| (bound, false))
                .ok_or("a number and /s, such as 500/s"),
            Self::Plain => number(text)
                .map(|bound| (bound, false))
                .ok_or("a number, such as 1.05"),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Check {
    /// Whether the report passes.
    #[must_use]
    pub fn judge(&self, report: &Report) -> Verdict {
        let (_, unit, figure) = FIGURES.get(self.figure).unwrap_or(&FIGURES[0]);
        let found = figure(report);
        let found = if self.is_part {
            found.map(|count| report.part_of(count))
        } else {
            found
        };
        let failed = found.is_none_or(|found| {
            if self.above {
                found > self.bound
            } else {
                found < self.bound
            }
        });
        let shown = |found: f64| match unit {
            Unit::Time if found.is_infinite() => format!(
                "above any limit, because {} of {} requests were not answered",
                grouped(report.unanswered()),
                grouped(report.offered.requests)
            ),
            Unit::Time => format!("{:.3} ms", 1e3 * found),
            Unit::Part => format!("{:.2} %", 100.0 * found),
            Unit::PartOrCount if self.is_part => format!("{:.3} %", 100.0 * found),
            Unit::PartOrCount => format!("{found}"),
            Unit::Rate => format!("{found:.1}/s"),
            Unit::Plain => decimal(found, 4),
        };
        Verdict {
            fail_if: self.text.clone(),
            found: found.map_or_else(|| "nothing measured".to_owned(), shown),
            passed: !failed,
        }
    }
}

#[cfg(test)]
mod tests;
