//! Arrivals along each shape.

use super::*;
use crate::arrivals::{ArrivalTimes, Arrivals};

const MINUTE: Duration = Duration::from_mins(1);

/// The number of arrivals in each of `parts` equal parts of a minute.
fn counts(curve: Curve, parts: u32) -> Vec<usize> {
    let times: Vec<_> = ArrivalTimes::new(Arrivals::Even, curve, 1).collect();
    let part = MINUTE / parts;
    let within = |number| {
        let (from, to) = (part * number, part * (number + 1));
        times.iter().filter(|at| (from..to).contains(*at)).count()
    };
    (0..parts).map(within).collect()
}

fn are_near(found: &[usize], expected: &[usize]) {
    let near = |(a, b): (&usize, &usize)| a.abs_diff(*b) <= 1;
    let all = found.len() == expected.len() && found.iter().zip(expected).all(near);
    assert!(all, "{found:?} for {expected:?}");
}

#[test]
fn each_curve_has_the_shape_of_its_name() {
    let steady = Curve::steady(10.0, MINUTE).unwrap();
    are_near(&counts(steady, 3), &[200, 200, 200]);
    let spike = Curve::spike(10.0, 100.0, MINUTE).unwrap();
    are_near(&counts(spike, 5), &[120, 120, 1200, 120, 120]);
    let steps = Curve::steps(&[10.0, 0.0, 30.0], MINUTE).unwrap();
    are_near(&counts(steps, 3), &[200, 0, 600]);
    let trapezoid = Curve::trapezoid(100.0, 0.3, MINUTE).unwrap();
    // 18 s up, 24 s on top, 18 s down.
    are_near(
        &counts(trapezoid, 10),
        &[100, 300, 500, 600, 600, 600, 600, 500, 300, 100],
    );
}

#[test]
fn an_invalid_ramp_is_refused() {
    for ramp in [0.0, 0.51, -1.0, f64::NAN] {
        let error = Curve::trapezoid(1.0, ramp, MINUTE).unwrap_err();
        assert!(error.to_string().starts_with("--ramp"), "{error}");
    }
    assert!(Curve::steps(&[], MINUTE).is_err());
}
