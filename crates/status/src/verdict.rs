//! The health of the proxy: one sentence, and a list of everything that needs attention.
//!
//! *Trouble* loses requests or will: a substation is unreachable, requests fail. *Notice* is what a
//! person should know and the proxy copes with: an old sample, a drained substation, a full grid
//! that refuses.

mod feeders;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use strum::VariantArray;
use switchyard_wire::{Code, Outcome};

use crate::{
    balance::Balance, configuration::Configuration, feeder::Feeder, substation::Substation,
    traffic::Traffic,
};

/// From this share of failed requests on, failures are trouble.
const FAILED: f64 = 0.01;
/// As in the alert on imbalance: the highest utilisation divided by the mean, and the mean from
/// which on that matters.
const UNEVEN: (f64, f64) = (1.5, 0.2);
/// How many names a sentence lists; it counts the rest.
const NAMED: usize = 3;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing needs attention.
    #[serde(rename = "well")]
    Healthy,
    /// A person should know it; the proxy copes with it.
    Notice,
    /// It loses requests or will.
    Trouble,
}

/// The health of the proxy.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Verdict {
    /// The level of the worst finding.
    pub level: Level,
    /// In one sentence.
    pub sentence: String,
    /// Everything that needs attention, the worst first.
    pub findings: Vec<Finding>,
}

/// One thing that needs attention.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// In one sentence.
    pub text: String,
}

/// The input of a verdict.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and any combination can occur"
)]
pub struct Facts<'a> {
    /// All substations.
    pub substations: &'a [Substation],
    /// All feeders.
    pub feeders: &'a [Feeder],
    /// The traffic as clients see it.
    pub traffic: &'a Traffic,
    /// How even the load is.
    pub balance: &'a Balance,
    /// The configuration in force.
    pub configuration: &'a Configuration,
    /// Whether the first round of samples is complete.
    pub is_ready: bool,
    /// Whether the process is stopping.
    pub is_stopping: bool,
    /// Whether panic mode is on.
    pub is_panicking: bool,
    /// Whether the proxy has a store that can't be asked.
    pub is_store_down: bool,
    /// Why Prometheus, which is asked for all loads, gives none.
    pub prometheus_fault: Option<&'a str>,
}

impl Verdict {
    /// The verdict on these facts.
    #[must_use]
    pub fn of(facts: &Facts<'_>) -> Self {
        let mut findings = Vec::new();
        let mut find = |level, text| findings.push(Finding { level, text });
        proxy_findings(facts, &mut find);
        substation_findings(facts.substations, &mut find);
        feeders::findings(facts, &mut find);
        traffic_findings(facts.traffic, &mut find);
        balance_findings(facts, &mut find);
        findings.sort_by_key(|finding| Reverse(finding.level));
        let sentence = match findings.as_slice() {
            [] => "Healthy: no problems found.".to_owned(),
            [one] => one.text.clone(),
            [worst, more @ ..] => format!("{} And {} more.", worst.text, more.len()),
        };
        Self {
            level: findings.first().map_or(Level::Healthy, |worst| worst.level),
            sentence,
            findings,
        }
    }
}

fn proxy_findings(facts: &Facts<'_>, find: &mut impl FnMut(Level, String)) {
    if facts.is_stopping {
        let requests = counted(facts.traffic.in_flight, "request");
        let text = format!("The proxy is stopping and finishes {requests} in flight.");
        find(Level::Notice, text);
    }
    let usable = facts
        .substations
        .iter()
        .filter(|one| one.in_rotation)
        .count();
    if usable == 0 {
        let text = "No substation is in rotation: every request is refused.";
        find(Level::Trouble, text.to_owned());
    } else if facts.is_panicking {
        let text = "Panic mode: too few substations are in rotation, so ejected ones are used too.";
        find(Level::Trouble, text.to_owned());
    }
    if !facts.is_ready && !facts.is_stopping {
        let text = "The first round of load samples is not complete: requests are spread evenly.";
        find(Level::Notice, text.to_owned());
    }
    if facts.is_store_down {
        let text = "The store of the fleet can't be asked: requests with an Idempotency-Key fail or are known to this proxy alone, and drains stay as they were.";
        find(Level::Trouble, text.to_owned());
    }
    if let Some(why) = facts.prometheus_fault {
        let text =
            format!("Prometheus gives no load samples: {why}. Dispatch continues by the ledgers.");
        find(Level::Trouble, text);
    }
    let failed = facts.configuration.last_reload.as_ref();
    if let Some(reload) = failed.filter(|reload| !reload.success) {
        let text = format!(
            "The last reload failed with {}; version {} stays in force.",
            counted(reload.faults.len(), "fault"),
            facts.configuration.version
        );
        find(Level::Trouble, text);
    }
}

fn substation_findings(substations: &[Substation], find: &mut impl FnMut(Level, String)) {
    let states = [
        ("down", Level::Trouble, "unreachable."),
        ("ejected", Level::Trouble, "ejected for failing."),
        ("stale", Level::Notice, "stale"),
        ("unknown", Level::Notice, "not sampled yet."),
        ("draining", Level::Notice, "draining: no new sessions."),
    ];
    for (state, level, words) in states {
        let affected: Vec<_> = substations
            .iter()
            .filter(|one| one.state == state)
            .collect();
        let Some(names) = named(&names(&affected)) else {
            continue;
        };
        let is = if affected.len() == 1 { "is" } else { "are" };
        let ages = affected.iter().filter_map(|one| one.sample_age_seconds);
        let text = match (state, ages.max_by(f64::total_cmp)) {
            ("stale", Some(age)) => {
                format!(
                    "{names} {is} stale: no sample for {age:.0} s; dispatch continues by the ledger."
                )
            }
            _ => match reason(&affected) {
                Some(reason) => format!("{names} {is} draining ({reason}): no new sessions."),
                None => format!("{names} {is} {words}"),
            },
        };
        find(level, text);
    }
    let distrusted: Vec<_> = substations.iter().filter(|one| one.distrusted).collect();
    if let Some(names) = named(&names(&distrusted)) {
        let (gauges, are) = if distrusted.len() == 1 {
            ("gauge", "is")
        } else {
            ("gauges", "are")
        };
        let text = format!(
            "The load {gauges} of {names} {are} distrusted: booked load does not show; dispatch continues by the ledger."
        );
        find(Level::Notice, text);
    }
}

/// Why these drain, if they all do for the same reason.
fn reason<'a>(drained: &[&'a Substation]) -> Option<&'a str> {
    let mut reasons = drained
        .iter()
        .map(|one| one.drain.as_ref()?.reason.as_deref());
    let first = reasons.next()??;
    reasons.all(|other| other == Some(first)).then_some(first)
}

fn traffic_findings(traffic: &Traffic, find: &mut impl FnMut(Level, String)) {
    let all = traffic.per_second.unwrap_or(0.0);
    let cause = |outcome| {
        let codes = Code::VARIANTS
            .iter()
            .filter(|code| code.outcome() == outcome);
        let names: Vec<_> = codes.map(|code| code.name()).collect();
        let first = traffic
            .errors
            .iter()
            .find(|(code, _)| names.contains(&code.as_ref()));
        first.map_or_else(String::new, |(code, _)| format!(" ({code})"))
    };
    let failed = traffic.failed_per_second.unwrap_or(0.0);
    if failed > FAILED * all {
        let why = cause(Outcome::Failed);
        let text = format!("{} of requests fail{why}.", percent(failed / all));
        find(Level::Trouble, text);
    }
    let refused = traffic.refused_per_second.unwrap_or(0.0);
    if refused > 0.0 {
        let why = cause(Outcome::Refused);
        let text = format!("{} of requests are refused{why}.", percent(refused / all));
        find(Level::Notice, text);
    }
}

fn balance_findings(facts: &Facts<'_>, find: &mut impl FnMut(Level, String)) {
    let full = |one: &&Substation| one.in_rotation && one.is_full();
    let full: Vec<_> = facts.substations.iter().filter(full).collect();
    if let Some(names) = named(&names(&full)) {
        let is_limit = |one: &&Substation| one.limit.is_some() && one.bound() != one.capacity;
        let (are, word) = match (full.len(), full.iter().all(is_limit)) {
            (1, true) => ("is", "its limit"),
            (1, false) => ("is", "its capacity"),
            (_, true) => ("are", "their limits"),
            (_, false) => ("are", "their capacities"),
        };
        find(Level::Notice, format!("{names} {are} at {word}."));
    }
    let (least, from_mean) = UNEVEN;
    let Balance {
        imbalance,
        mean_utilisation,
        ..
    } = facts.balance;
    if let (Some(imbalance), Some(mean)) = (imbalance, mean_utilisation)
        && *imbalance > least
        && *mean > from_mean
    {
        let text =
            format!("Load is uneven: the fullest substation is at {imbalance:.1} times the mean.");
        find(Level::Notice, text);
    }
}

fn names<'a>(substations: &[&'a Substation]) -> Vec<&'a str> {
    let name = |one: &&'a Substation| one.name.as_str();
    substations.iter().map(name).collect()
}

/// "a", "a and b", "a, b and c", "a, b, c and 12 more"; none for no name.
fn named(all: &[&str]) -> Option<String> {
    let names = all.get(..NAMED).unwrap_or(all);
    let more = all.len() - names.len();
    let (last, before) = names.split_last()?;
    Some(match (before, more) {
        ([], 0) => (*last).to_owned(),
        (_, 0) => format!("{} and {last}", before.join(", ")),
        _ => format!("{} and {more} more", names.join(", ")),
    })
}

fn counted(count: usize, word: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {word}{plural}")
}

/// A share as percent; below 1 % with a decimal, and never as zero.
fn percent(part: f64) -> String {
    match part * 100.0 {
        percent if percent < 1.0 => format!("{:.1} %", percent.max(0.1)),
        percent => format!("{percent:.0} %"),
    }
}
