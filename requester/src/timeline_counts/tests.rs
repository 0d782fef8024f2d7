//! Counts of moments.

use super::*;

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn each_moment_has_its_own_counts_and_latencies() {
    let mut moments = TimelineCounts::new(Duration::from_secs(3)).unwrap();
    for at in 0..30 {
        moments.offered(100 * MILLI * at);
    }
    for at in 0..10 {
        moments.answered(100 * MILLI * at, MILLI, false);
    }
    moments.answered(2500 * MILLI, 40 * MILLI, true);
    moments.failed(2600 * MILLI);
    let report = moments.report(2700 * MILLI);
    assert_eq!(report.interval_seconds, 1.0);
    let [first, second, third] = report.moments.as_slice() else {
        panic!("{report:?}")
    };
    assert_eq!((first.offered, first.answered, first.refused), (10, 10, 0));
    assert_eq!(first.p99_seconds, Some(0.001));
    assert_eq!((second.offered, second.answered), (10, 0));
    assert_eq!(
        second.p50_seconds, None,
        "without an answer there is no latency"
    );
    assert_eq!((third.answered, third.refused, third.failed), (1, 1, 1));
    assert_eq!(third.max_seconds.map(|max| (max * 1e3).round()), Some(40.0));
    assert!(
        (third.seconds - 0.7).abs() < 1e-9,
        "the last one was cut short"
    );
}

#[test]
fn a_long_run_has_a_limited_number_of_moments() {
    let mut moments = TimelineCounts::new(Duration::from_hours(24)).unwrap();
    moments.offered(MILLI * (24 * 3_600_000 - 1));
    moments.failed(Duration::from_hours(24 * 366));
    let report = moments.report(Duration::from_hours(25));
    assert_eq!(report.interval_seconds, 288.0);
    assert_eq!(report.moments.len(), MAX_MOMENTS);
    assert_eq!(report.moments[299].offered, 1);
}
