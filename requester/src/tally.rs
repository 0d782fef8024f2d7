//! The counts of a run while it goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::Error;
use crate::answer::Answer;
use crate::number::micros;
use crate::pool::Job;
use crate::report::{EnergyKwh, MalformedCount};
use crate::timeline::Moments;

/// The longest latency that is told apart from longer ones: a day, in microseconds.
const LONGEST: u64 = 24 * 3600 * 1_000_000;

/// Latencies are kept to three digits: 1 % of 1 % of what one sees.
const DIGITS: u8 = 3;

/// A tester that sends more than this after the intended time counts as late.
const LATE: Duration = Duration::from_millis(1);

/// A target that names ever new substations or codes must not fill the memory; later ones count together.
const MAX_NAMES: usize = 1000;
const OTHERS: &str = "(others)";

/// How a request ended without an answer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
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
    pub(crate) const ALL: [Self; 4] = [Self::Connect, Self::Broken, Self::TimedOut, Self::NotSent];

    /// Its key in a report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Broken => "broken",
            Self::TimedOut => "timed_out",
            Self::NotSent => "not_sent",
        }
    }
}

/// Counts by name, of which there may not be too many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(pub(crate) BTreeMap<String, u64>);

impl Names {
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

/// Latencies from a microsecond to a day.
pub(crate) fn histogram() -> Result<Histogram<u64>, Error> {
    Histogram::new_with_bounds(1, LONGEST, DIGITS)
        .map_err(|error| Error::Histogram(error.to_string()))
}

/// What has been offered, and how it ended so far.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) offered: u64,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) late_starts: u64,
    pub(crate) connections_opened: u64,
    /// Of answered requests, in microseconds since they were meant to leave.
    pub(crate) latencies: Histogram<u64>,
    /// Of all requests, in microseconds from when they were meant to leave to when a connection had them.
    pub(crate) lags: Histogram<u64>,
    pub(crate) moments: Moments,
    pub(crate) energy_kwh: EnergyKwh,
    pub(crate) malformed: MalformedCount,
    pub(crate) answers: BTreeMap<u16, u64>,
    pub(crate) failures: BTreeMap<Failure, u64>,
    /// What the first failure of each kind said.
    pub(crate) first: BTreeMap<Failure, String>,
    pub(crate) codes: Names,
    pub(crate) substations: Names,
}

impl Tally {
    /// For a run in which requests are offered for so long.
    pub(crate) fn new(duration: Duration) -> Result<Self, Error> {
        Ok(Self {
            offered: 0,
            answered: 0,
            refused: 0,
            failed: 0,
            late_starts: 0,
            connections_opened: 0,
            latencies: histogram()?,
            lags: histogram()?,
            moments: Moments::new(duration)?,
            energy_kwh: EnergyKwh::default(),
            malformed: MalformedCount::default(),
            answers: BTreeMap::new(),
            failures: BTreeMap::new(),
            first: BTreeMap::new(),
            codes: Names::default(),
            substations: Names::default(),
        })
    }

    /// A request is due.
    pub(crate) fn offered(&mut self, job: &Job) {
        self.offered += 1;
        self.moments.offered(job.at);
        if job.vehicle.malformed.is_some() {
            self.malformed.offered += 1;
        } else {
            self.energy_kwh.asked += job.vehicle.energy_kwh;
        }
    }

    /// A request was handed out this long after it was meant to.
    pub(crate) fn started(&mut self, behind: Duration) {
        self.late_starts += u64::from(behind > LATE);
        self.lags.saturating_record(micros(behind));
    }

    /// A request was answered this long after it was meant to leave.
    pub(crate) fn answered(&mut self, job: &Job, latency: Duration, answer: &Answer) {
        let status = answer.status();
        self.answered += 1;
        self.refused += u64::from(status >= 400);
        self.latencies.saturating_record(micros(latency));
        self.moments
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
        }
        if let Some(code) = answer.code() {
            self.codes.count(&code);
        }
    }

    /// A request ended without an answer.
    pub(crate) fn failed(&mut self, at: Duration, failure: Failure, why: impl FnOnce() -> String) {
        self.failed += 1;
        self.moments.failed(at);
        *self.failures.entry(failure).or_default() += 1;
        self.first.entry(failure).or_insert_with(why);
    }

    /// The latency that so large a part of the answers does not exceed; none without an answer.
    pub(crate) fn quantile(&self, part: f64) -> Option<Duration> {
        let latency = || Duration::from_micros(self.latencies.value_at_quantile(part));
        (self.answered > 0).then(latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Keep;

    fn ok() -> Answer {
        Answer::new(http::Response::new(()).into_parts().0, Keep::Refusals)
    }

    fn empty() -> Tally {
        Tally::new(Duration::from_secs(10)).unwrap()
    }

    fn job() -> Job {
        Job::test(Duration::ZERO, 11.0)
    }

    #[test]
    fn quantiles_are_those_of_the_latencies() {
        let mut tally = empty();
        assert_eq!(tally.quantile(0.5), None);
        for millis in 1..=1000 {
            tally.answered(&job(), Duration::from_millis(millis), &ok());
        }
        for (part, millis) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0)] {
            let found = tally.quantile(part).unwrap().as_secs_f64() * 1000.0;
            assert!((found / millis - 1.0).abs() < 0.001, "{part}: {found} ms");
        }
    }

    #[test]
    fn a_microsecond_and_a_minute_are_both_kept_to_three_digits() {
        for latency in [Duration::from_micros(3), Duration::from_secs(75)] {
            let mut tally = empty();
            tally.answered(&job(), latency, &ok());
            let found = tally.quantile(1.0).unwrap().as_secs_f64();
            assert!(
                (found / latency.as_secs_f64() - 1.0).abs() < 0.001,
                "{found}"
            );
        }
        let mut tally = empty();
        tally.answered(&job(), Duration::MAX, &ok());
        assert!(tally.quantile(1.0).unwrap() >= Duration::from_hours(24));
    }

    #[test]
    fn later_than_a_millisecond_is_late() {
        let mut tally = empty();
        tally.started(Duration::from_millis(1));
        assert_eq!(tally.late_starts, 0);
        tally.started(Duration::from_micros(1001));
        assert_eq!(tally.late_starts, 1);
    }

    #[test]
    fn ever_new_names_count_together() {
        let mut names = Names::default();
        for number in 0..3000 {
            names.count(&number.to_string());
        }
        assert_eq!(names.0.len(), MAX_NAMES + 1);
        assert_eq!(names.0[OTHERS], 2000);
        assert_eq!(names.0.values().sum::<u64>(), 3000);
    }
}
