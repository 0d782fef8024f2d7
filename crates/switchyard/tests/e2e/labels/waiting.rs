//! The queue and labels: a charge that can only go to a full substation holds up no other, and gets no room that it can't
//! use.

use std::{
    thread,
    time::{Duration, Instant},
};

use switchyard_faults as client;

use super::{booked_by, charge, charge_at, error, start};
use crate::{rig::until, substations::Substations};

const QUEUE: &str = "select: {zone: {header: x-zone}}\nadmission: {queue: 100, timeout: 20s}\nload: {interval: 20ms}\n";

#[test]
fn one_that_waits_for_a_zone_blocks_no_other_and_gets_the_room_of_its_zone() {
    let substations = Substations::start(&[11.0, 110.0]);
    let labels = ["labels: {zone: b}", "labels: {zone: a}"];
    let proxy = start(&substations, &labels, QUEUE);
    let session = charge(
        &proxy,
        "x-zone: b\r\n",
        r#"{"power_kw": 11, "energy_kwh": 50}"#,
    );
    assert_eq!(booked_by(&session), "s1");
    let session = session.json()["session_id"].as_str().unwrap().to_owned();
    let address = proxy.charge;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| charge_at(address, "x-zone: b\r\n", r#"{"power_kw": 11}"#));
        let waits = || proxy.metric("switchyard_admission_waiting");
        until("it waits", || (waits() == 1.0).then_some(()));
        let begun = Instant::now();
        for zone in ["x-zone: a\r\n", ""] {
            let body = r#"{"power_kw": 22, "energy_kwh": 50}"#;
            assert_eq!(booked_by(&charge(&proxy, zone, body)), "s2");
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "they did not wait"
        );
        assert_eq!(waits(), 1.0);
        assert_eq!(substations.loads(), [11.0, 44.0]);
        // What comes free in its zone is its.
        let path = format!("/sessions/{session}");
        let ended = client::raw(
            proxy.charge,
            client::request("DELETE", &path, "connection: close\r\n", ""),
        );
        assert!((200..300).contains(&ended.status), "{}", ended.status);
        assert_eq!(booked_by(&waiting.join().unwrap()), "s1");
    });
}

#[test]
fn one_that_waits_while_the_labels_change_goes_by_the_new_ones() {
    let substations = Substations::start(&[11.0, 110.0]);
    let proxy = start(
        &substations,
        &["labels: {zone: b}", "labels: {zone: a}"],
        QUEUE,
    );
    let body = r#"{"power_kw": 11, "energy_kwh": 50}"#;
    assert_eq!(booked_by(&charge(&proxy, "x-zone: b\r\n", body)), "s1");
    let reload = |labels: [&'static str; 2]| {
        let addresses = substations.addresses.iter().copied();
        let listed: Vec<_> = addresses.zip(labels).collect();
        let text = super::file(&listed, QUEUE);
        std::fs::write(proxy.files.path().join("switchyard.yaml"), text).unwrap();
        assert_eq!(client::post(proxy.admin, "/reload", "").status, 200);
    };
    let waits = || proxy.metric("switchyard_admission_waiting");
    let address = proxy.charge;
    thread::scope(|scope| {
        let waiting = scope.spawn(|| charge_at(address, "x-zone: b\r\n", body));
        until("it waits", || (waits() == 1.0).then_some(()));
        reload(["labels: {zone: b}", "labels: {zone: b}"]);
        assert_eq!(booked_by(&waiting.join().unwrap()), "s2");
        let waiting = scope.spawn(|| charge_at(address, "x-zone: b\r\n", r#"{"power_kw": 105}"#));
        until("it waits", || (waits() == 1.0).then_some(()));
        reload(["labels: {zone: a}", "labels: {zone: a}"]);
        let refused = waiting.join().unwrap();
        assert_eq!(error(&refused).1, "no_match");
    });
}
