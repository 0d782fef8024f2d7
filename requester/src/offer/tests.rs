//! Offers as CSV, written and read.

use super::*;
use crate::vehicle::{Cars, Energy, Vehicles};
use crate::{ArrivalTimes, Arrivals, Curve, Profile};

fn some() -> Vec<Offer> {
    let curve = Curve::steady(100.0, Duration::from_secs(10)).unwrap();
    let cars = Cars {
        energy_kwh: Energy::Drawn(Profile::Home.energy()),
        malformed: 0.1,
        early_unplug: 0.2,
        ..Cars::default()
    };
    offers(
        ArrivalTimes::new(Arrivals::Poisson, curve, 3),
        Vehicles::new(cars, 3),
    )
    .collect()
}

#[test]
fn written_offers_are_read_again_to_the_nanosecond() {
    let offers = some();
    let mut text = Vec::new();
    write_csv(offers.iter().copied(), &mut text).unwrap();
    let read = read_csv(text.as_slice(), 3).unwrap();
    assert_eq!(read.len(), offers.len());
    for (read, offer) in read.iter().zip(&offers) {
        assert_eq!(read.vehicle, offer.vehicle);
        assert!(
            read.at.abs_diff(offer.at) <= Duration::from_nanos(2),
            "{read:?} {offer:?}"
        );
    }
}

#[test]
fn a_recording_of_another_system_needs_only_times() {
    let text = "site, at_seconds\nA, 2.5\n\nB, 1\n";
    let read = read_csv(text.as_bytes(), 9).unwrap();
    let times: Vec<_> = read.iter().map(|offer| offer.at.as_secs_f64()).collect();
    assert_eq!(times, [1.0, 2.5]);
    let vehicle = read[1].vehicle;
    assert_eq!((vehicle.run, vehicle.number), (9, 2));
    assert_eq!((vehicle.power_kw, vehicle.energy_kwh), (11.0, 11.0));
}

#[test]
fn a_fault_is_reported_with_its_line() {
    for (text, message) in [
        ("", "line 1: \"\" must be the columns' names"),
        ("1.0,11\n", "line 1"),
        ("at_seconds\n", "it contains no request"),
        (
            "at_seconds\n1\nx\n",
            "line 3: at_seconds is \"x\"; it must be a number from 0",
        ),
        ("at_seconds\n-1\n", "line 2"),
        ("at_seconds\nNaN\n", "line 2"),
        ("at_seconds,power_kw\n,3\n", "line 2: at_seconds is missing"),
        ("at_seconds,power_kw\n1,-3\n", "line 2: power_kw is \"-3\""),
        (
            "at_seconds,malformed\n1,odd\n",
            "line 2: malformed \"odd\" must be truncated",
        ),
        (
            "at_seconds,unplug_after\n1,2\n",
            "line 2: unplug_after is \"2\"",
        ),
    ] {
        let error = read_csv(text.as_bytes(), 1).unwrap_err().to_string();
        assert!(error.starts_with(message), "{text:?}: {error}");
    }
}
