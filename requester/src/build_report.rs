//! Builds the report of a run from its counts.

mod limits;

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use strum::VariantArray;

use crate::error::Error;
use crate::number::{real, seconds, share};
use crate::report::{
    Connections, Counters, CurvePoint, Errors, Grid, Latency, LatencyOfAll, Report, Share,
    Unplugged, Volume,
};
use crate::tally::{Failure, Tally};

/// What a report needs besides the counts.
#[derive(Clone, Debug)]
pub(crate) struct RunFacts {
    pub(crate) target: String,
    pub(crate) scenario: String,
    pub(crate) seed: u64,
    pub(crate) connections: usize,
    /// For how long requests were offered.
    pub(crate) offered_for: Duration,
    /// From the start until the last request had ended.
    pub(crate) duration: Duration,
    /// CPU time of the run, if the system reports it.
    pub(crate) cpu: Option<Duration>,
    /// Whether that time is of a single thread.
    pub(crate) one_thread: bool,
    pub(crate) unplugged: Option<Unplugged>,
    pub(crate) watched: Option<(Grid, Counters)>,
}

/// Builds the report of a run that has ended. Every offered request must have ended, in one way.
pub(crate) fn build_report(facts: RunFacts, tally: &Tally) -> Result<Report, Error> {
    let answers: u64 = tally.answers.values().sum();
    let failures: u64 = tally.failures.values().sum();
    let ended = answers + failures;
    if ended != tally.offered {
        let offered = tally.offered;
        return Err(Error::Unaccounted { offered, ended });
    }
    let volume = |requests, span: Duration| Volume {
        requests,
        rate: share(real(requests), span.as_secs_f64()),
    };
    let (tester, remarks) = (
        limits::tester(&facts, tally),
        limits::remarks(&facts, tally),
    );
    let (grid, counters) = facts.watched.unzip();
    Ok(Report {
        target: facts.target,
        scenario: facts.scenario,
        seed: facts.seed,
        duration_seconds: facts.duration.as_secs_f64(),
        offered: volume(tally.offered, facts.offered_for),
        achieved: volume(answers, facts.duration),
        latency_seconds: latency(&tally.latencies),
        latency_of_all_seconds: latency_of_all(tally),
        answers: tally.answers.clone(),
        errors: errors(tally),
        substations: shares(&tally.substations.0),
        late_starts: tally.late_starts,
        connections: Connections {
            limit: facts.connections,
            opened: tally.connections_opened,
        },
        latency_curve: curve(&tally.latencies),
        timeline: tally.timeline.report(facts.duration),
        energy_kwh: tally.energy_kwh,
        malformed: tally.malformed,
        labels: tally.labels(),
        unplugged: facts.unplugged,
        tester,
        remarks,
        grid,
        counters,
        checks: Vec::new(),
    })
}

fn latency(latencies: &Histogram<u64>) -> Option<Latency> {
    let quantile = |part| seconds(latencies.value_at_quantile(part));
    (!latencies.is_empty()).then(|| Latency {
        mean: latencies.mean() / 1e6,
        p50: quantile(0.5),
        p90: quantile(0.9),
        p99: quantile(0.99),
        p999: quantile(0.999),
        max: quantile(1.0),
    })
}

/// The latencies of all offered requests. One without an answer is slower than any with one.
fn latency_of_all(tally: &Tally) -> Option<LatencyOfAll> {
    let (latencies, offered) = (&tally.latencies, tally.offered);
    let quantile = |part: f64| {
        let rank = rank(part, offered);
        let answered = latencies.len();
        // In the middle between two ranks, so that rounding finds the right one.
        let part = share(real(rank) - 0.5, real(answered));
        (rank <= answered).then(|| seconds(latencies.value_at_quantile(part)))
    };
    let all_answered = latencies.len() == offered;
    (offered > 0).then(|| LatencyOfAll {
        mean: all_answered.then(|| latencies.mean() / 1e6),
        p50: quantile(0.5),
        p90: quantile(0.9),
        p99: quantile(0.99),
        p999: quantile(0.999),
        max: quantile(1.0),
    })
}

/// The number, from 1, of the request below which this part of all lie.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 1 to the number of requests"
)]
fn rank(part: f64, of: u64) -> u64 {
    // A millionth less, because 0.999 × 1000 may be 999.0000001.
    let rank = (part * real(of) - 1e-6).ceil();
    (rank as u64).clamp(1, of.max(1))
}

/// Eight points for each halving of the rest above, as in HDR plots.
fn curve(latencies: &Histogram<u64>) -> Vec<CurvePoint> {
    let points = latencies.iter_quantiles(8).map(|point| CurvePoint {
        percent: 100.0 * point.quantile_iterated_to(),
        seconds: seconds(point.value_iterated_to()),
    });
    points.collect()
}

fn errors(tally: &Tally) -> Errors {
    let count = |kind| tally.failures.get(&kind).copied().unwrap_or(0);
    let first = tally.first.iter();
    Errors {
        by_kind: Failure::VARIANTS
            .iter()
            .map(|kind| (kind.name().to_owned(), count(*kind)))
            .collect(),
        by_code: tally.codes.0.clone(),
        first: first
            .map(|(kind, why)| (kind.name().to_owned(), why.clone()))
            .collect(),
    }
}

fn shares(counts: &BTreeMap<String, u64>) -> BTreeMap<String, Share> {
    let all = real(counts.values().sum());
    let shares = counts.iter().map(|(name, requests)| {
        let share = Share {
            requests: *requests,
            share: share(real(*requests), all),
        };
        (name.clone(), share)
    });
    shares.collect()
}

#[cfg(test)]
pub(crate) mod tests;
