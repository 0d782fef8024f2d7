//! Keeps the last good answer of a source until the next good one.
//!
//! A source that fails says nothing about substations. An empty answer is more often a hidden failure (a file that is
//! being written, a selector with a typo, a name server that has just started) than the wish for no substations.

use std::{collections::HashMap, fmt, sync::Arc};

use tracing::{info, warn};

use super::{feeders::FeederNames, gate::Gate};
use crate::metrics::{AnswerOutcome, SourceMetrics};
use switchyard_bounded::Shown;
use switchyard_target_groups::Found;

/// The last good answer of a source.
#[derive(Debug)]
pub(super) struct LastGood {
    source: String,
    allow_empty: bool,
    gate: Gate,
    feeders: FeederNames,
    found: Arc<[Found]>,
    source_health: SourceHealth,
    metrics: SourceMetrics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceHealth {
    New,
    Healthy,
    Empty,
    Failing,
}

impl LastGood {
    pub(super) fn new(
        source: String,
        allow_empty: bool,
        (gate, feeders): (Gate, FeederNames),
        metrics: SourceMetrics,
    ) -> Self {
        Self {
            source,
            allow_empty,
            gate,
            feeders,
            found: Arc::new([]),
            source_health: SourceHealth::New,
            metrics,
        }
    }

    /// Whether the next refresh should come soon: the last one failed, or has found no file yet, whose folder may not
    /// exist and so can't be watched.
    pub(super) fn is_failing(&self) -> bool {
        matches!(
            self.source_health,
            SourceHealth::Failing | SourceHealth::New
        )
    }

    /// Accepts that a pattern of files matches none. That is no fault, as long as it has never matched one: a pattern
    /// may stand for files to come. Afterwards it is an empty answer.
    pub(super) fn accept_nothing_yet(&mut self) -> Option<Arc<[Found]>> {
        if self.source_health != SourceHealth::New {
            return self.accept(Ok::<_, &str>(Vec::new()));
        }
        self.metrics.count(AnswerOutcome::NoFile);
        None
    }

    /// Accepts an answer or keeps the last good one; `Some` is the new answer, if it differs. A change of health is
    /// logged once, not with every answer.
    pub(super) fn accept<E: fmt::Display>(
        &mut self,
        answer: Result<Vec<Found>, E>,
    ) -> Option<Arc<[Found]>> {
        let (source, kept) = (self.source.as_str(), self.found.len());
        let passed = answer
            .map_err(|error| Shown::message(error).to_string())
            .and_then(|found| {
                let passed = self.gate.pass(source, found);
                passed.map_err(|error| error.to_string())
            })
            .and_then(|(found, left_out)| match self.feeders.check(&found) {
                Ok(()) => Ok((found, left_out)),
                Err(misplaced) => Err(misplaced.to_string()),
            });
        let found = match passed.map(|(found, left_out)| {
            self.metrics.left_out(left_out);
            found
        }) {
            Err(error) => {
                self.metrics.count(AnswerOutcome::Failed);
                if self.source_health != SourceHealth::Failing {
                    warn!(source, %error, kept, "Discovery source failed: keeping its last good answer");
                }
                self.source_health = SourceHealth::Failing;
                return None;
            }
            Ok(found) if found.is_empty() => {
                self.metrics.count(AnswerOutcome::Empty);
                if !self.allow_empty {
                    if self.source_health != SourceHealth::Empty {
                        warn!(
                            source,
                            kept,
                            "Discovery source returned no targets: keeping its last good answer"
                        );
                    }
                    self.source_health = SourceHealth::Empty;
                    return None;
                }
                found
            }
            Ok(found) => {
                self.metrics.count(AnswerOutcome::Ok);
                found
            }
        };
        self.metrics.answered(found.len());
        if matches!(
            self.source_health,
            SourceHealth::Empty | SourceHealth::Failing
        ) {
            info!(source, "Discovery source recovered");
        }
        self.source_health = SourceHealth::Healthy;
        if *found == *self.found {
            return None;
        }
        let (added, removed, changed) = difference(&self.found, &found);
        let now = found.len();
        info!(
            source,
            added, removed, changed, now, "Discovery source changed"
        );
        self.found = found.into();
        Some(Arc::clone(&self.found))
    }
}

/// How many names were added, removed and changed.
fn difference(before: &[Found], after: &[Found]) -> (usize, usize, usize) {
    let named: HashMap<_, _> = before.iter().map(|found| (&found.name, found)).collect();
    let kept = after.iter().filter_map(|found| {
        let before = named.get(&found.name)?;
        Some(*before != found)
    });
    let (mut stay, mut changed) = (0, 0);
    for is_changed in kept {
        stay += 1;
        changed += usize::from(is_changed);
    }
    (
        after.len() - stay,
        named.len().saturating_sub(stay),
        changed,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use prometheus::Registry;
    use switchyard_config::SubstationTls;
    use switchyard_telemetry::Registrar;

    use crate::metrics::DiscoveryFamilies;

    fn some(names: &[&str]) -> Vec<Found> {
        let found = |name: &&str| Found {
            name: (*name).to_owned(),
            is_named: true,
            address: ([10, 0, 0, u8::try_from(name.len()).unwrap()], 5001).into(),
            host: None,
            capacity: None,
            feeder: None,
            labels: BTreeMap::new(),
            tls: SubstationTls::AsUpstream,
            drain: false,
        };
        names.iter().map(found).collect()
    }

    fn last_good(allow_empty: bool) -> LastGood {
        let metrics = DiscoveryFamilies::register(Registrar::new(&Registry::new()))
            .unwrap()
            .handles("file_sd:a.json");
        let gate = Gate::new(switchyard_config::Discovery::default().allow);
        let rules = (gate, FeederNames::default());
        LastGood::new("file_sd:a.json".to_owned(), allow_empty, rules, metrics)
    }

    fn names(answer: Option<Arc<[Found]>>) -> Option<Vec<String>> {
        answer.map(|found| found.iter().map(|found| found.name.clone()).collect())
    }

    #[test]
    fn the_last_good_answer_is_kept_through_failures_and_empty_answers() {
        let mut last_good = last_good(false);
        assert_eq!(names(last_good.accept::<&str>(Ok(vec![]))), None);
        assert_eq!(names(last_good.accept(Err("broken"))), None);
        let first = last_good.accept::<&str>(Ok(some(&["a", "bb"])));
        assert_eq!(names(first).unwrap(), ["a", "bb"]);
        for _ in 0..3 {
            assert_eq!(names(last_good.accept(Err("broken"))), None);
            assert_eq!(names(last_good.accept::<&str>(Ok(vec![]))), None);
            // The answer is the same as before the failure.
            assert_eq!(
                names(last_good.accept::<&str>(Ok(some(&["a", "bb"])))),
                None
            );
        }
        let next = last_good.accept::<&str>(Ok(some(&["a"])));
        assert_eq!(names(next).unwrap(), ["a"]);
    }

    #[test]
    fn an_empty_answer_is_accepted_where_that_is_allowed() {
        let mut last_good = last_good(true);
        assert!(last_good.accept::<&str>(Ok(some(&["a"]))).is_some());
        assert_eq!(names(last_good.accept(Err("broken"))), None);
        assert_eq!(
            names(last_good.accept::<&str>(Ok(vec![]))).unwrap(),
            [""; 0]
        );
    }

    #[test]
    fn a_difference_counts_each_name_once() {
        let mut after = some(&["bb", "ccc"]);
        after[0].capacity = Some(1.0);
        assert_eq!(difference(&some(&["a", "bb"]), &after), (1, 1, 1));
        let turned = [some(&["bb"]), some(&["a"])].concat();
        assert_eq!(difference(&some(&["a", "bb"]), &turned), (0, 0, 0));
    }
}
