//! Ejection, trial and readmission of one substation, moment by moment.

use super::*;

fn at(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

fn rules() -> config::Health {
    config::Health {
        success_rate: 0.0,
        ..config::Health::default()
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug)]
enum Ended {
    Good,
    Unreachable,
    Bad,
}

use Ended::{Bad, Good, Unreachable};

/// A failure of one client that is the only one, while all goes well elsewhere.
fn alone() -> Evidence<'static> {
    Evidence {
        blame: Blame::default(),
        elsewhere: Elsewhere::default(),
        believes: &|_| true,
    }
}

fn tell(
    detector: &mut OutlierDetector,
    ended: Ended,
    now: u64,
    exchanges: u64,
    rules: &config::Health,
) -> Option<HealthChange> {
    match ended {
        Good => detector.good(at(now)),
        Unreachable => detector.unreachable(at(now), rules),
        Bad => {
            let judged = detector.failed(&alone(), at(now), exchanges, rules, || true);
            judged.expect("nothing excuses it")
        }
    }
}

fn report(detector: &mut OutlierDetector, ended: Ended, now: u64) -> Option<HealthChange> {
    tell(detector, ended, now, 0, &rules())
}

fn eject(detector: &mut OutlierDetector, ended: Ended, now: u64) -> Duration {
    loop {
        if let Some(HealthChange::Ejected(_, lasts)) = report(detector, ended, now) {
            return lasts;
        }
    }
}

#[test]
fn failures_in_a_row_eject_and_a_good_answer_in_between_does_not() {
    let mut detector = OutlierDetector::default();
    for verdict in [Bad, Bad, Good, Bad, Bad] {
        assert_eq!(report(&mut detector, verdict, 0), None);
    }
    let change = report(&mut detector, Bad, 0);
    let second = Duration::from_secs(1);
    assert_eq!(
        change,
        Some(HealthChange::Ejected(EjectionCause::InARow, second))
    );
    assert_eq!(detector.stage(), Stage::Ejected(at(1_000)));
}

#[test]
fn one_request_is_the_trial_and_decides() {
    let mut detector = OutlierDetector::default();
    eject(&mut detector, Bad, 0);
    assert!(!detector.start_trial());
    assert_eq!(
        detector.tick(at(999), true),
        None,
        "a scrape is not a charge"
    );
    assert_eq!(detector.tick(at(1_000), false), Some(HealthChange::Trial));
    assert!(detector.start_trial());
    assert!(!detector.start_trial(), "one at a time");
    detector.abandon_trial();
    assert!(
        detector.start_trial(),
        "the previous one ended without a verdict"
    );
    let two = Duration::from_secs(2);
    assert_eq!(
        report(&mut detector, Bad, 1_000),
        Some(HealthChange::Ejected(EjectionCause::Trial, two))
    );
    assert_eq!(detector.tick(at(2_999), true), None);
    assert_eq!(detector.tick(at(3_000), true), Some(HealthChange::Trial));
    assert!(detector.start_trial());
    assert_eq!(
        report(&mut detector, Good, 3_000),
        Some(HealthChange::Readmitted)
    );
    assert!(detector.is_clean());
}

#[test]
fn ejections_grow_to_the_longest_and_start_over_after_a_long_time_without() {
    let mut detector = OutlierDetector::default();
    let mut now = 0;
    let mut lasted = Vec::new();
    for _ in 0..8 {
        let lasts = eject(&mut detector, Bad, now);
        lasted.push(lasts.as_secs());
        now += 32_000;
        assert_eq!(detector.tick(at(now), false), Some(HealthChange::Trial));
        assert_eq!(
            report(&mut detector, Good, now),
            Some(HealthChange::Readmitted)
        );
    }
    assert_eq!(lasted, [1, 2, 4, 8, 16, 32, 32, 32]);
    let lasts = eject(&mut detector, Bad, now + 32_000);
    assert_eq!(lasts, Duration::from_secs(1));
}

#[test]
fn an_unreachable_substation_is_back_when_a_scrape_reaches_it_and_not_before() {
    let mut detector = OutlierDetector::default();
    eject(&mut detector, Bad, 0);
    // As when a process dies: exchanges break, then connections are refused.
    report(&mut detector, Unreachable, 5);
    assert!(detector.is_unreachable());
    assert_eq!(detector.tick(at(60_000), false), None, "a trial would fail");
    assert_eq!(
        detector.tick(at(60_001), true),
        Some(HealthChange::Readmitted)
    );
    assert!(detector.is_clean());
}

#[test]
fn a_high_share_of_failures_ejects_but_not_after_a_few_requests() {
    let rules = config::Health::default();
    let mut detector = OutlierDetector::default();
    let mut exchanges = 0;
    // Two of three fail, never three in a row.
    let mut change = None;
    while change.is_none() {
        for verdict in [Good, Bad, Bad] {
            exchanges += 1;
            change = change.or(tell(
                &mut detector,
                verdict,
                exchanges * 10,
                exchanges,
                &rules,
            ));
        }
        assert!(exchanges < 100);
    }
    let Some(HealthChange::Ejected(EjectionCause::Rate, _)) = change else {
        panic!("{change:?}")
    };
    assert!(
        (rules.requests..rules.requests + 4).contains(&exchanges),
        "{exchanges}"
    );
}

#[test]
fn exchanges_before_the_window_do_not_count() {
    let rules = config::Health::default();
    let mut detector = OutlierDetector::default();
    let mut exchanges = 0;
    // One failure in ten for a long time, then a long quiet time, then two in three.
    for _ in 0..1_000 {
        exchanges += 10;
        assert_eq!(tell(&mut detector, Bad, exchanges, exchanges, &rules), None);
        tell(&mut detector, Good, exchanges, exchanges, &rules);
    }
    let start = exchanges;
    let mut change = None;
    while change.is_none() {
        for verdict in [Good, Bad, Bad] {
            exchanges += 1;
            change = change.or(tell(
                &mut detector,
                verdict,
                exchanges + 60_000,
                exchanges,
                &rules,
            ));
        }
        assert!(exchanges - start < 100);
    }
}

#[test]
fn the_cap_keeps_a_failing_substation_in_but_not_an_unreachable_one() {
    let mut detector = OutlierDetector::default();
    for _ in 0..10 {
        assert_eq!(
            detector.failed(&alone(), at(0), 0, &rules(), || false),
            Ok(None)
        );
    }
    let change = detector.unreachable(at(0), &rules());
    assert!(matches!(change, Some(HealthChange::Ejected(..))));
}

#[test]
fn slow_start_raises_the_share_from_a_tenth_to_the_whole() {
    let mut detector = OutlierDetector::default();
    let slow = Duration::from_secs(9);
    assert!(
        (detector.share(at(0), slow) - 1.0).abs() < 1e-9,
        "at the start it has its whole share"
    );
    eject(&mut detector, Unreachable, 0);
    detector.tick(at(1_000), true);
    for (now, share) in [(1_000, 0.1), (2_000, 0.2), (9_000, 0.9), (60_000, 1.0)] {
        assert!(
            (detector.share(at(now), slow) - share).abs() < 1e-9,
            "{now}"
        );
    }
}

#[test]
fn a_request_that_comes_again_and_again_counts_once() {
    let mut detector = OutlierDetector::default();
    let rules = config::Health::default();
    report(&mut detector, Bad, 0);
    let mut again = alone();
    again.blame.is_repeat = true;
    for exchanges in 2..200 {
        let judged = detector.failed(&again, at(exchanges), exchanges, &rules, || true);
        assert_eq!(judged, Err(Excuse::Repeat));
    }
    assert_eq!(detector.failures(), 1);
}

#[test]
fn a_client_alone_ejects_nothing_that_serves_others_and_a_second_client_does() {
    let mut detector = OutlierDetector::default();
    let rules = rules();
    let of = |number: u32| Evidence {
        blame: Blame {
            source: Source::of(std::net::IpAddr::V4(number.into())),
            is_repeat: false,
        },
        believes: &|_| false,
        ..alone()
    };
    let mut tell = |number| detector.failed(&of(number), at(0), 0, &rules, || true);
    assert_eq!([tell(1), tell(1)], [Ok(None); 2]);
    for _ in 0..1_000 {
        assert_eq!(tell(1), Err(Excuse::Client));
    }
    assert_eq!(
        tell(2),
        Err(Excuse::Client),
        "a single one may be by chance"
    );
    assert!(matches!(tell(2), Ok(Some(HealthChange::Ejected(..)))));
}

#[test]
fn what_fails_everywhere_ejects_nothing_until_it_is_more_than_chance() {
    let mut detector = OutlierDetector::default();
    let half = Evidence {
        elsewhere: Elsewhere {
            failing: 0.5,
            is_common: false,
        },
        ..alone()
    };
    let mut run = 0;
    loop {
        run += 1;
        match detector.failed(&half, at(0), 0, &rules(), || true) {
            Ok(Some(HealthChange::Ejected(EjectionCause::InARow, _))) => break,
            Ok(None) => assert!(run < 3, "{run}"),
            Err(Excuse::Elsewhere) => assert!((3..30).contains(&run), "{run}"),
            other => panic!("{run}: {other:?}"),
        }
    }
    assert_eq!(run, 30);
}

#[test]
fn a_trial_that_fails_while_others_fail_too_costs_no_more_than_a_first_ejection() {
    let mut detector = OutlierDetector::default();
    eject(&mut detector, Bad, 0);
    let common = Evidence {
        elsewhere: Elsewhere {
            failing: 0.9,
            is_common: true,
        },
        ..alone()
    };
    for second in 1..10 {
        assert_eq!(
            detector.tick(at(1_000 * second), true),
            Some(HealthChange::Trial)
        );
        assert!(detector.start_trial());
        let judged = detector.failed(&common, at(1_000 * second), 0, &rules(), || true);
        assert_eq!(judged, Err(Excuse::Elsewhere));
    }
    assert_eq!(detector.ejections(), 1);
}

const WAITED: Duration = Duration::from_millis(200);

fn silent(detector: &mut OutlierDetector, now: u64, may_eject: bool) -> Option<HealthChange> {
    detector.silent(at(now), WAITED, &rules(), || may_eject)
}

#[test]
fn connections_that_are_not_accepted_at_the_same_time_count_once() {
    let mut detector = OutlierDetector::default();
    for _ in 0..1_000 {
        assert_eq!(silent(&mut detector, 200, true), None);
    }
    assert_eq!(detector.failures(), 1);
    // Those that it has go on, and answer.
    detector.good(at(250));
    for now in 300..500 {
        assert_eq!(silent(&mut detector, now, true), None);
    }
    assert!(detector.failures() < 3);
}

#[test]
fn one_that_accepts_nothing_is_ejected_if_that_many_may_be() {
    for may_eject in [true, false] {
        let mut detector = OutlierDetector::default();
        assert_eq!(silent(&mut detector, 200, may_eject), None);
        assert_eq!(silent(&mut detector, 400, may_eject), None);
        let change = silent(&mut detector, 600, may_eject);
        let is_ejected = matches!(
            change,
            Some(HealthChange::Ejected(EjectionCause::InARow, _))
        );
        assert_eq!(is_ejected, may_eject);
        assert_eq!(detector.is_unreachable(), may_eject);
    }
}

#[test]
fn a_trial_that_is_not_accepted_fails_whenever_the_last_one_was() {
    let mut detector = OutlierDetector::default();
    eject(&mut detector, Bad, 0);
    detector.tick(at(60_000), true);
    assert!(detector.start_trial());
    let change = silent(&mut detector, 60_100, false);
    let ejection = 2 * rules().ejection;
    assert_eq!(
        change,
        Some(HealthChange::Ejected(EjectionCause::Trial, ejection))
    );
}
