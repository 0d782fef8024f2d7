//! Positions and ticks of each scale.

use super::*;

#[test]
fn a_linear_axis_ends_at_a_round_number() {
    for (highest, to, ticks) in [
        (730.0, 800.0, 5),
        (100.0, 100.0, 6),
        (0.97, 1.0, 6),
        (3.2, 4.0, 5),
        (0.0, 1.0, 6),
    ] {
        let scale = Scale::linear(highest);
        let Scale::Linear { to: found, .. } = scale else {
            panic!()
        };
        assert!((found / to - 1.0).abs() < 1e-9, "{highest}: {found}");
        assert_eq!(scale.ticks().len(), ticks, "{highest}: {:?}", scale.ticks());
    }
    assert_eq!(Scale::linear(200.0).position(50.0), 0.25);
    assert_eq!(Scale::linear(200.0).position(f64::NAN), 0.0);
}

#[test]
fn a_logarithmic_axis_contains_all_values() {
    let scale = Scale::log([0.0, 0.000_2, 0.03].into_iter());
    assert_eq!(scale, Scale::Log { from: -4, to: -1 });
    assert!((scale.position(0.001) - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!(scale.position(0.0), 0.0);
    assert_eq!(Scale::log([].into_iter()), Scale::Log { from: 0, to: 1 });
}

#[test]
fn nines_are_equally_far_apart() {
    let scale = Scale::percentile(20_000);
    let ticks = scale.ticks();
    assert_eq!(ticks.len(), 5);
    assert!((scale.position(99.0) - 0.5).abs() < 1e-9);
    assert!((scale.position(99.9) - 0.75).abs() < 1e-9);
    assert_eq!(scale.position(100.0), 1.0);
}
