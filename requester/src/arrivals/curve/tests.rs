//! A curve with a ramp, a plateau and a gap.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn ramp() -> Curve {
    Curve::new([
        Piece {
            length: 30 * SECOND,
            from: 0.0,
            to: 100.0,
        },
        Piece::flat(40 * SECOND, 100.0),
        Piece::flat(10 * SECOND, 0.0),
        Piece {
            length: 30 * SECOND,
            from: 100.0,
            to: 0.0,
        },
    ])
    .unwrap()
}

#[test]
fn the_expected_arrivals_are_the_area_below_the_curve() {
    let curve = ramp();
    assert_eq!(curve.duration(), 110 * SECOND);
    assert!((curve.expected() - (1500.0 + 4000.0 + 1500.0)).abs() < 1e-9);
    assert!((curve.expected_before(15 * SECOND) - 375.0).abs() < 1e-9);
    assert!((curve.expected_before(75 * SECOND) - 5500.0).abs() < 1e-9);
    assert!((curve.expected_before(400 * SECOND) - 7000.0).abs() < 1e-9);
    assert_eq!(curve.rate_at(15 * SECOND), 50.0);
    assert_eq!(curve.rate_at(75 * SECOND), 0.0);
    assert_eq!(curve.rate_at(110 * SECOND), 0.0);
    assert_eq!(curve.peak(), 100.0);
}

#[test]
fn the_inverse_inverts_the_curve_everywhere() {
    let curve = ramp();
    let mut inverse = Inverse::new(curve.clone());
    let mut arrivals = 0.0;
    while arrivals < 7000.0 {
        let at = inverse.time_of(arrivals).unwrap();
        let found = curve.expected_before(at);
        assert!((found - arrivals).abs() < 1e-3, "{arrivals}: {found}");
        arrivals += 0.7;
    }
    assert_eq!(inverse.time_of(7000.0), None);
    assert_eq!(inverse.time_of(f64::INFINITY), None);
}

#[test]
fn an_invalid_rate_is_refused() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e7] {
        let error = Curve::new([Piece::flat(SECOND, rate)]).unwrap_err();
        assert!(error.to_string().starts_with("--rate"), "{error}");
    }
    assert!(Curve::new([]).is_err());
}
