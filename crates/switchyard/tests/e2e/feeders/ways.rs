//! Other ways to the same limits: HTTP/2, requests that wait for room, loads that end with their answers, several proxies.

use std::{fmt::Write as _, thread, time::Duration};

use substation::Config;
use switchyard_faults::{Connection, request};

use super::{
    clients::Clients,
    held::{CLIENTS, CONFIG, only_refused},
    yard::{Yard, feeders, limits},
};
use crate::{
    h2::{Client, runtime, whole},
    rig::{Proxy, until},
    substations::Substations,
};

#[test]
fn limits_hold_for_clients_of_http2_and_http1_together() {
    let yard = Yard::start(limits(400.0, 220.0, 200.0));
    let proxy = Proxy::ready_from(&yard.yaml(&format!(
        "{CONFIG}http2: {{cleartext: true}}\n{}",
        feeders(400.0, 220.0, 200.0)
    )));
    let clients = Clients::start(CLIENTS / 2, &yard, &[&proxy]);
    runtime().block_on(async {
        let client = Client::cleartext(proxy.charge).await;
        for _ in 0..25 {
            let mut answers = Vec::new();
            for power in [0.5, 1.0, 3.5, 7.0].repeat(8) {
                let body = format!(r#"{{"power_kw": {power}}}"#);
                answers.push(
                    client
                        .try_begin("POST", "/request_charge", &body)
                        .await
                        .unwrap(),
                );
            }
            for answer in answers {
                let status = whole(answer).await.unwrap().status;
                assert!([200, 503].contains(&status), "{status}");
            }
        }
    });
    only_refused(&clients.end());
    yard.fill(&proxy, "trafo");
    yard.held();
    yard.agrees(&proxy);
}

#[test]
fn requests_that_wait_for_room_take_no_more_than_a_limit_has() {
    let yard = Yard::start(limits(400.0, 220.0, 200.0));
    let proxy = Proxy::ready_from(&yard.yaml(&format!(
        "{CONFIG}admission: {{queue: 100, timeout: 500ms}}\n{}",
        feeders(400.0, 220.0, 200.0)
    )));
    let clients = Clients::start(CLIENTS, &yard, &[&proxy]);
    clients.reach("trafo", 399.0);
    clients.book(500);
    only_refused(&clients.end());
    assert!(proxy.metric("switchyard_admission_waiting") == 0.0);
    yard.fill(&proxy, "trafo");
    yard.held();
    yard.agrees(&proxy);
}

/// Clients that hold each request for as long as its load lasts, on a feeder narrower than their substations.
#[test]
fn loads_that_end_with_their_answers_keep_to_a_feeder_too() {
    const ROOM: f64 = 40.0;
    let substations = Substations::of((1..=3).map(|at| Config {
        hold: true,
        default_power_kw: 1.0,
        default_energy_kwh: 1.0,
        time_scale: 3600.0 / 0.1,
        ..Config::new(format!("s{at}"), 40.0)
    }));
    let mut listed = String::new();
    for (at, address) in (1..).zip(&substations.addresses) {
        let _ = writeln!(
            listed,
            "  - {{name: s{at}, address: \"{address}\", feeder: f}}"
        );
    }
    let proxy = Proxy::ready_from(&format!(
        "listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\nthreads: 2\ncharge: {{lasts: answer, default_load: 1}}\n\
         load: {{interval: 20ms, timeout: 1s}}\nfeeders: [{{name: f, capacity: {ROOM}}}]\nsubstations:\n{listed}"
    ));
    let (mut most, mut booked, mut refused) = (0.0_f64, 0, 0);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let charge = proxy.charge;
                scope.spawn(move || {
                    let mut connection = Connection::open(charge);
                    let body = format!(
                        r#"{{"energy_kwh": {}}}"#,
                        0.4 + 0.0133 * f64::from(u32::try_from(number).unwrap())
                    );
                    let bytes = request("POST", "/request_charge", "", &body);
                    let mut told = (0, 0);
                    while told.0 < 15 {
                        connection.send(&bytes);
                        match connection.answer().status {
                            200 => told.0 += 1,
                            503 => {
                                told.1 += 1;
                                thread::sleep(Duration::from_millis(10));
                            }
                            other => panic!("{other}"),
                        }
                    }
                    told
                })
            })
            .collect();
        while clients.iter().any(|client| !client.is_finished()) {
            most = most.max(substations.loads().iter().sum());
        }
        for client in clients {
            let told = client.join().unwrap();
            booked += told.0;
            refused += told.1;
        }
    });
    assert_eq!(most, ROOM, "{booked} booked, {refused} refused");
    until("all is quiet", || {
        let status = proxy.status();
        (status["feeders"][0]["estimated_load"] == 0.0).then_some(())
    });
}

/// How far several proxies pass a limit that none of them can see as a whole:
/// `cargo test … -- --ignored --nocapture feeders::ways::measure`.
#[test]
#[ignore = "a measurement of half a minute"]
fn measure() {
    for proxies in [1, 2, 4] {
        for interval in ["20ms", "500ms"] {
            let yard = Yard::start(limits(400.0, 220.0, 200.0));
            let config = CONFIG.replace("20ms", interval);
            let yaml = yard.yaml(&format!("{config}{}", feeders(400.0, 220.0, 200.0)));
            let all: Vec<_> = (0..proxies).map(|_| Proxy::ready_from(&yaml)).collect();
            let all: Vec<_> = all.iter().collect();
            let clients = Clients::start(CLIENTS, &yard, &all);
            clients.book(2_000);
            clients.end();
            let book = yard.book();
            let (over, most) = book.over();
            println!(
                "{proxies} proxies, gauges every {interval}: {} of {} bookings over a limit, by up to {most} kW: {:?}",
                over.len(),
                book.booked(),
                over.last()
            );
        }
    }
}
