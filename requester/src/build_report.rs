//! Builds the report of a run from its counts.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use strum::VariantArray;

use crate::error::Error;
use crate::format::grouped;
use crate::number::{real, seconds, share};
use crate::report::{
    Connections, Counters, CurvePoint, Errors, Grid, Latency, Report, Share, Tester, Unplugged,
    Volume,
};
use crate::tally::{Failure, Tally};

/// If more than this part of all requests started late, the latencies measure the generator.
const TOO_LATE: f64 = 0.01;

/// A single thread that is busy for more than this part of the time makes its requests wait.
const TOO_BUSY: f64 = 0.9;

/// A thread that is busy for less than this part of the time can only be late because it was not
/// scheduled.
const IDLE: f64 = 0.5;

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
    let tester = tester(&facts, tally);
    let (grid, counters) = facts.watched.unzip();
    Ok(Report {
        target: facts.target,
        scenario: facts.scenario,
        seed: facts.seed,
        duration_seconds: facts.duration.as_secs_f64(),
        offered: volume(tally.offered, facts.offered_for),
        achieved: volume(answers, facts.duration),
        latency_seconds: latency(&tally.latencies),
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
        unplugged: facts.unplugged,
        tester,
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

/// Eight points for each halving of the rest above, as in HDR plots.
fn curve(latencies: &Histogram<u64>) -> Vec<CurvePoint> {
    let points = latencies.iter_quantiles(8).map(|point| CurvePoint {
        percent: 100.0 * point.quantile_iterated_to(),
        seconds: seconds(point.value_iterated_to()),
    });
    points.collect()
}

fn tester(facts: &RunFacts, tally: &Tally) -> Tester {
    let cpu_seconds = facts.cpu.map(|cpu| cpu.as_secs_f64());
    let cpu_share = cpu_seconds.map(|cpu| share(cpu, facts.duration.as_secs_f64()));
    let mut bottlenecks = Vec::new();
    let late = share(real(tally.late_starts), real(tally.offered));
    if late > TOO_LATE {
        let advice = match cpu_share.filter(|busy| facts.one_thread && *busy < IDLE) {
            Some(busy) => format!(
                "It was busy for only {:.0} % of the time, so something else used the CPU: give it more of a core.",
                100.0 * busy
            ),
            None => "Lower the rate, or give the load generator more of a core.".to_owned(),
        };
        bottlenecks.push(format!(
            "{:.1} % of the requests left more than 1 ms late, and the latencies contain that. {advice}",
            100.0 * late
        ));
    }
    let not_sent = tally.failures.get(&Failure::NotSent).copied().unwrap_or(0);
    if not_sent > 0 {
        bottlenecks.push(format!(
            "{} requests found all {} connections busy and were not sent. Allow more connections, or lower the \
             rate.",
            grouped(not_sent),
            facts.connections
        ));
    }
    if let Some(busy) = cpu_share.filter(|busy| facts.one_thread && *busy > TOO_BUSY) {
        bottlenecks.push(format!(
            "Its thread was busy for {:.0} % of the time. Lower the rate.",
            100.0 * busy
        ));
    }
    Tester {
        lag_seconds: latency(&tally.lags),
        cpu_seconds,
        cpu_share,
        bottlenecks,
    }
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
