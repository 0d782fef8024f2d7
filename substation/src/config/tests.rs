use super::*;

fn fault(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config::new("substation1", 100.0);
    change(&mut config);
    config
        .check()
        .expect_err("the configuration must be refused")
        .to_string()
}

#[test]
fn the_defaults_are_accepted() {
    assert!(Config::new("substation1", 100.0).check().is_ok());
}

#[test]
fn every_bad_number_is_refused_with_its_name_and_value() {
    for bad in [
        0.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e-9,
        1e300,
    ] {
        let shown = format!("{bad}");
        let capacity = fault(|config| config.capacity_kw = bad);
        assert!(
            capacity.contains("capacity") && capacity.contains(&shown),
            "{capacity}"
        );
        let power = fault(|config| config.default_power_kw = bad);
        assert!(
            power.contains("default power") && power.contains(&shown),
            "{power}"
        );
        let energy = fault(|config| config.default_energy_kwh = bad);
        assert!(
            energy.contains("default energy") && energy.contains(&shown),
            "{energy}"
        );
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let scale = fault(|config| config.time_scale = bad);
        assert!(
            scale.contains("time scale") && scale.contains(&format!("{bad}")),
            "{scale}"
        );
    }
}

#[test]
fn a_capacity_may_be_as_large_as_a_proxy_counts_and_a_larger_one_is_refused_with_the_bound() {
    for capacity in [2e9, 1e11, 4e12] {
        assert!(Config::new("substation1", capacity).check().is_ok());
    }
    let fault = fault(|config| config.capacity_kw = 4.1e12);
    assert!(fault.ends_with("from 0.000001 to 4000000000000"), "{fault}");
}

#[test]
fn a_name_that_would_need_escaping_is_refused() {
    for bad in ["", "a b", "a/b", "ü", "a\"b", &"x".repeat(65)] {
        assert!(
            fault(|config| config.name = bad.into()).contains("name"),
            "{bad:?}"
        );
    }
}
