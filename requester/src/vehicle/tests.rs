//! Request bodies, and the draws of the parts.

use super::*;

fn body(vehicle: &Vehicle) -> String {
    let mut body = String::new();
    vehicle.write_body(&mut body).unwrap();
    body
}

#[test]
fn the_body_is_the_json_of_a_charge_request() {
    let vehicle = Vehicle {
        run: 1,
        number: 17,
        power_kw: 7.4,
        energy_kwh: 11.0,
        malformed: None,
        unplug_after: None,
    };
    assert_eq!(
        body(&vehicle),
        r#"{"vehicle_id":"ev-1-17","power_kw":7.4,"energy_kwh":11}"#
    );
    for extreme in [1e300, 1e-300] {
        let text = body(&Vehicle {
            power_kw: extreme,
            ..vehicle
        });
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let power = read["power_kw"].as_f64().unwrap();
        assert!((power / extreme - 1.0).abs() < 1e-9, "{power}");
    }
}

#[test]
fn a_power_or_an_energy_that_no_proxy_counts_is_refused_with_the_bound() {
    assert!(Powers::even(&[2e9, 4e12]).is_ok());
    let energy = |kwh| Cars {
        energy_kwh: Energy::Fixed(kwh),
        ..Cars::default()
    };
    assert!(energy(4e12).check().is_ok());
    for error in [
        Powers::even(&[5e12]).unwrap_err(),
        energy(5e12).check().unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(error.contains("5e12 must be at most 4e12"), "{error}");
    }
}

#[test]
fn the_parts_are_drawn_and_change_nothing_else() {
    let usual = Cars::default();
    let some = Cars {
        malformed: 0.1,
        early_unplug: 0.25,
        ..usual.clone()
    };
    let plain: Vec<_> = Vehicles::new(usual, 4).take(20_000).collect();
    let cars: Vec<_> = Vehicles::new(some, 4).take(20_000).collect();
    let malformed = cars.iter().filter(|car| car.malformed.is_some()).count();
    let leaving: Vec<_> = cars.iter().filter_map(|car| car.unplug_after).collect();
    assert!(malformed.abs_diff(2000) < 200, "{malformed}");
    assert!(leaving.len().abs_diff(5000) < 300, "{}", leaving.len());
    assert!(leaving.iter().all(|part| (0.0..1.0).contains(part)));
    for (plain, car) in plain.iter().zip(&cars) {
        assert_eq!(
            (plain.power_kw, plain.energy_kwh),
            (car.power_kw, car.energy_kwh)
        );
        assert_eq!((plain.malformed, plain.unplug_after), (None, None));
    }
}

#[test]
fn invalid_parts_are_refused() {
    for wrong in [-0.1, 1.1, f64::NAN] {
        for (option, set) in [
            (
                "--malformed",
                (|cars, part| cars.malformed = part) as fn(&mut Cars, f64),
            ),
            ("--early-unplug", |cars, part| cars.early_unplug = part),
        ] {
            let mut cars = Cars::default();
            set(&mut cars, wrong);
            let error = cars.check().unwrap_err().to_string();
            assert!(error.starts_with(option), "{error}");
        }
    }
}
