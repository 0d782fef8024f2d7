//! What a run found, with every figure named in full.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::number::{real, seconds, share};
use crate::tally::{Failure, Tally};

/// The result of a run. As JSON its keys are its fields; they are a contract, fields may be added.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Report {
    /// Where the requests went.
    pub target: String,
    /// The seed that offers the same again.
    pub seed: u64,
    /// From the start until the last request had ended.
    pub duration_seconds: f64,
    /// What was to be sent. The rate is over the time in which requests were offered.
    pub offered: Volume,
    /// What was answered, with whatever status. The rate is over `duration_seconds`.
    pub achieved: Volume,
    /// Of answered requests, from when each was meant to leave to the last byte of its answer. Nothing if
    /// nothing was answered.
    pub latency_seconds: Option<Latency>,
    /// Answers by status.
    pub answers: BTreeMap<u16, u64>,
    /// What went wrong.
    pub errors: Errors,
    /// Answers by the substation that their `x-substation` header names.
    pub substations: BTreeMap<String, Share>,
    /// How often the tester itself sent more than a millisecond after it meant to.
    pub late_starts: u64,
    /// How many connections it took.
    pub connections: Connections,
}

/// So many requests, so many a second.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Volume {
    /// How many.
    pub requests: u64,
    /// How many a second.
    pub rate: f64,
}

/// Latencies in seconds.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Latency {
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// One in ten is higher.
    pub p90: f64,
    /// One in a hundred is higher.
    pub p99: f64,
    /// One in a thousand is higher.
    pub p999: f64,
    /// The highest.
    pub max: f64,
}

/// Requests without an answer, and answers that say what went wrong.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Errors {
    /// Requests that ended without an answer: `connect`, `broken`, `timed_out`, or `not_sent` because all
    /// connections were busy. Together with the answers they are all that was offered.
    pub by_kind: BTreeMap<String, u64>,
    /// Answers of a status of 400 or above, by the `error.code` in their body.
    pub by_code: BTreeMap<String, u64>,
    /// What the first of each kind said.
    pub first: BTreeMap<String, String>,
}

/// A substation's part.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Share {
    /// How many answers name it.
    pub requests: u64,
    /// Its part of all answers that name one, 0 to 1.
    pub share: f64,
}

/// How connections were used.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Connections {
    /// The most that could be open at once.
    pub limit: usize,
    /// How many were opened in all.
    pub opened: u64,
}

impl Report {
    /// How many requests were answered with a 2xx status.
    #[must_use]
    pub fn succeeded(&self) -> u64 {
        self.answers.range(200..300).map(|(_, count)| *count).sum()
    }

    /// How many requests ended without an answer.
    #[must_use]
    pub fn unanswered(&self) -> u64 {
        self.errors.by_kind.values().sum()
    }
}

/// What the counts do not know.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) target: String,
    pub(crate) seed: u64,
    pub(crate) connections: usize,
    /// For how long requests were offered.
    pub(crate) offered_for: Duration,
    /// From the start to the last end.
    pub(crate) duration: Duration,
}

impl Report {
    /// Makes the report of a run that has ended. Every offered request must have ended, in one way.
    pub(crate) fn new(facts: Facts, tally: &Tally) -> Result<Self, Error> {
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
        Ok(Self {
            target: facts.target,
            seed: facts.seed,
            duration_seconds: facts.duration.as_secs_f64(),
            offered: volume(tally.offered, facts.offered_for),
            achieved: volume(answers, facts.duration),
            latency_seconds: latency(tally),
            answers: tally.answers.clone(),
            errors: errors(tally),
            substations: shares(&tally.substations.0),
            late_starts: tally.late_starts,
            connections: Connections {
                limit: facts.connections,
                opened: tally.connections_opened,
            },
        })
    }
}

fn latency(tally: &Tally) -> Option<Latency> {
    let latencies = &tally.latencies;
    let quantile = |part| seconds(latencies.value_at_quantile(part));
    (tally.answered > 0).then(|| Latency {
        mean: latencies.mean() / 1e6,
        p50: quantile(0.5),
        p90: quantile(0.9),
        p99: quantile(0.99),
        p999: quantile(0.999),
        max: quantile(1.0),
    })
}

fn errors(tally: &Tally) -> Errors {
    let count = |kind| tally.failures.get(&kind).copied().unwrap_or(0);
    let first = tally.first.iter();
    Errors {
        by_kind: Failure::ALL
            .map(|kind| (kind.name().to_owned(), count(kind)))
            .into(),
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
pub(crate) mod tests {
    use super::*;
    use crate::answer::Answer;

    fn answer(status: u16, substation: Option<&str>) -> Answer {
        let mut response = http::Response::builder().status(status);
        if let Some(name) = substation {
            response = response.header("x-substation", name);
        }
        Answer::new(response.body(()).unwrap().into_parts().0)
    }

    /// 8 × 200, 1 × 503, one of each failure.
    fn tally() -> Tally {
        let mut tally = Tally::new().unwrap();
        tally.offered = 13;
        for millis in 1..=8 {
            let name = if millis <= 6 {
                "substation1"
            } else {
                "substation2"
            };
            tally.answered(Duration::from_millis(millis), &answer(200, Some(name)));
        }
        let mut refusal = answer(503, None);
        refusal.push(&r#"{"error":{"code":"no_capacity"}}"#.into());
        tally.answered(Duration::from_millis(9), &refusal);
        for kind in Failure::ALL {
            tally.failed(kind, || format!("first {}", kind.name()));
            tally.started(Duration::from_millis(2));
        }
        tally.connections_opened = 3;
        tally
    }

    fn facts() -> Facts {
        Facts {
            target: "http://127.0.0.1:8080/request_charge".to_owned(),
            seed: 7,
            connections: 100,
            offered_for: Duration::from_secs(2),
            duration: Duration::from_secs(3),
        }
    }

    pub(crate) fn report() -> Report {
        Report::new(facts(), &tally()).unwrap()
    }

    #[test]
    fn all_that_was_offered_is_found_again() {
        let report = report();
        assert_eq!(
            report.offered,
            Volume {
                requests: 13,
                rate: 6.5
            }
        );
        assert_eq!(
            report.achieved,
            Volume {
                requests: 9,
                rate: 3.0
            }
        );
        assert_eq!(report.answers, BTreeMap::from([(200, 8), (503, 1)]));
        assert_eq!((report.succeeded(), report.unanswered()), (8, 4));
        assert_eq!(
            report.achieved.requests + report.unanswered(),
            report.offered.requests
        );
        assert_eq!(report.substations["substation1"].share, 0.75);
        assert_eq!(report.substations["substation2"].requests, 2);
        assert_eq!(report.late_starts, 4);
    }

    #[test]
    fn a_lost_request_is_no_report() {
        let mut tally = tally();
        tally.offered += 1;
        let error = Report::new(facts(), &tally).unwrap_err();
        assert!(matches!(
            error,
            Error::Unaccounted {
                offered: 14,
                ended: 13
            }
        ));
    }

    #[test]
    fn the_keys_are_the_contract() {
        let json = serde_json::to_value(report()).unwrap();
        for path in [
            "/offered/requests",
            "/offered/rate",
            "/achieved/requests",
            "/achieved/rate",
            "/latency_seconds/mean",
            "/latency_seconds/p50",
            "/latency_seconds/p90",
            "/latency_seconds/p99",
            "/latency_seconds/p999",
            "/latency_seconds/max",
            "/answers/200",
            "/answers/503",
            "/errors/by_kind/connect",
            "/errors/by_kind/broken",
            "/errors/by_kind/timed_out",
            "/errors/by_kind/not_sent",
            "/errors/by_code/no_capacity",
            "/substations/substation1/requests",
            "/substations/substation1/share",
            "/late_starts",
            "/duration_seconds",
            "/seed",
            "/connections/limit",
            "/connections/opened",
        ] {
            assert!(
                json.pointer(path).is_some_and(serde_json::Value::is_number),
                "{path}"
            );
        }
        assert!(json["target"].is_string());
        assert_eq!(json["errors"]["first"]["connect"], "first connect");
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report());
    }

    #[test]
    fn nothing_answered_is_no_latency_rather_than_zero() {
        let tally = Tally::new().unwrap();
        let report = Report::new(facts(), &tally).unwrap();
        assert_eq!(report.latency_seconds, None);
        assert_eq!(
            report.offered,
            Volume {
                requests: 0,
                rate: 0.0
            }
        );
    }
}
