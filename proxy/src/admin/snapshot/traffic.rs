//! The traffic as clients see it. Counters only grow, so a rate is the difference of two readings.
//!
//! Rates are over the last ten seconds: steady enough to read, and short enough to show a recent
//! change. Quantiles come from the buckets of `request_duration_seconds`, each twice as wide as the
//! previous one. They assume that requests spread evenly inside a bucket, so their error is below a
//! factor of two, and mostly far smaller.

use std::{borrow::Cow, collections::VecDeque, time::Duration};

use strum::VariantArray;
use switchyard_grid::Moment;
use switchyard_status::Traffic;
use switchyard_wire::Outcome;

use crate::metrics::RequestTotals;

/// The window of the rates.
const WINDOW: Duration = Duration::from_secs(10);

/// The readings of the counters in the last ten seconds.
#[derive(Debug, Default)]
pub(in crate::admin) struct RateWindow {
    readings: VecDeque<(Moment, RequestTotals)>,
}

impl RateWindow {
    /// Adds a reading of the counters, `totals` at `now`, and returns the traffic. Fields that are
    /// no counters stay zero.
    pub(in crate::admin) fn read(&mut self, now: Moment, totals: RequestTotals) -> Traffic {
        // Keep the newest reading that is older than the window: the rate is the difference to it.
        while self
            .readings
            .get(1)
            .is_some_and(|(at, _)| now.since(*at) >= WINDOW)
        {
            self.readings.pop_front();
        }
        let mut traffic = match self.readings.front() {
            Some((at, before)) if now > *at => {
                between(now.since(*at).as_secs_f64(), before, &totals)
            }
            _ => Traffic::default(),
        };
        traffic.total = totals.ended.iter().sum();
        self.readings.push_back((now, totals));
        traffic
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "requests of ten seconds; millions at most"
)]
fn between(seconds: f64, before: &RequestTotals, after: &RequestTotals) -> Traffic {
    let ended = |outcome: Outcome| {
        let at = |totals: &RequestTotals| totals.ended.get(outcome as usize).copied();
        at(after).unwrap_or(0) - at(before).unwrap_or(0)
    };
    let all: u64 = Outcome::VARIANTS.iter().copied().map(ended).sum();
    let good = ended(Outcome::Booked) + ended(Outcome::Answered);
    let judged = all - ended(Outcome::Invalid);
    let durations: Vec<_> = after
        .durations
        .iter()
        .enumerate()
        .map(|(at, (bound, count))| {
            let earlier = before.durations.get(at).map_or(0, |(_, count)| *count);
            (*bound, count - earlier)
        })
        .collect();
    let mut errors: Vec<_> = after
        .errors
        .iter()
        .zip(&before.errors)
        .map(|((code, after), (_, before))| {
            (Cow::Borrowed(*code), (after - before) as f64 / seconds)
        })
        .filter(|(_, rate)| *rate > 0.0)
        .collect();
    errors.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Traffic {
        per_second: Some(all as f64 / seconds),
        success: (judged > 0).then(|| good as f64 / judged as f64),
        p50_seconds: quantile(&durations, all, 0.5),
        p99_seconds: quantile(&durations, all, 0.99),
        refused_per_second: Some(ended(Outcome::Refused) as f64 / seconds),
        failed_per_second: Some(ended(Outcome::Failed) as f64 / seconds),
        errors,
        ..Traffic::default()
    }
}

/// The value that a `part` of `all` requests does not exceed. A bucket is an upper bound and the
/// count at or below it. Beyond the last bound nothing is known, so that bound is the result.
#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn quantile(buckets: &[(f64, u64)], all: u64, part: f64) -> Option<f64> {
    if all == 0 {
        return None;
    }
    let rank = part * all as f64;
    let (mut lower, mut below) = (0.0, 0);
    for (upper, count) in buckets {
        if *count as f64 >= rank {
            let inside = (rank - below as f64) / (count - below).max(1) as f64;
            return Some(lower + (upper - lower) * inside);
        }
        (lower, below) = (*upper, *count);
    }
    Some(lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    fn totals(ended: [u64; 5]) -> RequestTotals {
        let all = ended.iter().sum();
        RequestTotals {
            ended,
            durations: vec![(0.001, all / 2), (0.002, all), (0.004, all)],
            errors: vec![("no_capacity", ended[3]), ("substation_failed", ended[4])],
        }
    }

    fn close(left: Option<f64>, right: f64) {
        assert!((left.unwrap() - right).abs() < 1e-9, "{left:?} and {right}");
    }

    #[test]
    fn a_first_reading_has_no_rate() {
        let traffic = RateWindow::default().read(at(5), totals([7, 0, 0, 0, 0]));
        assert_eq!((traffic.per_second, traffic.total), (None, 7));
    }

    #[test]
    fn rates_are_differences_and_invalid_requests_are_no_failures() {
        let mut rates = RateWindow::default();
        rates.read(at(0), totals([0; 5]));
        let traffic = rates.read(at(2), totals([80, 4, 10, 12, 4]));
        close(traffic.per_second, 55.0);
        close(traffic.success, 0.84);
        close(traffic.refused_per_second, 6.0);
        close(traffic.failed_per_second, 2.0);
        close(traffic.p50_seconds, 0.001);
        close(traffic.p99_seconds, 0.001_98);
        let codes: Vec<_> = traffic.errors.iter().map(|(code, _)| code).collect();
        assert_eq!(codes, ["no_capacity", "substation_failed"]);
    }

    #[test]
    fn readings_older_than_the_window_no_longer_count() {
        let mut rates = RateWindow::default();
        for second in 0..60 {
            rates.read(at(second), totals([1_000, 0, 0, 0, 0]));
        }
        let traffic = rates.read(at(60), totals([1_100, 0, 0, 0, 0]));
        close(traffic.per_second, 10.0);
        assert!(rates.readings.len() <= 12, "{}", rates.readings.len());
    }

    #[test]
    fn no_requests_have_no_success_and_no_quantile() {
        let mut rates = RateWindow::default();
        rates.read(at(0), totals([5; 5]));
        let traffic = rates.read(at(1), totals([5; 5]));
        close(traffic.per_second, 0.0);
        assert_eq!((traffic.success, traffic.p99_seconds), (None, None));
    }

    #[test]
    fn a_quantile_beyond_the_last_bucket_is_its_bound() {
        close(quantile(&[(0.1, 1), (0.2, 1)], 10, 0.5), 0.2);
        close(quantile(&[(0.1, 10), (0.2, 10)], 10, 0.5), 0.05);
    }
}
