//! Drawn powers against their weights.

use super::*;
use crate::vehicle::{Cars, Vehicles};

#[test]
fn powers_are_drawn_by_their_weights() {
    let vehicles = Vehicles::new(Cars::default(), 42).take(100_000);
    let powers: Vec<f64> = vehicles.map(|vehicle| vehicle.power_kw).collect();
    for (power, weight) in USUAL {
        let drawn = powers.iter().filter(|drawn| **drawn == power).count();
        let percent = f64::from(u32::try_from(drawn).unwrap()) / 1000.0;
        assert!(
            (percent - weight).abs() < 0.7,
            "{power} kW: {percent} % for {weight} %"
        );
    }
}

#[test]
fn a_single_power_is_always_drawn() {
    let cars = Cars {
        powers_kw: Powers::even(&[22.0]).unwrap(),
        ..Cars::default()
    };
    let mut vehicles = Vehicles::new(cars, 1).take(1000);
    assert!(vehicles.all(|vehicle| vehicle.power_kw == 22.0));
}

#[test]
fn invalid_powers_are_refused() {
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = Powers::even(&[11.0, wrong]).unwrap_err().to_string();
        assert!(error.starts_with("--power-kw"), "{error}");
        assert!(Powers::weighted([(11.0, wrong)]).is_err());
    }
    assert!(Powers::even(&[]).is_err());
}
