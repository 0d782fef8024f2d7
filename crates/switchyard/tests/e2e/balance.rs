//! How requests are balanced: gauges are always out of date, and the balance must not suffer from it.

use std::{net::SocketAddr, thread};

use switchyard_faults::{self as client, Act, Connection, Scripted};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// Sends `count` charges of `kw` over `connections` connections, and returns how many were booked.
fn burst(address: SocketAddr, count: usize, connections: usize, kw: f64) -> usize {
    let share = count / connections;
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            thread::spawn(move || {
                let mut connection = Connection::open(address);
                let body = format!(r#"{{"power_kw": {kw}, "energy_kwh": 1000}}"#);
                let request = client::request("POST", "/request_charge", "", &body);
                (0..share)
                    .filter(|_| {
                        connection.send(&request);
                        connection.answer().status == 200
                    })
                    .count()
            })
        })
        .collect();
    clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .sum()
}

#[test]
fn a_burst_of_a_thousand_inside_one_scrape_interval_ends_within_one_of_even() {
    let substations = Substations::start(&[1e6; 5]);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 5s, stale_after: 10s}",
    );
    let polls = proxy.metric("switchyard_load_polls_total{outcome=\"ok\",substation=\"s1\"}");
    assert_eq!(burst(proxy.charge, 1_000, 20, 11.0), 1_000);
    assert_eq!(
        proxy.metric("switchyard_load_polls_total{outcome=\"ok\",substation=\"s1\"}"),
        polls,
        "no scrape came to its help"
    );
    let started = substations.started();
    assert!(
        started.iter().max().unwrap() - started.iter().min().unwrap() <= 1,
        "{started:?}"
    );
}

#[test]
fn gauges_that_start_uneven_end_within_one_request_of_water_filling() {
    let substations = Substations::start(&[1e6; 4]);
    let before = [0, 30, 7, 60];
    for (address, sessions) in substations.addresses.iter().zip(before) {
        for _ in 0..sessions {
            let body = r#"{"power_kw": 11, "energy_kwh": 1000}"#;
            assert_eq!(client::post(*address, "/charge", body).status, 200);
        }
    }
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 5s, stale_after: 10s}",
    );
    assert_eq!(burst(proxy.charge, 60, 10, 11.0), 60);
    // 0, 30, 7 and 60 sessions take 60 more: 97 over the first three, 60 stays.
    let mut ends: Vec<f64> = substations.loads().iter().map(|load| load / 11.0).collect();
    assert_eq!(ends.remove(3), 60.0);
    assert!(
        ends.iter().all(|sessions| [32.0, 33.0].contains(sessions)),
        "{ends:?}"
    );
    assert_eq!(ends.iter().sum::<f64>(), 97.0);
}

#[test]
fn unequal_capacities_end_even_in_utilisation() {
    let capacities = [1_100.0, 2_200.0, 4_400.0, 8_800.0];
    let substations = Substations::start(&capacities);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 5s, stale_after: 10s}",
    );
    assert_eq!(burst(proxy.charge, 900, 10, 11.0), 900);
    for (load, capacity) in substations.loads().iter().zip(capacities) {
        let ideal = 900.0 * 11.0 / capacities.iter().sum::<f64>();
        assert!(
            (load / capacity - ideal).abs() <= 11.0 / capacity + 1e-9,
            "{:?}",
            substations.loads()
        );
    }
    assert_eq!(
        burst(proxy.charge, 600, 10, 11.0),
        600,
        "the last of the room"
    );
    let full = proxy.charge(r#"{"power_kw": 11}"#);
    assert_eq!((full.status, full.code().as_str()), (503, "no_capacity"));
    assert!(full.header("retry-after").unwrap().parse::<u32>().unwrap() >= 1);
}

#[test]
fn the_gauge_is_believed_over_the_ledger() {
    let substations = Substations::start(&[1e6; 2]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    // Load booked past the proxy, visible only on the gauge.
    for _ in 0..20 {
        let body = r#"{"power_kw": 11, "energy_kwh": 1000}"#;
        let booked = client::post(substations.addresses[0], "/charge", body);
        assert_eq!(booked.status, 200);
    }
    until("the gauge is seen", || {
        (proxy.status()["substations"][0]["current_load"] == 220.0).then_some(())
    });
    assert_eq!(burst(proxy.charge, 20, 1, 11.0), 20);
    // One client, so at most one booking overlaps a scrape. Without the gauge the result would be 30 and 10.
    let started = substations.started();
    assert!(started[0].abs_diff(started[1]) <= 2, "{started:?}");
}

#[test]
fn a_plain_flask_style_substation_works_unchanged() {
    // HTTP/1.0, closes after each answer, an integer gauge, no capacity.
    let flask = |start: u32| {
        let load = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(start));
        Scripted::start(move |head| {
            let body = if head.starts_with("GET /metrics") {
                let now = load.load(std::sync::atomic::Ordering::SeqCst);
                format!(
                    "# HELP substation_current_load Current load\n# TYPE substation_current_load gauge\nsubstation_current_load {now}\n"
                )
            } else {
                load.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                r#"{"status":"charging"}"#.to_owned()
            };
            Act::WriteAndClose(
                format!(
                    "HTTP/1.0 200 OK\r\nContent-Length: {}\r\nServer: Werkzeug\r\n\r\n{body}",
                    body.len()
                )
                .into_bytes(),
            )
        })
    };
    let all = [flask(0), flask(6), flask(0)];
    let addresses: Vec<_> = all.iter().map(|flask| flask.address).collect();
    let proxy = Proxy::start(
        &addresses,
        "load: {interval: 10s, stale_after: 20s}\ncharge: {default_load: 1}",
    );
    for _ in 0..12 {
        assert_eq!(proxy.charge("").status, 200);
    }
    let counts: Vec<_> = all.iter().map(|flask| flask.charges().len()).collect();
    assert_eq!(counts.iter().sum::<usize>(), 12);
    assert_eq!(counts[1], 0, "{counts:?}");
    assert!(counts[0].abs_diff(counts[2]) <= 1, "{counts:?}");
    // Its gauge is scraped again and again, each time over a new connection.
    let proxy = Proxy::start(&addresses, "load: {interval: 20ms}");
    until("its new load", || {
        (proxy.status()["substations"][0]["current_load"] == 6.0).then_some(())
    });
    let ok = "switchyard_load_polls_total{outcome=\"ok\",substation=\"s1\"}";
    until("more polls", || (proxy.metric(ok) >= 3.0).then_some(()));
}

#[test]
fn a_gauge_that_is_no_load_is_no_sample_and_never_zero() {
    use switchyard_faults::fault::{booked, page};
    for garbage in [
        "",
        "substation_current_load NaN\n",
        "substation_current_load -5\n",
        "substation_current_load +Inf\n",
        "substation_current_load_kw 0\n",
        "substation_current_load zero\n",
    ] {
        let broken = Scripted::start(move |head| {
            Act::Write(if head.starts_with("GET") {
                page(garbage)
            } else {
                booked()
            })
        });
        let loaded = Scripted::start(|head| {
            Act::Write(if head.starts_with("GET") {
                page("substation_current_load 900\n")
            } else {
                booked()
            })
        });
        let proxy = Proxy::start(&[broken.address, loaded.address], "load: {interval: 50ms}");
        for _ in 0..5 {
            assert_eq!(
                proxy.charge("").header("x-substation"),
                Some("s2"),
                "{garbage:?}"
            );
        }
        let broken = &proxy.status()["substations"][0];
        assert_eq!(
            (broken["state"].as_str(), broken["current_load"].is_null()),
            (Some("unknown"), true)
        );
    }
}
