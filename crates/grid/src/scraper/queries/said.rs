//! What is logged of the rounds: only what has changed, and one line for all substations that it concerns.

use std::{collections::HashMap, fmt, mem::Discriminant};

use switchyard_promql::QueryError;
use tracing::{info, warn};

use super::found::{SeriesFault, shown};
use crate::{
    by_id::ById,
    substation::{Id, Substation},
};

/// The most names that one line repeats.
const MOST_NAMES: usize = 5;

/// What was said last.
#[derive(Debug, Default)]
pub(super) struct Said {
    round: Option<Discriminant<QueryError>>,
    capacity: Option<Discriminant<QueryError>>,
    nothing_matches: bool,
    faults: ById<SeriesFault>,
}

/// Names of substations, of which a few are repeated.
#[derive(Debug, Default)]
pub(super) struct Names {
    first: Vec<String>,
    all: usize,
}

/// Those with news of one round.
#[derive(Debug, Default)]
pub(super) struct News {
    /// By the fault that each has had before.
    faulty: HashMap<Discriminant<SeriesFault>, (SeriesFault, Names)>,
    well: Names,
}

impl Names {
    fn add(&mut self, substation: &Substation) {
        if self.first.len() < MOST_NAMES {
            self.first.push(substation.name().to_owned());
        }
        self.all += 1;
    }
}

impl fmt::Display for Names {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.first.join(", "))?;
        match self.all - self.first.len() {
            0 => Ok(()),
            more => write!(out, " and {more} more"),
        }
    }
}

impl Said {
    /// Notes how a round ended.
    pub(super) fn round(&mut self, failed: Option<&QueryError>) {
        let before = std::mem::replace(&mut self.round, failed.map(std::mem::discriminant));
        match failed {
            Some(error) if before != self.round => warn!(
                outcome = <&str>::from(error.outcome()),
                why = %error,
                "Prometheus gives no load samples: dispatch continues by the ledgers"
            ),
            None if before.is_some() => info!("Prometheus gives load samples again"),
            _ => {}
        }
    }

    /// Notes how the query for capacities ended.
    pub(super) fn capacities(&mut self, failed: Option<&QueryError>) {
        let before = std::mem::replace(&mut self.capacity, failed.map(std::mem::discriminant));
        match failed {
            Some(error) if before != self.capacity => warn!(
                outcome = <&str>::from(error.outcome()),
                why = %error,
                "Prometheus gives no capacities: those that are known stay"
            ),
            None if before.is_some() => info!("Prometheus gives capacities again"),
            _ => {}
        }
    }

    /// Notes whether there are series, and none that matches a substation; `example` is the label of one.
    pub(super) fn matches(&mut self, label: &str, example: Option<&str>) {
        let was_so = std::mem::replace(&mut self.nothing_matches, example.is_some());
        if let Some(example) = example
            && !was_so
        {
            warn!(
                label,
                example = %shown(example),
                "No series from Prometheus matches a substation: set load.prometheus.match.label to the label that has the substations' addresses or names"
            );
        }
    }

    /// Notes how it is about the series of one substation. What is new goes to `news`.
    pub(super) fn substation(
        &mut self,
        substation: &Substation,
        fault: Option<SeriesFault>,
        news: &mut News,
    ) {
        let id = substation.id();
        match fault {
            None => {
                if !self.faults.is_empty() && self.faults.remove(&id).is_some() {
                    news.well.add(substation);
                }
            }
            Some(fault) => {
                let before = self.faults.insert(id, fault);
                if !before.is_some_and(|before| before.is_like(fault)) {
                    let (_, names) = news
                        .faulty
                        .entry(std::mem::discriminant(&fault))
                        .or_insert_with(|| (fault, Names::default()));
                    names.add(substation);
                }
            }
        }
    }

    /// Forgets those of which `is_member` says no.
    pub(super) fn retain(&mut self, is_member: impl Fn(Id) -> bool) {
        self.faults.retain(|id, _| is_member(*id));
    }
}

impl News {
    /// Logs them.
    pub(super) fn log(self) {
        for (fault, names) in self.faulty.into_values() {
            warn!(
                substations = %names,
                outcome = <&str>::from(fault.outcome()),
                why = %fault,
                "Substations have no load sample from Prometheus: dispatch continues by their ledgers"
            );
        }
        if self.well.all > 0 {
            info!(substations = %self.well, "Substations have load samples from Prometheus again");
        }
    }
}
