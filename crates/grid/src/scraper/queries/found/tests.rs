use switchyard_promql::Point;

use super::*;

/// What 15 s of scrapes look like: two substations at positions 0 and 1, and series as (position, seconds, value).
fn samples(series: &[(usize, f64, f64)], aggregate: Aggregate) -> [Result<Sample, SeriesFault>; 2] {
    with_capacities(series, &[], aggregate)
}

fn with_capacities(
    series: &[(usize, f64, f64)],
    capacities: &[(usize, f64)],
    aggregate: Aggregate,
) -> [Result<Sample, SeriesFault>; 2] {
    let one = |at, seconds: f64, value| OneSeries {
        at,
        #[expect(clippy::cast_possible_truncation, reason = "small")]
        stamp: (seconds * 1_000.0) as i64,
        value,
    };
    let found = Found {
        series: series
            .iter()
            .map(|(at, seconds, value)| one(*at, *seconds, *value))
            .collect(),
        capacities: capacities
            .iter()
            .map(|(at, value)| one(*at, 0.0, *value))
            .collect(),
        ..Found::default()
    };
    let interval = Some(Duration::from_secs(15));
    found.samples(2, aggregate, interval).try_into().unwrap()
}

fn loaded(units: f64, stamp: i64) -> Sample {
    Sample {
        stamp,
        load: Load::new(units).unwrap(),
        capacity: None,
    }
}

#[test]
fn each_substation_has_its_own_and_one_without_a_series_is_missing() {
    let both = samples(&[(1, 20.0, 5.0), (0, 10.0, 3.0)], Aggregate::None);
    assert_eq!(both, [Ok(loaded(3.0, 10_000)), Ok(loaded(5.0, 20_000))]);
    let one = samples(&[(1, 20.0, 5.0)], Aggregate::None);
    assert_eq!(one, [Err(SeriesFault::Missing), Ok(loaded(5.0, 20_000))]);
}

#[test]
fn several_series_are_a_fault_without_an_aggregate_and_one_that_has_ended_is_none() {
    let alike = [(0, 10.0, 3.0), (0, 10.0, 4.0)];
    assert_eq!(
        samples(&alike, Aggregate::None)[0],
        Err(SeriesFault::Several(2))
    );
    assert_eq!(samples(&alike, Aggregate::Sum)[0], Ok(loaded(7.0, 10_000)));
    assert_eq!(samples(&alike, Aggregate::Max)[0], Ok(loaded(4.0, 10_000)));
    // Of two scrapes at different moments a sum is as old as its oldest part.
    let apart = [(0, 10.0, 3.0), (0, 20.0, 4.0)];
    assert_eq!(
        samples(&apart, Aggregate::None)[0],
        Err(SeriesFault::Several(2))
    );
    assert_eq!(samples(&apart, Aggregate::Sum)[0], Ok(loaded(7.0, 10_000)));
    // A process that was started anew has another series.
    let renewed = [(0, 10.0, 3.0), (0, 25.0, 4.0)];
    for aggregate in [Aggregate::None, Aggregate::Sum, Aggregate::Max] {
        assert_eq!(samples(&renewed, aggregate)[0], Ok(loaded(4.0, 25_000)));
    }
}

#[test]
fn what_is_no_load_is_a_fault_also_in_a_sum() {
    for value in [f64::NAN, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
        for aggregate in [Aggregate::None, Aggregate::Sum, Aggregate::Max] {
            let fault = samples(&[(0, 10.0, value)], aggregate)[0].unwrap_err();
            assert_eq!(fault.outcome(), PollOutcome::Parse, "{fault}");
        }
    }
    for aggregate in [Aggregate::Sum, Aggregate::Max] {
        let fault = samples(&[(0, 10.0, f64::NAN), (0, 10.0, 3.0)], aggregate)[0].unwrap_err();
        assert!(matches!(fault, SeriesFault::Value(_)), "{aggregate:?}");
    }
    let large = samples(&[(0, 10.0, 1e300)], Aggregate::None)[0].unwrap_err();
    assert_eq!(large.outcome(), PollOutcome::TooLarge, "{large}");
}

#[test]
fn a_capacity_may_be_missing_and_one_that_is_none_is_left_out() {
    let of = |capacities: &[(usize, f64)], aggregate| {
        let [first, _] = with_capacities(&[(0, 10.0, 3.0)], capacities, aggregate);
        first.map(|sample| sample.capacity.map(Load::units))
    };
    assert_eq!(
        of(&[(0, 100.0), (1, 50.0)], Aggregate::None),
        Ok(Some(100.0))
    );
    assert_eq!(of(&[(1, 50.0)], Aggregate::None), Ok(None));
    assert_eq!(of(&[(0, 100.0), (0, 50.0)], Aggregate::None), Ok(None));
    assert_eq!(
        of(&[(0, 100.0), (0, 50.0)], Aggregate::Sum),
        Ok(Some(150.0))
    );
    assert_eq!(of(&[(0, f64::NAN)], Aggregate::None), Ok(None));
    assert!(of(&[(0, 1e300)], Aggregate::None).is_err());
}

#[test]
fn how_often_samples_come_is_what_most_series_show() {
    let mut found = Found::default();
    assert_eq!(found.spacing(), None);
    found.spacings = vec![15_000, 15_001, 15_000, 30_000, 2];
    assert_eq!(found.spacing(), Some(Duration::from_secs(15)));
}

#[test]
fn a_series_that_matches_nothing_is_counted_and_one_is_kept_as_an_example() {
    let mut found = Found::default();
    for label in [None, Some("10.0.0.1:9100"), Some("other")] {
        let series = Series {
            label: label.map(Into::into),
            last: Point {
                stamp: 0,
                value: 1.0,
            },
            before: None,
            is_instant: false,
        };
        found.take(&Index::default(), &series);
        found.take_capacity(&Index::default(), &series);
    }
    assert_eq!(
        (found.unmatched, found.example.as_deref()),
        (3, Some("10.0.0.1:9100"))
    );
}
