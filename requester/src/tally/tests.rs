//! Counts of requests that are known.

use super::*;

fn ok() -> Answer {
    Answer::test(200, None)
}

fn empty() -> Tally {
    Tally::new(Duration::from_secs(10)).unwrap()
}

fn job() -> Job {
    Job::test(Duration::ZERO, 11.0)
}

#[test]
fn quantiles_match_the_latencies() {
    let mut tally = empty();
    assert_eq!(tally.quantile(0.5), None);
    for millis in 1..=1000 {
        tally.answered(&job(), Duration::from_millis(millis), &ok());
    }
    for (part, millis) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0)] {
        let found = tally.quantile(part).unwrap().as_secs_f64() * 1000.0;
        assert!((found / millis - 1.0).abs() < 0.001, "{part}: {found} ms");
    }
}

#[test]
fn microseconds_and_minutes_are_both_kept_to_three_digits() {
    for latency in [Duration::from_micros(3), Duration::from_secs(75)] {
        let mut tally = empty();
        tally.answered(&job(), latency, &ok());
        let found = tally.quantile(1.0).unwrap().as_secs_f64();
        assert!(
            (found / latency.as_secs_f64() - 1.0).abs() < 0.001,
            "{found}"
        );
    }
    let mut tally = empty();
    tally.answered(&job(), Duration::MAX, &ok());
    assert!(tally.quantile(1.0).unwrap() >= Duration::from_hours(24));
}

#[test]
fn a_start_more_than_a_millisecond_late_counts_as_late() {
    let mut tally = empty();
    let (in_time, late) = (Duration::from_millis(1), Duration::from_micros(1001));
    tally.started(in_time, in_time);
    assert_eq!(tally.late_starts, 0);
    tally.started(late, late);
    assert_eq!((tally.late_starts, tally.late_by_itself), (1, 1));
    tally.started(late, in_time);
    assert_eq!((tally.late_starts, tally.late_by_itself), (2, 1));
}

#[test]
fn too_many_names_are_counted_together() {
    let mut names = NamedCounts::default();
    for number in 0..3000 {
        names.count(&number.to_string());
    }
    assert_eq!(names.0.len(), MAX_NAMES + 1);
    assert_eq!(names.0[OTHERS], 2000);
    assert_eq!(names.0.values().sum::<u64>(), 3000);
}
