//! What a round has found, and what follows for each substation.

use std::{fmt, time::Duration};

use switchyard_balance::{Load, load::LARGEST};
use switchyard_bounded::Shown;
use switchyard_config::Aggregate;
use switchyard_promql::Series;
use switchyard_scrape::PollOutcome;

use super::index::Index;

/// Of two series of one substation, one whose last sample is older than the other's by this part of an interval has
/// ended: its next sample is missing.
const ENDED: f64 = 0.9;
/// The longest text of a label that is repeated in a message, in bytes.
const LONGEST_LABEL: usize = 200;

/// The last sample of one series of a substation.
#[derive(Clone, Copy, Debug, PartialEq)]
struct OneSeries {
    at: usize,
    stamp: i64,
    value: f64,
}

/// What the answers of one round have.
#[derive(Debug, Default)]
pub(super) struct Found {
    series: Vec<OneSeries>,
    /// The capacity of each substation that has one, with its position.
    capacities: Vec<OneSeries>,
    /// Times between two samples of one series, in milliseconds.
    spacings: Vec<i64>,
    pub(super) unmatched: usize,
    /// What a series that matches nothing has in its label.
    pub(super) example: Option<String>,
}

/// What the series of one substation say: a value, and when it was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// In milliseconds since the Unix epoch, by the clock of Prometheus.
    pub(super) stamp: i64,
    pub(super) load: Load,
    pub(super) capacity: Option<Load>,
}

/// Why the series of a substation say nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SeriesFault {
    /// There is none.
    Missing,
    /// There are so many, and no aggregate for them.
    Several(usize),
    /// It is no load.
    Value(f64),
    /// It is more than is counted.
    TooLarge(f64),
    /// It is from the future.
    Future,
}

impl Found {
    /// Takes a series of the load.
    pub(super) fn take(&mut self, index: &Index, series: &Series<'_>) {
        let Some(at) = series.label.as_deref().and_then(|label| index.find(label)) else {
            self.unmatched += 1;
            // Rather one that has the label.
            if self.example.as_deref().is_none_or(str::is_empty) {
                let label = series.label.as_deref().unwrap_or_default();
                let end = label.floor_char_boundary(LONGEST_LABEL);
                self.example = Some(label.get(..end).unwrap_or_default().to_owned());
            }
            return;
        };
        if let Some(before) = series.before {
            self.spacings.push(series.last.stamp - before);
        }
        self.series.push(OneSeries {
            at,
            stamp: series.last.stamp,
            value: series.last.value,
        });
    }

    /// Takes a series of the capacity.
    pub(super) fn take_capacity(&mut self, index: &Index, series: &Series<'_>) {
        if let Some(at) = series.label.as_deref().and_then(|label| index.find(label)) {
            self.capacities.push(OneSeries {
                at,
                // All of them are of now.
                stamp: 0,
                value: series.last.value,
            });
        }
    }

    /// How far apart two samples of a series usually are; `None` if no series has two.
    pub(super) fn spacing(&mut self) -> Option<Duration> {
        let middle = self.spacings.len() / 2;
        if self.spacings.is_empty() {
            return None;
        }
        let (_, spacing, _) = self.spacings.select_nth_unstable(middle);
        u64::try_from(*spacing).ok().map(Duration::from_millis)
    }

    /// What the series say of each of `count` substations, in the order of their positions. Prometheus scrapes them every
    /// `interval`, if that is known.
    pub(super) fn samples(
        mut self,
        count: usize,
        aggregate: Aggregate,
        interval: Option<Duration>,
    ) -> Vec<Result<Sample, SeriesFault>> {
        let order = |one: &OneSeries| (one.at, std::cmp::Reverse(one.stamp));
        self.series.sort_unstable_by_key(order);
        self.capacities.sort_unstable_by_key(order);
        let ended = interval.map_or(0.0, |interval| interval.as_secs_f64() * 1_000.0 * ENDED);
        let (mut series, mut capacities) = (&*self.series, &*self.capacities);
        (0..count)
            .map(|at| {
                let own = of(at, &mut series);
                let capacity = of(at, &mut capacities);
                sample(own, capacity, aggregate, ended)
            })
            .collect()
    }
}

/// Takes those of the position `at` off the front of `all`.
fn of<'s>(at: usize, all: &mut &'s [OneSeries]) -> &'s [OneSeries] {
    let count = all.iter().take_while(|one| one.at == at).count();
    let (own, rest) = all.split_at(count);
    *all = rest;
    own
}

/// What `series`, the newest first, say, of which those are over that are older than the first by `ended` milliseconds.
fn sample(
    series: &[OneSeries],
    capacities: &[OneSeries],
    aggregate: Aggregate,
    ended: f64,
) -> Result<Sample, SeriesFault> {
    let newest = series.first().ok_or(SeriesFault::Missing)?.stamp;
    #[expect(clippy::cast_precision_loss, reason = "a difference of times")]
    let goes_on = |one: &&OneSeries| one.stamp == newest || ((newest - one.stamp) as f64) < ended;
    let alive = series.iter().take_while(goes_on).count();
    let (alive, _) = series.split_at(alive);
    let load = load(combined(alive, aggregate).ok_or(SeriesFault::Several(alive.len()))?)?;
    let capacity = match combined(capacities, aggregate).map(self::load) {
        // Without the capacity there would be no bound.
        Some(Err(fault @ SeriesFault::TooLarge(_))) => return Err(fault),
        Some(Ok(capacity)) => Some(capacity),
        Some(Err(_)) | None => None,
    };
    Ok(Sample {
        // The value is as old as its oldest part.
        stamp: alive.last().map_or(newest, |oldest| oldest.stamp),
        load,
        capacity,
    })
}

/// The one value of these series; `None` if there is none, or if there are several without an aggregate.
fn combined(series: &[OneSeries], aggregate: Aggregate) -> Option<f64> {
    let values = series.iter().map(|one| one.value);
    match (series, aggregate) {
        ([one], _) => Some(one.value),
        ([], _) | (_, Aggregate::None) => None,
        (_, Aggregate::Sum) => Some(values.sum()),
        // A value that is no number makes the result none.
        (_, Aggregate::Max) => values.reduce(|a, b| if a.is_nan() || a > b { a } else { b }),
    }
}

fn load(value: f64) -> Result<Load, SeriesFault> {
    Load::new(value).ok_or(if value.is_finite() && value >= 0.0 {
        SeriesFault::TooLarge(value)
    } else {
        SeriesFault::Value(value)
    })
}

impl SeriesFault {
    /// How metrics count it.
    pub(super) fn outcome(self) -> PollOutcome {
        match self {
            Self::Missing | Self::Several(_) => PollOutcome::Missing,
            Self::Value(_) | Self::Future => PollOutcome::Parse,
            Self::TooLarge(_) => PollOutcome::TooLarge,
        }
    }

    /// Whether another fault has the same cause, so that it need not be logged again.
    pub(super) fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

impl fmt::Display for SeriesFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => out.write_str(
                "no series has its address or its name in the label load.prometheus.match.label, or none had a sample \
                 lately",
            ),
            Self::Several(count) => write!(
                out,
                "{count} series match it: narrow load.prometheus.query, or set load.aggregate"
            ),
            Self::Value(value) => write!(out, "{value} is no load: correct the gauge"),
            Self::TooLarge(value) => write!(
                out,
                "{value:e}, and {LARGEST:e} is the most that is counted: export load and capacity in a larger unit"
            ),
            Self::Future => out.write_str(
                "its sample is from the future by more than load.prometheus.max_skew: correct the clock of what sets \
                 its time",
            ),
        }
    }
}

/// A value of a label, to be shown.
pub(super) fn shown(label: &str) -> String {
    Shown::value(format_args!("{label:?}")).to_string()
}

#[cfg(test)]
mod tests;
