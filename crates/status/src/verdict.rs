//! Is all well? One sentence for whoever looks, and below it each thing that is not.
//!
//! *Trouble* is what loses requests or will: a substation that is gone, requests that fail. *Notice* is what a person
//! should know and the proxy copes with: an old sample, a drained substation, a full grid that refuses.

#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use strum::VariantArray;
use switchyard_wire::{Code, Outcome};

use crate::{
    balance::Balance, configuration::Configuration, substation::Substation, traffic::Traffic,
};

/// A share of failed requests that is no accident.
const FAILED: f64 = 0.01;
/// As the alert on imbalance has it: the fullest against the mean, and from which mean on that matters.
const UNEVEN: (f64, f64) = (1.5, 0.2);
/// From here on a substation has room for hardly anyone.
const FULL: f64 = 0.98;
/// Names in a sentence; of more their number is told.
const NAMED: usize = 3;

/// How bad it is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// All is well.
    #[serde(rename = "well")]
    Healthy,
    /// Something is to be known.
    Notice,
    /// Something is wrong.
    Trouble,
}

/// Whether all is well.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Verdict {
    /// The worst of the findings.
    pub level: Level,
    /// In one sentence.
    pub sentence: String,
    /// Everything that is not well, the worst first.
    pub findings: Vec<Finding>,
}

/// One thing that is not well.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// In one sentence.
    pub text: String,
}

/// What a verdict is made from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// All of them.
    pub substations: &'a [Substation],
    /// What clients see.
    pub traffic: &'a Traffic,
    /// How even the load is.
    pub balance: &'a Balance,
    /// What is in force.
    pub configuration: &'a Configuration,
    /// A first round of samples is in.
    pub is_ready: bool,
    /// The process was told to end.
    pub is_ending: bool,
    /// So few are in rotation that those ejected for failing are used as well.
    pub is_panicking: bool,
}

impl Verdict {
    /// Judges them.
    #[must_use]
    pub fn of(facts: &Facts<'_>) -> Self {
        let mut findings = Vec::new();
        let mut find = |level, text| findings.push(Finding { level, text });
        of_the_proxy(facts, &mut find);
        of_the_substations(facts.substations, &mut find);
        of_the_traffic(facts.traffic, &mut find);
        of_the_balance(facts, &mut find);
        findings.sort_by_key(|finding| Reverse(finding.level));
        let sentence = match findings.as_slice() {
            [] => "All is well.".to_owned(),
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

fn of_the_proxy(facts: &Facts<'_>, find: &mut impl FnMut(Level, String)) {
    if facts.is_ending {
        let requests = counted(facts.traffic.in_flight, "request");
        let text = format!("It was told to end, and finishes {requests} in hand.");
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
        let text = "Too few substations are fit: those ejected for failing are used as well.";
        find(Level::Trouble, text.to_owned());
    }
    if !facts.is_ready && !facts.is_ending {
        let text = "No first round of load samples yet: requests are spread evenly.";
        find(Level::Notice, text.to_owned());
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

fn of_the_substations(substations: &[Substation], find: &mut impl FnMut(Level, String)) {
    let states = [
        ("down", Level::Trouble, "can't be reached."),
        ("ejected", Level::Trouble, "ejected for failing."),
        ("stale", Level::Notice, "stale"),
        ("unknown", Level::Notice, "never sampled so far."),
        ("draining", Level::Notice, "draining: no new sessions."),
    ];
    for (state, level, words) in states {
        let of_it: Vec<_> = substations
            .iter()
            .filter(|one| one.state == state)
            .collect();
        let Some(who) = named(&of_it) else {
            continue;
        };
        let is = match (state, of_it.len()) {
            ("down", _) => "",
            (_, 1) => "is ",
            _ => "are ",
        };
        let ages = of_it.iter().filter_map(|one| one.sample_age_seconds);
        let text = match (state, ages.max_by(f64::total_cmp)) {
            ("stale", Some(age)) => {
                format!("{who} {is}stale: no sample for {age:.0} s; the ledger goes on.")
            }
            _ => format!("{who} {is}{words}"),
        };
        find(level, text);
    }
}

fn of_the_traffic(traffic: &Traffic, find: &mut impl FnMut(Level, String)) {
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

fn of_the_balance(facts: &Facts<'_>, find: &mut impl FnMut(Level, String)) {
    let full = |one: &&Substation| one.utilisation().is_some_and(|part| part >= FULL);
    let full: Vec<_> = facts.substations.iter().filter(full).collect();
    if let Some(who) = named(&full) {
        let (are, word) = if full.len() == 1 {
            ("is", "its capacity")
        } else {
            ("are", "their capacities")
        };
        find(Level::Notice, format!("{who} {are} at {word}."));
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
        let text = format!("Load is uneven: the fullest is at {imbalance:.1} times the mean.");
        find(Level::Notice, text);
    }
}

/// "a", "a and b", "a, b and c", "a, b, c and 12 more"; none of nobody.
fn named(substations: &[&Substation]) -> Option<String> {
    let names: Vec<_> = substations
        .iter()
        .take(NAMED)
        .map(|one| one.name.as_str())
        .collect();
    let more = substations.len() - names.len();
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

/// With a digit behind the point where it would read as nothing.
fn percent(part: f64) -> String {
    match part * 100.0 {
        percent if percent < 1.0 => format!("{:.1} %", percent.max(0.1)),
        percent => format!("{percent:.0} %"),
    }
}
