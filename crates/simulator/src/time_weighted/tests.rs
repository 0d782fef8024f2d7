//! A value that changes within and outside the measured time.

use super::*;

#[test]
fn only_the_time_between_the_two_moments_counts() {
    let second = Duration::from_secs;
    let mut value = TimeWeighted::new(second(10), second(20), 1.0);
    value.set(9.0);
    value.advance(second(10));
    value.set(2.0);
    value.advance(second(15));
    value.set(7.0);
    value.advance(second(15));
    value.set(1.0);
    value.advance(second(30));
    value.set(9.0);
    value.advance(second(40));
    assert!((value.average() - 1.5).abs() < 1e-12);
    assert!((value.peak() - 2.0).abs() < 1e-12, "7 lasted no time");
}
