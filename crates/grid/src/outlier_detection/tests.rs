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

fn report(
    detector: &mut OutlierDetector,
    verdict: ExchangeVerdict,
    now: u64,
) -> Option<HealthChange> {
    detector.report(verdict, at(now), 0, &rules(), || true)
}

fn eject(detector: &mut OutlierDetector, verdict: ExchangeVerdict, now: u64) -> Duration {
    loop {
        if let Some(HealthChange::Ejected(_, lasts)) = report(detector, verdict, now) {
            return lasts;
        }
    }
}

#[test]
fn failures_in_a_row_eject_and_a_good_answer_in_between_does_not() {
    let mut detector = OutlierDetector::default();
    for verdict in [
        ExchangeVerdict::Bad,
        ExchangeVerdict::Bad,
        ExchangeVerdict::Good,
        ExchangeVerdict::Bad,
        ExchangeVerdict::Bad,
    ] {
        assert_eq!(report(&mut detector, verdict, 0), None);
    }
    let change = report(&mut detector, ExchangeVerdict::Bad, 0);
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
    eject(&mut detector, ExchangeVerdict::Bad, 0);
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
        report(&mut detector, ExchangeVerdict::Bad, 1_000),
        Some(HealthChange::Ejected(EjectionCause::Trial, two))
    );
    assert_eq!(detector.tick(at(2_999), true), None);
    assert_eq!(detector.tick(at(3_000), true), Some(HealthChange::Trial));
    assert!(detector.start_trial());
    assert_eq!(
        report(&mut detector, ExchangeVerdict::Good, 3_000),
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
        let lasts = eject(&mut detector, ExchangeVerdict::Bad, now);
        lasted.push(lasts.as_secs());
        now += 32_000;
        assert_eq!(detector.tick(at(now), false), Some(HealthChange::Trial));
        assert_eq!(
            report(&mut detector, ExchangeVerdict::Good, now),
            Some(HealthChange::Readmitted)
        );
    }
    assert_eq!(lasted, [1, 2, 4, 8, 16, 32, 32, 32]);
    let lasts = eject(&mut detector, ExchangeVerdict::Bad, now + 32_000);
    assert_eq!(lasts, Duration::from_secs(1));
}

#[test]
fn an_unreachable_substation_is_back_when_a_scrape_reaches_it_and_not_before() {
    let mut detector = OutlierDetector::default();
    eject(&mut detector, ExchangeVerdict::Bad, 0);
    // As when a process dies: exchanges break, then connections are refused.
    report(&mut detector, ExchangeVerdict::Unreachable, 5);
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
        for verdict in [
            ExchangeVerdict::Good,
            ExchangeVerdict::Bad,
            ExchangeVerdict::Bad,
        ] {
            exchanges += 1;
            change =
                change.or(detector.report(verdict, at(exchanges * 10), exchanges, &rules, || true));
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
        assert_eq!(
            detector.report(
                ExchangeVerdict::Bad,
                at(exchanges),
                exchanges,
                &rules,
                || true
            ),
            None
        );
        detector.report(
            ExchangeVerdict::Good,
            at(exchanges),
            exchanges,
            &rules,
            || true,
        );
    }
    let start = exchanges;
    let mut change = None;
    while change.is_none() {
        for verdict in [
            ExchangeVerdict::Good,
            ExchangeVerdict::Bad,
            ExchangeVerdict::Bad,
        ] {
            exchanges += 1;
            change = change.or(detector.report(
                verdict,
                at(exchanges + 60_000),
                exchanges,
                &rules,
                || true,
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
            detector.report(ExchangeVerdict::Bad, at(0), 0, &rules(), || false),
            None
        );
    }
    let change = detector.report(ExchangeVerdict::Unreachable, at(0), 0, &rules(), || false);
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
    eject(&mut detector, ExchangeVerdict::Unreachable, 0);
    detector.tick(at(1_000), true);
    for (now, share) in [(1_000, 0.1), (2_000, 0.2), (9_000, 0.9), (60_000, 1.0)] {
        assert!(
            (detector.share(at(now), slow) - share).abs() < 1e-9,
            "{now}"
        );
    }
}
