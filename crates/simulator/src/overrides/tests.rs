//! Overrides of a scenario that is known.

use switchyard_simulator::catalogue;

use super::*;

#[test]
fn without_options_the_scenario_is_unchanged() {
    let scenario = catalogue::one_proxy();
    let same = Overrides::default().apply(&scenario);
    assert_eq!(format!("{same:?}"), format!("{scenario:?}"));
}

#[test]
fn options_replace_parameters_and_the_time_grows_with_the_session() {
    let overrides = Overrides {
        session: Some(Duration::from_secs(50)),
        shares: vec![2.0, 1.0],
        ..Overrides::default()
    };
    let scenario = catalogue::one_proxy();
    let changed = overrides.apply(&scenario);
    assert_eq!(changed.shares, [2.0, 1.0]);
    assert_eq!(changed.capacities, scenario.capacities);
    assert_eq!(changed.warm_up, scenario.warm_up * 10);
}

#[test]
fn a_part_is_from_zero_to_one() {
    assert_eq!(
        [part("0"), part("0.25"), part("1")],
        [Ok(0.0), Ok(0.25), Ok(1.0)]
    );
    for wrong in ["-0.1", "1.1", "NaN", "all"] {
        assert!(part(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_number_must_be_above_zero() {
    assert!(positive("7").is_ok());
    for wrong in ["0", "-1", "NaN", "inf", "seven", "5e12"] {
        assert!(positive(wrong).is_err(), "{wrong}");
    }
}
