//! Reports of counts that are known.

use std::time::Duration;

use super::*;
use crate::answer::Answer;
use crate::job::Job;
use crate::report::{MalformedCount, Peak, ProxyCounters, Samples, StationLoad};

/// 8 × 200, 1 × 503, one of each failure.
fn tally() -> Tally {
    let mut tally = Tally::new(Duration::from_secs(2)).unwrap();
    let job = Job::test(Duration::ZERO, 10.0);
    for _ in 0..13 {
        tally.offered(&job);
    }
    for millis in 1..=8 {
        let name = if millis <= 6 {
            "substation1"
        } else {
            "substation2"
        };
        tally.answered(
            &job,
            Duration::from_millis(millis),
            &Answer::test(200, Some(name)),
        );
    }
    let mut refusal = Answer::test(503, None);
    refusal.push(&r#"{"error":{"code":"no_capacity"}}"#.into());
    tally.answered(&job, Duration::from_millis(9), &refusal);
    for kind in Failure::VARIANTS {
        tally.failed(job.at, *kind, || format!("first {}", kind.name()));
        tally.started(Duration::from_millis(2), Duration::from_millis(2));
    }
    tally.connections_opened = 3;
    tally
}

pub(crate) fn facts() -> RunFacts {
    RunFacts {
        target: "http://127.0.0.1:8080/request_charge".to_owned(),
        scenario: "steady 6.5/s".to_owned(),
        seed: 7,
        connections: 100,
        offered_for: Duration::from_secs(2),
        duration: Duration::from_secs(3),
        cpu: Some(Duration::from_millis(300)),
        one_thread: true,
        unplugged: None,
        watched: None,
    }
}

pub(crate) fn report() -> Report {
    build_report(facts(), &tally()).unwrap()
}

#[test]
fn a_report_accounts_for_every_offered_request() {
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
fn a_lost_request_is_an_error() {
    let mut tally = tally();
    tally.offered += 1;
    let error = build_report(facts(), &tally).unwrap_err();
    assert!(matches!(
        error,
        Error::Unaccounted {
            offered: 14,
            ended: 13
        }
    ));
}

#[test]
fn the_json_has_the_keys_of_the_contract() {
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
fn without_an_answer_there_is_no_latency() {
    let tally = Tally::new(Duration::from_secs(2)).unwrap();
    let report = build_report(facts(), &tally).unwrap();
    assert_eq!(report.latency_seconds, None);
    assert_eq!(
        report.offered,
        Volume {
            requests: 0,
            rate: 0.0
        }
    );
}

#[test]
fn energy_is_counted_as_asked_for_and_as_booked() {
    let report = report();
    assert_eq!(
        (report.energy_kwh.asked, report.energy_kwh.booked),
        (130.0, 80.0)
    );
}

#[test]
fn a_refusal_for_lack_of_capacity_or_of_a_malformed_request_is_no_error() {
    let mut report = report();
    assert_eq!((report.refused(), report.errors()), (1, 4));
    report.answers.insert(400, 3);
    assert_eq!(report.errors(), 7);
    report.malformed = MalformedCount {
        offered: 4,
        refused: 3,
        accepted: 1,
    };
    assert_eq!(report.errors(), 5, "the accepted one is an error");
}

#[test]
fn the_report_tells_the_generators_own_lag() {
    let tester = report().tester;
    let lag = tester.lag_seconds.unwrap();
    assert!((lag.max - 0.002).abs() < 1e-5, "{lag:?}");
    assert!((tester.cpu_share.unwrap() - 0.1).abs() < 1e-9);
    assert_eq!(tester.late_starts, 4);
    let busy = RunFacts {
        cpu: Some(Duration::from_millis(2800)),
        ..facts()
    };
    let tester = build_report(busy, &tally()).unwrap().tester;
    assert!(
        tester.bottlenecks[0].contains("busy for 93 %"),
        "{:?}",
        tester.bottlenecks
    );
}

#[test]
fn requests_without_an_answer_are_slower_than_any_with_one() {
    // 9 answers of 1 to 9 ms, 4 without.
    let report = report();
    let (all, answers) = (
        report.latency_of_all_seconds.unwrap(),
        report.latency_seconds.unwrap(),
    );
    assert!(
        (all.p50.unwrap() - 0.007).abs() < 1e-5,
        "the 7th of 13: {all:?}"
    );
    assert_eq!(
        (all.p90, all.p99, all.p999, all.max),
        (None, None, None, None)
    );
    assert_eq!(all.mean, None);
    assert!((answers.p50 - 0.005).abs() < 1e-5, "the 5th of 9");
    let mut tally = tally();
    tally.offered -= 4;
    tally.failures.clear();
    let report = build_report(facts(), &tally).unwrap();
    let all = report.latency_of_all_seconds.unwrap();
    let answers = report.latency_seconds.unwrap();
    assert_eq!((all.mean, all.p50), (Some(answers.mean), Some(answers.p50)));
    assert_eq!((all.p99, all.max), (Some(answers.p99), Some(answers.max)));
}

#[test]
fn ranks_are_exact_where_the_part_is() {
    for (part, of, expected) in [
        (0.5, 1000, 500),
        (0.9, 1000, 900),
        (0.99, 1000, 990),
        (0.999, 1000, 999),
        (0.99, 100_000_000, 99_000_000),
        (0.5, 3, 2),
        (1.0, 7, 7),
        (0.5, 0, 1),
    ] {
        assert_eq!(rank(part, of), expected, "{part} of {of}");
    }
}

#[test]
fn the_latency_curve_rises_to_the_maximum() {
    let curve = report().latency_curve;
    assert!(curve.is_sorted_by(|a, b| a.percent <= b.percent && a.seconds <= b.seconds));
    assert_eq!(curve.last().map(|point| point.percent), Some(100.0));
    assert!((curve.last().unwrap().seconds - 0.009).abs() < 1e-4);
}

/// The same, with substations that were watched.
pub(crate) fn watched_report() -> Report {
    let mut report = report();
    let over = |peak, time_weighted| {
        Some(Peak {
            peak,
            time_weighted,
        })
    };
    let station = |capacity: f64| StationLoad {
        capacity: Some(capacity),
        load: over(0.8 * capacity, 0.5 * capacity),
        utilisation: over(0.8, 0.5),
        over_capacity_seconds: Some(0.0),
    };
    let load = |capacity: f64| vec![0.1 * capacity, 0.8 * capacity, 0.4 * capacity];
    let substations = [("substation1", 300.0), ("substation2", 100.0)];
    report.grid = Some(Grid {
        looks: 3,
        failed_looks: 0,
        imbalance: over(1.02, 1.01),
        spread_points: over(1.5, 0.5),
        utilisation: over(0.8, 0.5),
        capacity_violations: Some(0),
        energy_delivered_kwh: Some(60.0),
        substations: substations
            .map(|(name, kw)| (name.to_owned(), station(kw)))
            .into(),
        feeders: BTreeMap::new(),
        samples: Samples {
            at_seconds: vec![0.0, 1.0, 2.0],
            load: substations
                .map(|(name, kw)| (name.to_owned(), load(kw)))
                .into(),
        },
    });
    report.counters = Some(Counters {
        agree: true,
        differences: Vec::new(),
        not_measured: Vec::new(),
        tester_booked: 8,
        tester_answered: 9,
        proxy: Some(ProxyCounters {
            booked: 8,
            refused: 1,
            ..ProxyCounters::default()
        }),
        substations: BTreeMap::new(),
    });
    report.unplugged = Some(Unplugged {
        planned: 1,
        done: 1,
        ..Unplugged::default()
    });
    report
}

/// The report of a run in which nothing was offered.
pub(crate) fn empty_report(duration: Duration) -> Report {
    let tally = Tally::new(duration).unwrap();
    build_report(
        RunFacts {
            duration,
            ..facts()
        },
        &tally,
    )
    .unwrap()
}
