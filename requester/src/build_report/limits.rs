//! What limited the result: the load generator itself, or the target.

use super::{RunFacts, latency};
use crate::format::{decimal, grouped, time_span};
use crate::number::{real, share};
use crate::report::{Latency, Tester};
use crate::tally::{Failure, Tally};

/// The load generator was too late if it sent more than this part of all requests late, and
/// answers would have come noticeably sooner without that.
const TOO_LATE: f64 = 0.01;

/// A latency is noticeably higher if the load generator's own lag is more than this part of it.
const NOTICEABLE: f64 = 0.1;

/// A single thread that is busy for more than this part of the time makes its requests wait.
const TOO_BUSY: f64 = 0.9;

/// A thread that is busy for less than this part of the time can only be late because it was not
/// scheduled.
const IDLE: f64 = 0.5;

/// A target is saturated if its answers take this many times as long while most connections are
/// busy as while few are.
const SATURATED: f64 = 2.0;

/// How the load generator did.
pub(super) fn tester(facts: &RunFacts, tally: &Tally) -> Tester {
    let cpu_seconds = facts.cpu.map(|cpu| cpu.as_secs_f64());
    let cpu_share = cpu_seconds.map(|cpu| share(cpu, facts.duration.as_secs_f64()));
    let busy = cpu_share.filter(|_| facts.one_thread);
    let mut bottlenecks = Vec::new();
    bottlenecks.extend(too_late(tally, busy));
    if saturation(tally).is_none() {
        bottlenecks.extend(
            not_sent(facts, tally)
                .map(|not_sent| format!("{not_sent}. Allow more connections, or lower the rate.")),
        );
    }
    if let Some(busy) = busy.filter(|busy| *busy > TOO_BUSY) {
        bottlenecks.push(format!(
            "Its thread was busy for {:.0} % of the time, so answers waited for it. Lower the rate.",
            100.0 * busy
        ));
    }
    Tester {
        lag_seconds: latency(&tally.lags),
        late_starts: tally.late_by_itself,
        latency_without_lag_seconds: latency(&tally.without_lag),
        cpu_seconds,
        cpu_share,
        bottlenecks,
    }
}

/// What limited the result besides the load generator.
pub(super) fn remarks(facts: &RunFacts, tally: &Tally) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(why) = saturation(tally)
        && let Some(not_sent) = not_sent(facts, tally)
    {
        remarks.push(format!("The target did not keep up: {why}. {not_sent}."));
    }
    let waited = tally.late_starts.saturating_sub(tally.late_by_itself);
    let waited = share(real(waited), real(tally.offered));
    if waited > TOO_LATE {
        remarks.push(format!(
            "{:.1} % of the requests waited more than 1 ms for a new connection to the target, and the latencies \
             contain that. --clients opens connections before the run.",
            100.0 * waited
        ));
    }
    remarks
}

/// A warning if the load generator was late so often, and by so much, that it changed the result.
/// `busy` is how busy its thread was.
fn too_late(tally: &Tally, busy: Option<f64>) -> Option<String> {
    let late = share(real(tally.late_by_itself), real(tally.offered));
    if late <= TOO_LATE {
        return None;
    }
    let cost = match (latency(&tally.latencies), latency(&tally.without_lag)) {
        (Some(all), Some(without)) => Some(cost(all, without)?),
        _ => None,
    };
    let cost = cost.map_or_else(String::new, |cost| format!(", which raised {cost}"));
    let advice = match busy.filter(|busy| *busy < IDLE) {
        Some(busy) => format!(
            "It was busy for only {:.0} % of the time, so something else used the CPU: give it more of a core.",
            100.0 * busy
        ),
        None => "Lower the rate, or give the load generator more of a core.".to_owned(),
    };
    let late = 100.0 * late;
    Some(format!(
        "{late:.1} % of the requests left more than 1 ms late{cost}. {advice}"
    ))
}

/// What the lag did to the latencies; none if it did not matter.
fn cost(all: Latency, without: Latency) -> Option<String> {
    let figures = [("p99", all.p99, without.p99), ("p50", all.p50, without.p50)];
    figures
        .into_iter()
        .find(|(_, all, without)| all - without > NOTICEABLE * all)
        .map(|(name, all, without)| {
            let (all, without) = (time_span(all), time_span(without));
            format!("the {name} latency from {without} to {all}")
        })
}

fn not_sent(facts: &RunFacts, tally: &Tally) -> Option<String> {
    let not_sent = tally.failures.get(&Failure::NotSent).copied()?;
    Some(format!(
        "{} requests found all {} connections busy and were not sent",
        grouped(not_sent),
        facts.connections
    ))
}

/// Why the target was saturated, if it was: requests timed out, or answers took longer the more
/// connections were busy.
fn saturation(tally: &Tally) -> Option<String> {
    if let Some(timed_out) = tally.failures.get(&Failure::TimedOut) {
        return Some(format!("{} requests timed out", grouped(*timed_out)));
    }
    let (few, most) = (tally.while_few.get()?, tally.while_most.get()?);
    (most >= SATURATED * few).then(|| {
        format!(
            "an answer took {} while few connections were busy, and {} times as long while most were",
            time_span(few),
            decimal(share(most, few), 1)
        )
    })
}

#[cfg(test)]
mod tests;
