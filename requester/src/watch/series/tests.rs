//! Figures of series that are known.

use super::*;
use crate::report::Peak;

const SECOND: Duration = Duration::from_secs(1);

fn station(load: f64, capacity: f64) -> SubstationPage {
    SubstationPage::read(&format!(
        "substation_current_load {load}\nsubstation_capacity {capacity}\n"
    ))
}

/// Two substations of 100 and 200 kW, with these loads from second to second.
fn seen(loads: &[[f64; 2]]) -> Series {
    let first = [station(0.0, 100.0), station(0.0, 200.0)];
    let names = ["a", "b"].map(str::to_owned).into_iter();
    let mut series = Series::new(names, &first);
    for (at, [a, b]) in (0..).zip(loads) {
        let stations = [station(*a, 100.0), station(*b, 200.0)];
        series.push(SECOND * at, stations.iter().map(Some));
    }
    series
}

fn near(found: Option<Peak>, peak: f64, weighted: f64) {
    let found = found.unwrap();
    assert!((found.peak - peak).abs() < 1e-9, "{found:?}");
    assert!((found.time_weighted - weighted).abs() < 1e-9, "{found:?}");
}

#[test]
fn a_load_that_lasts_longer_weighs_more() {
    // 40 % and 40 % for three seconds, then 60 % and 20 % for one.
    let even = [40.0, 80.0];
    let grid = seen(&[even, even, even, [60.0, 40.0], even]).report(None);
    near(grid.imbalance, 1.5, (3.0 * 1.0 + 1.5) / 4.0);
    near(grid.spread_points, 40.0, 10.0);
    near(grid.utilisation, 0.4, 0.4);
    near(grid.substations["a"].utilisation, 0.6, 0.45);
    near(grid.substations["b"].load, 80.0, 70.0);
    assert_eq!((grid.looks, grid.capacity_violations), (5, Some(0)));
    assert_eq!(grid.samples.load["a"], [40.0, 40.0, 40.0, 60.0, 40.0]);
}

#[test]
fn a_load_above_capacity_is_a_violation_while_it_lasts() {
    let grid = seen(&[[100.0, 0.0], [100.5, 0.0], [101.0, 0.0], [0.0, 0.0]]).report(None);
    assert_eq!(grid.capacity_violations, Some(2));
    assert_eq!(grid.substations["a"].over_capacity_seconds, Some(2.0));
    assert_eq!(grid.substations["b"].over_capacity_seconds, Some(0.0));
}

#[test]
fn a_load_without_a_capacity_is_not_known_to_be_within_it() {
    let other = SubstationPage::read("substation_current_load 40\n");
    let first = [station(0.0, 100.0), other.clone()];
    let names = ["a", "b"].map(str::to_owned).into_iter();
    let mut series = Series::new(names, &first);
    for at in 0..3 {
        let pages = [station(40.0, 100.0), other.clone()];
        series.push(SECOND * at, pages.iter().map(Some));
    }
    let grid = series.report(None);
    assert_eq!(grid.capacity_violations, None);
    assert_eq!(grid.substations["a"].over_capacity_seconds, Some(0.0));
    assert_eq!(grid.substations["b"].over_capacity_seconds, None);
    let unread = seen(&[]).report(None);
    assert_eq!(unread.capacity_violations, None, "nothing was read");
}

#[test]
fn a_reading_that_lacks_a_substation_is_in_no_figure() {
    let mut series = seen(&[[40.0, 80.0], [40.0, 80.0]]);
    let other = station(0.0, 100.0);
    series.push(2 * SECOND, [Some(&other), None].into_iter());
    let grid = series.report(None);
    assert_eq!((grid.looks, grid.failed_looks), (2, 1));
    near(grid.spread_points, 0.0, 0.0);
}

#[test]
fn imbalance_is_the_highest_utilisation_divided_by_the_mean() {
    let found = imbalance(&[0.4, 0.2, 0.3]).unwrap();
    assert!((found - 4.0 / 3.0).abs() < 1e-12, "{found}");
    assert_eq!(imbalance(&[0.01, 0.0]), None, "the mean is too small");
    assert_eq!(imbalance(&[]), None);
}

#[test]
fn without_readings_there_are_no_figures() {
    let grid = seen(&[]).report(None);
    assert_eq!(
        (grid.imbalance, grid.spread_points, grid.utilisation),
        (None, None, None)
    );
}

#[test]
fn a_long_run_keeps_few_readings_and_exact_figures() {
    let mut loads = vec![[10.0, 20.0]; 5000];
    loads[4001] = [90.0, 20.0];
    let grid = seen(&loads).report(None);
    assert!(grid.samples.at_seconds.len() <= MAX_KEPT);
    assert!(grid.samples.at_seconds.is_sorted());
    assert_eq!(grid.looks, 5000);
    near(
        grid.substations["a"].load,
        90.0,
        (4998.0 * 10.0 + 90.0) / 4999.0,
    );
}
