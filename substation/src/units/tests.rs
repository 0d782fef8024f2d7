use super::*;
use proptest::prelude::*;

#[test]
fn only_positive_numbers_within_bounds_are_a_power() {
    for bad in [
        0.0,
        -0.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        -f64::INFINITY,
        4e-7,
        1e6 + 1.0,
    ] {
        assert_eq!(Power::from_kw(bad), None, "{bad}");
        assert_eq!(Energy::from_kwh(bad), None, "{bad}");
    }
    assert_eq!(Power::from_kw(1e-6).map(Power::kw), Some(1e-6));
    assert_eq!(Power::from_kw(1e6).map(Power::kw), Some(1e6));
}

#[test]
fn a_sum_may_reach_its_limit_and_not_pass_it() {
    let (ten, one) = (Power(10), Power(1));
    assert_eq!(Power(9).plus_within(one, ten), Some(ten));
    assert_eq!(ten.plus_within(one, ten), None);
    assert_eq!(Power(u64::MAX).plus_within(one, Power(u64::MAX)), None);
}

proptest! {
    #[test]
    fn a_decimal_of_a_kilowatt_is_kept_exactly(steps in 1_u64..1_000_000_000_000) {
        let written = format!("{}.{:06}", steps / 1_000_000, steps % 1_000_000);
        let kw: f64 = written.parse().unwrap();
        prop_assert_eq!(Power::from_kw(kw), Some(Power(steps)));
        prop_assert_eq!(Power(steps).kw(), kw);
    }
}
