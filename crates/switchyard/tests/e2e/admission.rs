//! Requests when no substation has room, or when there are too many of them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    io::Read,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use substation::Config;
use switchyard_faults::{self as client, Act, Answer, Connection, Scripted, fault::booked};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

/// Substations with room for one session of 11 kW each.
fn small(count: usize, time_scale: f64) -> Substations {
    Substations::of((1..=count).map(|at| Config {
        time_scale,
        ..Config::new(format!("s{at}"), 11.0)
    }))
}

const CHARGE: &str = r#"{"power_kw": 11, "energy_kwh": 11}"#;

#[test]
fn a_full_grid_says_when_to_come_back() {
    // An hour of charging takes 40 s.
    let substations = small(3, 90.0);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 50ms}");
    let started = Instant::now();
    for _ in 0..3 {
        assert_eq!(proxy.charge(CHARGE).status, 200);
    }
    let mut hints = Vec::new();
    for _ in 0..20 {
        let answer = proxy.charge(CHARGE);
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "no_capacity")
        );
        let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        // Not before a session ends.
        let left = Duration::from_secs(40)
            .saturating_sub(started.elapsed())
            .as_secs();
        assert!(after >= left, "{after}, {left} left");
        hints.push(after);
    }
    // Three find room at a time, and then charge for 40 s themselves.
    for (round, three) in (1..).zip(hints.chunks(3)) {
        let times = 40 * round..=43 * round + 3;
        assert!(
            three.iter().all(|after| times.contains(&(after + 3))),
            "{hints:?}"
        );
    }
}

/// Cars that come at even gaps and, where they find no room, come back exactly when they are told to.
struct Cars {
    /// The next visit of each: when, its number, and whether it has been sent away before.
    visits: BinaryHeap<Reverse<(Duration, usize, bool)>>,
    /// Of those that came back, by second.
    returns: BTreeMap<u64, u64>,
    /// Returns that found room.
    found: u64,
}

impl Cars {
    fn new(count: usize, gap: Duration) -> Self {
        let visits =
            (0..count).map(|number| Reverse((gap * u32::try_from(number).unwrap(), number, false)));
        Self {
            visits: visits.collect(),
            returns: BTreeMap::new(),
            found: 0,
        }
    }

    /// Until all have charged. `ask` asks for a car.
    fn all_charge(&mut self, ask: impl Fn(usize) -> Answer) {
        let start = Instant::now();
        while let Some(Reverse((at, number, is_back))) = self.visits.pop() {
            thread::sleep(at.saturating_sub(start.elapsed()));
            let answer = ask(number);
            if is_back {
                *self.returns.entry(at.as_secs()).or_default() += 1;
                self.found += u64::from(answer.status == 200);
            }
            if answer.status != 200 {
                assert_eq!(
                    (answer.status, answer.code().as_str()),
                    (503, "no_capacity")
                );
                let after: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                let back = start.elapsed() + Duration::from_secs(after);
                self.visits.push(Reverse((back, number, true)));
            }
            assert!(start.elapsed() < Duration::from_secs(100), "it never ends");
        }
    }

    fn came_back(&self) -> u64 {
        self.returns.values().sum()
    }
}

/// Twice as many cars as there is room for come for some seconds. Returns how many came back, and how many of these
/// found room.
fn twice_over(ask: impl Fn(&Proxy, usize) -> Answer) -> (u64, u64) {
    // Room for 30 cars, each for 4 s.
    let substations = Substations::of((1..=3).map(|at| Config {
        time_scale: 900.0,
        ..Config::new(format!("s{at}"), 110.0)
    }));
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 50ms}");
    let mut cars = Cars::new(90, Duration::from_micros(66_667));
    cars.all_charge(|number| ask(&proxy, number));
    assert!(cars.came_back() >= 50, "{:?}", cars.returns);
    eprintln!("{} of {}: {:?}", cars.found, cars.came_back(), cars.returns);
    assert_eq!(
        proxy.metric("switchyard_admission_promises"),
        0.0,
        "all were fetched"
    );
    (cars.came_back(), cars.found)
}

#[test]
fn cars_that_come_back_when_they_are_told_find_room() {
    let (came, found) = twice_over(|proxy, number| {
        let body = format!(r#"{{"vehicle_id": "v{number}", "power_kw": 11, "energy_kwh": 11}}"#);
        proxy.charge(&body)
    });
    assert!(found * 10 >= came * 9, "{found} of {came}");
}

#[test]
fn cars_with_a_key_are_known_again_and_find_room() {
    let (came, found) = twice_over(|proxy, number| {
        let headers = format!("idempotency-key: car-{number}\r\nconnection: close\r\n");
        let request = client::request("POST", "/request_charge", &headers, CHARGE);
        client::raw(proxy.charge, request)
    });
    assert!(found * 10 >= came * 9, "{found} of {came}");
}

#[test]
fn cars_that_can_not_be_told_apart_find_room_too_if_they_are_punctual() {
    let (came, found) = twice_over(|proxy, _| proxy.charge(CHARGE));
    assert!(found * 10 >= came * 7, "{found} of {came}");
}

#[test]
fn a_load_that_no_substation_can_ever_bear_is_422_with_the_largest_capacity_and_never_waits() {
    let substations = Substations::start(&[100.0, 250.5]);
    for extra in [
        "",
        "admission: {queue: 8, timeout: 20s}\ntimeouts: {request: 20s}",
    ] {
        let proxy = Proxy::start(
            &substations.addresses,
            &format!("load: {{interval: 20ms}}\n{extra}"),
        );
        let too_large = proxy.charge(r#"{"power_kw": 250.6}"#);
        assert_eq!(
            (too_large.status, too_large.code().as_str()),
            (422, "too_large_load")
        );
        let message = too_large.message();
        assert!(
            message.contains("250.6 ") && message.contains("250.5;"),
            "{message}"
        );
        assert_eq!(too_large.header("retry-after"), None);
        assert_eq!(too_large.header("x-substation"), None);
    }
    // What would fit one of them if that were empty is refused for now only.
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    assert_eq!(proxy.charge(r#"{"power_kw": 250.5}"#).status, 200);
    let full = proxy.charge(r#"{"power_kw": 250.5}"#);
    assert_eq!((full.status, full.code().as_str()), (503, "no_capacity"));
    assert!(full.header("retry-after").is_some());
}

#[test]
fn a_request_may_wait_for_room_and_the_most_urgent_one_is_first() {
    let substations = small(1, 1.0);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 20ms}\nadmission: {queue: 2, timeout: 20s}\ntimeouts: {request: 20s}",
    );
    let held = proxy.charge(CHARGE).json()["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let ask = |id: &str, patience: &str| {
        let headers = format!("x-request-id: {id}\r\nx-request-timeout: {patience}\r\n");
        let mut connection = Connection::open(proxy.charge);
        connection.send(client::request("POST", "/request_charge", &headers, CHARGE));
        connection
    };
    let waiting = |count: f64| {
        until("the line", || {
            (proxy.metric("switchyard_admission_waiting") == count).then_some(())
        });
    };
    let mut patient = ask("patient", "19s");
    waiting(1.0);
    let mut urgent = ask("urgent", "15s");
    waiting(2.0);
    let full = proxy.charge(CHARGE);
    assert_eq!((full.status, full.code().as_str()), (503, "no_capacity"));
    let unplug = |session: &str| {
        let path = format!("/sessions/{session}");
        let request = client::request("DELETE", &path, "connection: close\r\n", "");
        assert_eq!(client::raw(proxy.charge, request).status, 200);
    };
    unplug(&held);
    let first = urgent.answer();
    assert_eq!(first.status, 200);
    waiting(1.0);
    unplug(first.json()["session_id"].as_str().unwrap());
    assert_eq!(patient.answer().status, 200);
    // A request whose wait expires is refused, and has left the queue.
    let refused = ask("hasty", "30ms").answer();
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "no_capacity")
    );
    assert!(refused.header("retry-after").is_some());
    waiting(0.0);
    let waits = |how: &str| {
        proxy.metric(&format!(
            "switchyard_admission_waits_total{{result=\"{how}\"}}"
        ))
    };
    assert_eq!(
        (waits("admitted"), waits("in_vain"), waits("full")),
        (2.0, 1.0, 1.0)
    );
}

#[test]
fn more_requests_than_allowed_are_refused_before_they_cost_anything() {
    let hangs = Scripted::charging(|| Act::Hang);
    let proxy = Proxy::start(&[hangs.address], "limits: {requests: 2}");
    let held: Vec<_> = (1..=2)
        .map(|count| {
            let mut connection = Connection::open(proxy.charge);
            connection.send(client::request("POST", "/request_charge", "", "{}"));
            until("it is with the substation", || {
                (hangs.charges().len() == count).then_some(())
            });
            connection
        })
        .collect();
    // The proxy does not even wait for its body.
    let begun = "POST /request_charge HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n";
    let answer = client::raw(proxy.charge, begun);
    assert_eq!((answer.status, answer.code().as_str()), (503, "overloaded"));
    assert!(answer.message().contains("limits.requests"));
    assert!(answer.header("retry-after").is_some());
    drop(held);
    assert_eq!(hangs.charges().len(), 2);
}

#[test]
fn a_client_that_does_not_read_its_answers_is_disconnected() {
    let substation = Scripted::charging(|| Act::Write(booked()));
    let proxy = Proxy::start(&[substation.address], "timeouts: {client: 300ms}");
    let mut connection = Connection::open(proxy.charge);
    connection
        .0
        .set_write_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // Far more answers than the sockets buffer; the writer stops when the proxy closes the connection.
    let request = client::request("POST", "/request_charge", "", "{}");
    let writer = thread::spawn(move || {
        use std::io::Write;
        for _ in 0..200_000 {
            if connection.0.write_all(request.as_bytes()).is_err() {
                return connection;
            }
        }
        panic!("it reads on and on");
    });
    let mut connection = writer.join().unwrap();
    until("it is gone", || {
        (proxy.metric("switchyard_connections") == 0.0
            && proxy.metric("switchyard_requests_in_flight") == 0.0)
            .then_some(())
    });
    connection
        .0
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let _ = connection.0.read_to_end(&mut Vec::new());
    assert_eq!(proxy.charge("").status, 200);
}

/// Opens `count` connections and sends a byte of a request per second on each, until `stopped`.
fn drip(address: SocketAddr, count: usize, stopped: &std::sync::atomic::AtomicBool) -> usize {
    use std::{io::Write, sync::atomic::Ordering::SeqCst};
    let request = client::request("POST", "/request_charge", "", CHARGE);
    let mut slow: Vec<_> = (0..count).map(|_| Connection::open(address)).collect();
    let begun = Instant::now();
    for (second, byte) in request.bytes().enumerate() {
        slow.retain_mut(|connection| connection.0.write_all(&[byte]).is_ok());
        while begun.elapsed() < Duration::from_secs(1) * u32::try_from(second + 1).unwrap() {
            if stopped.load(SeqCst) {
                return slow.len();
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
    slow.len()
}

#[test]
fn a_thousand_slow_clients_cost_the_others_nothing() {
    let substations = Substations::start(&[1e6; 2]);
    let proxy = Proxy::start(&substations.addresses, "");
    let stopped = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        let slow = scope.spawn(|| drip(proxy.charge, 1_000, &stopped));
        until("all are there", || {
            (proxy.metric("switchyard_connections") >= 1_000.0).then_some(())
        });
        let mut load = client::Load::new(proxy.charge, 300.0, Duration::from_secs(4));
        load.clients = 8;
        let records = load.run();
        let booked = records
            .iter()
            .filter(|record| matches!(record.told, client::Told::Booked(_)));
        assert_eq!(booked.count(), records.len());
        assert_eq!(records.len(), 1_200);
        stopped.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(
            slow.join().unwrap(),
            1_000,
            "and they were there all the time"
        );
    });
    until("all is over", || {
        (proxy.metric("switchyard_connections") == 0.0
            && proxy.metric("switchyard_requests_in_flight") == 0.0)
            .then_some(())
    });
}
