//! Runs of which it is known what limited them.

use std::time::Duration;

use super::*;
use crate::answer::Answer;
use crate::build_report::tests::facts;
use crate::job::{Crowd, Job};

const MS: Duration = Duration::from_millis(1);

/// A hundred answers, each after this time; `own` is the load generator's part of it.
fn answered(latency: Duration, own: Duration) -> Tally {
    let mut tally = Tally::new(Duration::from_secs(2)).unwrap();
    answer(&mut tally, 100, latency, own, Crowd::Some);
    tally
}

fn answer(tally: &mut Tally, count: u32, latency: Duration, own: Duration, crowd: Crowd) {
    let mut job = Job::test(Duration::ZERO, 11.0);
    (job.own_lag, job.crowd) = (Some(own), crowd);
    for _ in 0..count {
        tally.offered(&job);
        tally.started(own, own);
        tally.answered(&job, latency, &Answer::test(200, None));
    }
}

fn fail(tally: &mut Tally, failure: Failure) {
    let job = Job::test(Duration::ZERO, 11.0);
    tally.offered(&job);
    tally.failed(job.at, failure, String::new);
}

#[test]
fn a_lag_counts_by_what_it_costs() {
    let costly = tester(&facts(), &answered(10 * MS, 5 * MS)).bottlenecks;
    assert_eq!(
        costly,
        [
            "100.0 % of the requests left more than 1 ms late, which raised the p99 latency from 5 ms to 10.01 ms. \
             It was busy for only 10 % of the time, so something else used the CPU: give it more of a core."
        ]
    );
    let cheap = tester(&facts(), &answered(100 * MS, 5 * MS));
    assert_eq!(cheap.bottlenecks, Vec::<String>::new(), "5 ms of 100");
    assert_eq!(cheap.late_starts, 100, "they are still counted");
    let without = cheap.latency_without_lag_seconds.unwrap();
    assert!((without.p50 - 0.095).abs() < 1e-4, "{without:?}");
}

#[test]
fn a_limit_of_connections_is_the_generators_where_the_target_keeps_up() {
    let mut tally = answered(10 * MS, Duration::ZERO);
    answer(&mut tally, 10, 10 * MS, Duration::ZERO, Crowd::Few);
    answer(&mut tally, 50, 12 * MS, Duration::ZERO, Crowd::Most);
    fail(&mut tally, Failure::NotSent);
    let found = tester(&facts(), &tally).bottlenecks;
    assert_eq!(
        found,
        [
            "1 requests found all 100 connections busy and were not sent. Allow more connections, or lower the rate."
        ]
    );
    assert_eq!(remarks(&facts(), &tally), Vec::<String>::new());
}

#[test]
fn a_saturated_target_is_not_the_generators_bottleneck() {
    let mut slower = answered(10 * MS, Duration::ZERO);
    answer(&mut slower, 10, 10 * MS, Duration::ZERO, Crowd::Few);
    answer(&mut slower, 50, 60 * MS, Duration::ZERO, Crowd::Most);
    let mut silent = answered(10 * MS, Duration::ZERO);
    fail(&mut silent, Failure::TimedOut);
    for (mut tally, why) in [
        (
            slower,
            "an answer took 10 ms while few connections were busy, and 6 times as long while most were",
        ),
        (silent, "1 requests timed out"),
    ] {
        fail(&mut tally, Failure::NotSent);
        assert_eq!(tester(&facts(), &tally).bottlenecks, Vec::<String>::new());
        assert_eq!(
            remarks(&facts(), &tally),
            [format!(
                "The target did not keep up: {why}. 1 requests found all 100 connections busy and were not sent."
            )]
        );
    }
}

#[test]
fn a_wait_for_a_connection_is_not_the_generators_lag() {
    let mut tally = Tally::new(Duration::from_secs(2)).unwrap();
    let mut job = Job::test(Duration::ZERO, 11.0);
    job.own_lag = Some(Duration::ZERO);
    for _ in 0..10 {
        tally.offered(&job);
        tally.started(20 * MS, Duration::ZERO);
        tally.answered(&job, 30 * MS, &Answer::test(200, None));
    }
    let tester = tester(&facts(), &tally);
    assert_eq!((tester.late_starts, tally.late_starts), (0, 10));
    assert_eq!(tester.bottlenecks, Vec::<String>::new());
    let remarks = remarks(&facts(), &tally);
    assert!(
        remarks[0]
            .starts_with("100.0 % of the requests waited more than 1 ms for a new connection"),
        "{remarks:?}"
    );
}
