//! The counts of a run while it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use strum::{IntoStaticStr, VariantArray};

use crate::answer::Answer;
use crate::error::Error;
use crate::histogram::histogram;
use crate::job::{Crowd, Job};
use crate::labels::Labels;
use crate::number::{micros, real};
use crate::report::{EnergyKwh, LabelCounts, LabelReport, MalformedCount};
use crate::timeline_counts::TimelineCounts;

/// A request that leaves later than this after it was due counts as a late start.
const LATE: Duration = Duration::from_millis(1);

/// A target that names ever more substations or codes must not fill the memory; names beyond this
/// limit are counted together.
const MAX_NAMES: usize = 1000;
const OTHERS: &str = "(others)";

/// How a request ended without an answer.
#[derive(Clone, Copy, Debug, Eq, IntoStaticStr, Ord, PartialEq, PartialOrd, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Failure {
    /// No connection to the target.
    Connect,
    /// The connection broke before the answer was complete.
    Broken,
    /// No complete answer in time.
    TimedOut,
    /// All connections were busy.
    NotSent,
}

impl Failure {
    /// Its key in a report.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// Counts by name, with a limit on the number of names.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamedCounts(pub(crate) BTreeMap<String, u64>);

impl NamedCounts {
    fn count(&mut self, name: &str) {
        if let Some(count) = self.0.get_mut(name) {
            *count += 1;
            return;
        }
        let room = self.0.len() < MAX_NAMES;
        let name = if room { name } else { OTHERS };
        *self.0.entry(name.to_owned()).or_default() += 1;
    }
}

/// What has been offered, and how it ended so far.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) offered: u64,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) late_starts: u64,
    /// How many of these were late before they waited for a connection.
    pub(crate) late_by_itself: u64,
    pub(crate) connections_opened: u64,
    /// Of answered requests, in microseconds since each was due.
    pub(crate) latencies: Histogram<u64>,
    /// The same, without the lag of the load generator itself.
    pub(crate) without_lag: Histogram<u64>,
    /// Of all requests, in microseconds: the lag of the load generator itself.
    pub(crate) lags: Histogram<u64>,
    /// The answers to requests that were due while few connections were busy, and while most were.
    pub(crate) while_few: Mean,
    pub(crate) while_most: Mean,
    pub(crate) timeline: TimelineCounts,
    pub(crate) energy_kwh: EnergyKwh,
    pub(crate) malformed: MalformedCount,
    pub(crate) answers: BTreeMap<u16, u64>,
    pub(crate) failures: BTreeMap<Failure, u64>,
    /// The message of the first failure of each kind.
    pub(crate) first: BTreeMap<Failure, String>,
    pub(crate) codes: NamedCounts,
    pub(crate) substations: NamedCounts,
    /// Of these, the answers of a 2xx status.
    pub(crate) bookings: NamedCounts,
    labels: Labels,
    /// For each label, in its order, the counts of each value in its order.
    by_label: Vec<Vec<LabelCounts>>,
}

/// A mean of latencies, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, latency: Duration) {
        self.sum += latency.as_secs_f64();
        self.count += 1;
    }

    pub(crate) fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / real(self.count))
    }
}

impl Tally {
    /// For a run that offers requests for this long.
    pub(crate) fn new(duration: Duration) -> Result<Self, Error> {
        Ok(Self {
            offered: 0,
            answered: 0,
            refused: 0,
            failed: 0,
            late_starts: 0,
            late_by_itself: 0,
            connections_opened: 0,
            latencies: histogram()?,
            without_lag: histogram()?,
            lags: histogram()?,
            while_few: Mean::default(),
            while_most: Mean::default(),
            timeline: TimelineCounts::new(duration)?,
            energy_kwh: EnergyKwh::default(),
            malformed: MalformedCount::default(),
            answers: BTreeMap::new(),
            failures: BTreeMap::new(),
            first: BTreeMap::new(),
            codes: NamedCounts::default(),
            substations: NamedCounts::default(),
            bookings: NamedCounts::default(),
            labels: Labels::default(),
            by_label: Vec::new(),
        })
    }

    /// Also counts by the values of these labels.
    pub(crate) fn with_labels(mut self, labels: &Labels) -> Self {
        let counts = labels
            .iter()
            .map(|label| vec![LabelCounts::default(); label.values().count()]);
        self.by_label = counts.collect();
        self.labels = labels.clone();
        self
    }

    /// What cars asked for besides power and energy, and what became of it.
    pub(crate) fn labels(&self) -> Vec<LabelReport> {
        let counted = self.labels.iter().zip(&self.by_label);
        let reports = counted.map(|(label, counts)| LabelReport {
            name: label.name().to_owned(),
            is_header: label.is_header(),
            values: label
                .values()
                .map(str::to_owned)
                .zip(counts.iter().copied())
                .collect(),
        });
        reports.collect()
    }

    /// Counts a well-formed request with each of its labels.
    fn count_labels(&mut self, job: &Job, count: impl Fn(&mut LabelCounts)) {
        if job.vehicle.malformed.is_some() {
            return;
        }
        for (label, counts) in self.labels.iter().zip(&mut self.by_label) {
            if let Some(counts) = counts.get_mut(label.draw(&job.vehicle)) {
                count(counts);
            }
        }
    }

    /// A request is due.
    pub(crate) fn offered(&mut self, job: &Job) {
        self.offered += 1;
        self.timeline.offered(job.at);
        if job.vehicle.malformed.is_some() {
            self.malformed.offered += 1;
        } else {
            self.energy_kwh.asked += job.vehicle.energy_kwh;
        }
        self.count_labels(job, |counts| counts.offered += 1);
    }

    /// A request left, or would have left, this long after it was due; `own` is the part of it that
    /// the load generator itself caused.
    pub(crate) fn started(&mut self, lag: Duration, own: Duration) {
        self.late_starts += u64::from(lag > LATE);
        self.late_by_itself += u64::from(own > LATE);
        self.lags.saturating_record(micros(own));
    }

    /// A request was answered this long after it was due.
    pub(crate) fn answered(&mut self, job: &Job, latency: Duration, answer: &Answer) {
        let status = answer.status();
        self.answered += 1;
        self.refused += u64::from(status >= 400);
        self.latencies.saturating_record(micros(latency));
        let own = job.own_lag.unwrap_or_default();
        let without_lag = latency.saturating_sub(own);
        self.without_lag.saturating_record(micros(without_lag));
        match job.crowd {
            Crowd::Few => self.while_few.add(without_lag),
            Crowd::Most => self.while_most.add(without_lag),
            Crowd::Some => {}
        }
        self.timeline
            .answered(job.at + latency, latency, status >= 400);
        *self.answers.entry(status).or_default() += 1;
        match (job.vehicle.malformed, status) {
            (Some(_), 429) => {}
            (Some(_), 400..500) => self.malformed.refused += 1,
            (Some(_), 200..300) => self.malformed.accepted += 1,
            (None, 200..300) => self.energy_kwh.booked += job.vehicle.energy_kwh,
            _ => {}
        }
        if let Some(substation) = answer.substation() {
            self.substations.count(substation);
            if (200..300).contains(&status) {
                self.bookings.count(substation);
            }
        }
        let code = answer.code();
        let is_unmatched = status == 422 && code.as_deref() == Some("no_match");
        self.count_labels(job, |counts| match status {
            200..300 => counts.booked += 1,
            429 | 503 => counts.refused += 1,
            _ if is_unmatched => counts.no_match += 1,
            _ => {}
        });
        if let Some(code) = code {
            self.codes.count(&code);
        }
    }

    /// A request ended without an answer.
    pub(crate) fn failed(&mut self, at: Duration, failure: Failure, why: impl FnOnce() -> String) {
        self.failed += 1;
        self.timeline.failed(at);
        *self.failures.entry(failure).or_default() += 1;
        self.first.entry(failure).or_insert_with(why);
    }

    /// The latency that this part of the answers, 0 to 1, does not exceed; none without an answer.
    pub(crate) fn quantile(&self, part: f64) -> Option<Duration> {
        let latency = || Duration::from_micros(self.latencies.value_at_quantile(part));
        (self.answered > 0).then(latency)
    }
}

#[cfg(test)]
mod tests;
