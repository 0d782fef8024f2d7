//! What becomes of a source's answers: the last good one stands until the next.
//!
//! A source that fails says nothing about substations, and an empty answer is more often a failure in disguise (a file
//! that is being written, a selector with a slip, a name server that has just started) than the wish to serve nobody.

use std::{collections::HashMap, fmt, sync::Arc};

use tracing::{info, warn};

use super::targets::Found;
use crate::metrics::{AnswerOutcome, SourceMetrics};

/// What a source found, kept.
#[derive(Debug)]
pub(super) struct LastGood {
    source: String,
    allow_empty: bool,
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
    pub(super) fn new(source: String, allow_empty: bool, metrics: SourceMetrics) -> Self {
        Self {
            source,
            allow_empty,
            found: Arc::new([]),
            source_health: SourceHealth::New,
            metrics,
        }
    }

    /// Whether the last answer was none.
    pub(super) fn is_failing(&self) -> bool {
        self.source_health == SourceHealth::Failing
    }

    /// Takes an answer or leaves it; `Some` is what is found from now on, if that changed. Says so once, not with
    /// every answer.
    pub(super) fn accept<E: fmt::Display>(
        &mut self,
        answer: Result<Vec<Found>, E>,
    ) -> Option<Arc<[Found]>> {
        let (source, kept) = (self.source.as_str(), self.found.len());
        let found = match answer {
            Err(error) => {
                self.metrics.count(AnswerOutcome::Failed);
                if self.source_health != SourceHealth::Failing {
                    warn!(source, %error, kept, "A source of substations fails: its last good answer stands");
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
                            kept, "A source of substations is empty: its last good answer stands"
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
            info!(source, "A source of substations is well again");
        }
        self.source_health = SourceHealth::Healthy;
        if *found == *self.found {
            return None;
        }
        let (added, removed, changed) = difference(&self.found, &found);
        let now = found.len();
        info!(source, added, removed, changed, now, "Substations found");
        self.found = found.into();
        Some(Arc::clone(&self.found))
    }
}

/// How many names are new, are gone, and stand for something else.
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
    use super::*;
    use prometheus::Registry;
    use switchyard_telemetry::Registrar;

    use crate::metrics::DiscoveryFamilies;

    fn some(names: &[&str]) -> Vec<Found> {
        let found = |name: &&str| Found {
            name: (*name).to_owned(),
            is_named: true,
            address: ([10, 0, 0, u8::try_from(name.len()).unwrap()], 5001).into(),
            capacity: None,
        };
        names.iter().map(found).collect()
    }

    fn last_good(allow_empty: bool) -> LastGood {
        let metrics = DiscoveryFamilies::register(Registrar::new(&Registry::new()))
            .unwrap()
            .handles("file_sd:a.json");
        LastGood::new("file_sd:a.json".to_owned(), allow_empty, metrics)
    }

    fn names(answer: Option<Arc<[Found]>>) -> Option<Vec<String>> {
        answer.map(|found| found.iter().map(|found| found.name.clone()).collect())
    }

    #[test]
    fn the_last_good_answer_stands_whatever_comes() {
        let mut last_good = last_good(false);
        assert_eq!(names(last_good.accept::<&str>(Ok(vec![]))), None);
        assert_eq!(names(last_good.accept(Err("broken"))), None);
        let first = last_good.accept::<&str>(Ok(some(&["a", "bb"])));
        assert_eq!(names(first).unwrap(), ["a", "bb"]);
        for _ in 0..3 {
            assert_eq!(names(last_good.accept(Err("broken"))), None);
            assert_eq!(names(last_good.accept::<&str>(Ok(vec![]))), None);
            // Nothing changed while it was away.
            assert_eq!(
                names(last_good.accept::<&str>(Ok(some(&["a", "bb"])))),
                None
            );
        }
        let next = last_good.accept::<&str>(Ok(some(&["a"])));
        assert_eq!(names(next).unwrap(), ["a"]);
    }

    #[test]
    fn an_empty_answer_is_taken_where_that_is_allowed() {
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
