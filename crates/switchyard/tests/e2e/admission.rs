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
use switchyard_faults::{
    self as client, Act, Answer, ClosedPort, Connection, Scripted,
    fault::{self, booked},
};

use crate::{
    frames::{self, Raw},
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
fn a_request_may_wait_for_room_and_the_first_that_came_is_first() {
    let substations = small(1, 1.0);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 20ms}\nadmission: {queue: 2, timeout: 20s}\ntimeouts: {request: 40s}",
    );
    let held = session(&proxy.charge(CHARGE));
    let mut patient = ask(&proxy, "x-request-timeout: 19s\r\n", CHARGE);
    waiting(&proxy, 1.0);
    // A short patience of one's own is no advantage, and neither is a key.
    let key = "idempotency-key: k1\r\nx-request-timeout: 15s\r\n";
    let mut urgent = ask(&proxy, key, CHARGE);
    waiting(&proxy, 2.0);
    let full = proxy.charge(CHARGE);
    assert_eq!((full.status, full.code().as_str()), (503, "no_capacity"));
    unplug(&proxy, &held);
    let first = patient.answer();
    assert_eq!(first.status, 200);
    waiting(&proxy, 1.0);
    unplug(&proxy, &session(&first));
    assert_eq!(urgent.answer().status, 200);
    // A request whose wait expires is refused, and has left the queue.
    let refused = ask(&proxy, "x-request-timeout: 30ms\r\n", CHARGE).answer();
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "no_capacity")
    );
    assert!(refused.header("retry-after").is_some());
    waiting(&proxy, 0.0);
    let waits = ["admitted", "in_vain", "full", "left"].map(|how| waits(&proxy, how));
    assert_eq!(waits, [2.0, 1.0, 1.0, 0.0]);
}

/// Sends a charge, and does not wait for the answer.
fn ask(proxy: &Proxy, headers: &str, body: &str) -> Connection {
    let mut connection = Connection::open(proxy.charge);
    connection.send(client::request("POST", "/request_charge", headers, body));
    connection
}

fn session(answer: &Answer) -> String {
    answer.json()["session_id"].as_str().unwrap().to_owned()
}

fn unplug(proxy: &Proxy, session: &str) {
    let path = format!("/sessions/{session}");
    let request = client::request("DELETE", &path, "connection: close\r\n", "");
    assert_eq!(client::raw(proxy.charge, request).status, 200);
}

/// Until so many wait.
fn waiting(proxy: &Proxy, count: f64) {
    until("the line", || {
        (proxy.metric("switchyard_admission_waiting") == count).then_some(())
    });
}

fn waits(proxy: &Proxy, how: &str) -> f64 {
    proxy.metric(&format!(
        "switchyard_admission_waits_total{{result=\"{how}\"}}"
    ))
}

/// A line in which no request's time runs out during a test.
const PATIENT: &str =
    "load: {interval: 20ms}\nadmission: {queue: 300, timeout: 40s}\ntimeouts: {request: 1m}\n";

#[test]
fn small_requests_pass_a_large_one_that_does_not_fit() {
    let substations = Substations::start(&[1_500.0]);
    let proxy = Proxy::start(&substations.addresses, PATIENT);
    let held = session(&proxy.charge(r#"{"power_kw": 300}"#));
    // 1,200 kW are free.
    let mut large = ask(&proxy, "", r#"{"power_kw": 1400}"#);
    waiting(&proxy, 1.0);
    let booked = (0..100).filter(|_| proxy.charge(r#"{"power_kw": 1}"#).status == 200);
    assert_eq!(booked.count(), 100);
    waiting(&proxy, 1.0);
    unplug(&proxy, &held);
    assert_eq!(large.answer().status, 200);
}

#[test]
fn a_large_request_among_small_ones_without_end_gets_its_turn() {
    // An hour of charging takes 1.2 s, a small session takes a tenth of that.
    let config = Config {
        time_scale: 3_000.0,
        ..Config::new("s1".to_owned(), 100.0)
    };
    let substations = Substations::of([config]);
    let proxy = Proxy::start(
        &substations.addresses,
        "load: {interval: 20ms}\nadmission: {queue: 300, timeout: 4s}\ntimeouts: {request: 10s}",
    );
    let small = r#"{"power_kw": 10, "energy_kwh": 1}"#;
    let (address, ended) = (proxy.charge, std::sync::atomic::AtomicBool::new(false));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..40)
            .map(|_| {
                scope.spawn(|| {
                    let mut booked = 0;
                    while !ended.load(std::sync::atomic::Ordering::SeqCst) {
                        booked += u64::from(
                            client::post(address, "/request_charge", small).status == 200,
                        );
                    }
                    booked
                })
            })
            .collect();
        until("it is full", || {
            (waits(&proxy, "admitted") > 50.0).then_some(())
        });
        let begun = Instant::now();
        let large = ask(&proxy, "", r#"{"power_kw": 95, "energy_kwh": 1}"#).answer();
        let waited = begun.elapsed();
        ended.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(large.status, 200, "{}", large.message());
        assert!(waited < Duration::from_secs(4), "{waited:?}");
        let booked: u64 = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .sum();
        assert!(booked > 100, "{booked}");
    });
}

#[test]
fn a_client_that_leaves_the_line_is_not_booked() {
    let substations = small(1, 1.0);
    let extra = format!("{PATIENT}http2: {{cleartext: true}}");
    let proxy = Proxy::start(&substations.addresses, &extra);
    let held = session(&proxy.charge(CHARGE));
    // The end, a reset, the end of one direction; and the same over HTTP/2.
    let end = ask(&proxy, "", CHARGE);
    // Not on the short way in.
    let beside = ask(&proxy, "expect: 100-continue\r\n", CHARGE);
    let reset = ask(&proxy, "", CHARGE);
    let mut half = ask(&proxy, "", CHARGE);
    let mut further = ask(&proxy, "", CHARGE);
    further.send(client::request("POST", "/request_charge", "", CHARGE));
    let mut stream = Raw::open(proxy.charge);
    stream.charge(1);
    stream.charge(3);
    let mut connection = Raw::open(proxy.charge);
    connection.charge(1);
    waiting(&proxy, 8.0);
    stream.write(&frames::reset(1)).unwrap();
    waiting(&proxy, 7.0);
    drop((end, beside, further, connection));
    waiting(&proxy, 3.0);
    half.0.shutdown(std::net::Shutdown::Write).unwrap();
    let told = half.answer();
    assert_eq!((told.status, told.code().as_str()), (503, "no_capacity"));
    assert!(told.message().contains("closed its side"));
    assert!(half.is_ended());
    // A socket that is closed with bytes unread resets its connection.
    let socket = socket2::SockRef::from(&reset.0);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    drop(reset);
    waiting(&proxy, 1.0);
    unplug(&proxy, &held);
    stream.until(|frame| frame.is_end_of(3));
    assert_eq!(substations.started(), [2]);
    let waits = ["admitted", "left"].map(|how| waits(&proxy, how));
    assert_eq!(waits, [1.0, 7.0]);
}

#[test]
fn what_a_client_sends_while_it_waits_is_not_lost() {
    let substations = Substations::start(&[22.0]);
    let proxy = Proxy::start(&substations.addresses, PATIENT);
    let held = session(&proxy.charge(r#"{"power_kw": 22}"#));
    let mut connection = ask(&proxy, "x-request-id: r0\r\n", CHARGE);
    waiting(&proxy, 1.0);
    // More than the proxy reads ahead.
    let long = "x".repeat(6_000);
    for id in 1..=5 {
        let headers = format!("x-request-id: r{id}\r\nx-long: {long}\r\n");
        connection.send(client::request(
            "POST",
            "/request_charge",
            &headers,
            r#"{"power_kw": 1}"#,
        ));
    }
    unplug(&proxy, &held);
    for id in 0..=5 {
        let answer = connection.answer();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-request-id"), Some(&*format!("r{id}")));
    }
}

#[test]
fn no_request_waits_so_long_that_it_ends_as_perhaps_booked() {
    // An exchange takes 200 ms, and a third of all time there is room.
    let slow = Scripted::start(|request| {
        if request.starts_with("GET") {
            let millis = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_millis();
            let load = if millis % 600 < 200 { 0 } else { 1_000 };
            let page = format!("substation_current_load {load}\nsubstation_capacity 1000\n");
            Act::Write(fault::page(&page))
        } else {
            thread::sleep(Duration::from_millis(200));
            Act::Write(booked())
        }
    });
    let proxy = Proxy::start(
        &[slow.address],
        "load: {interval: 10ms}\nadmission: {queue: 300, timeout: 1s}\ntimeouts: {request: 1s}",
    );
    // Learns how long an exchange takes.
    until("an exchange", || {
        (proxy.charge(CHARGE).status == 200).then_some(())
    });
    let mut told = BTreeMap::new();
    for _ in 0..6 {
        let asked: Vec<_> = (0..30).map(|_| ask(&proxy, "", CHARGE)).collect();
        for mut connection in asked {
            *told.entry(connection.answer().status).or_insert(0) += 1;
        }
    }
    assert_eq!(told.get(&504), None, "{told:?}");
    assert!(told[&200] >= 60, "{told:?}");
}

#[test]
fn what_nothing_in_rotation_could_bear_takes_no_place_even_where_a_substation_is_unknown() {
    let substations = Substations::start(&[100.0]);
    // It is never sampled, so its capacity is unknown.
    let gone = ClosedPort::new();
    let proxy = Proxy::start_unready(&[substations.addresses[0], gone.address], PATIENT);
    until("it is out", || {
        let grid = proxy.status();
        let found = [0, 1].map(|at| grid["substations"][at]["state"].clone());
        (found == ["up", "down"]).then_some(())
    });
    let held = session(&proxy.charge(r#"{"power_kw": 95}"#));
    let waits = ask(&proxy, "", CHARGE);
    waiting(&proxy, 1.0);
    for headers in ["", "idempotency-key: k1\r\n"] {
        let begun = Instant::now();
        let refused = ask(&proxy, headers, r#"{"power_kw": 101}"#).answer();
        assert!(matches!(refused.status, 422 | 503), "{}", refused.status);
        assert!(begun.elapsed() < Duration::from_secs(2));
    }
    waiting(&proxy, 1.0);
    drop((waits, held));
}

#[test]
fn a_key_that_is_bound_waits_for_its_substation() {
    // It loses the first answers, then has no room, and then some.
    let count = std::sync::atomic::AtomicUsize::new(0);
    let act = move || match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 | 1 => fault::reset(),
        2 => Act::Write(fault::no_capacity()),
        _ => Act::Write(booked()),
    };
    let holder = Scripted::charging(act);
    let extra = format!("{PATIENT}retry: {{budget: 1.0, attempts: 2}}");
    let proxy = Proxy::start(&[holder.address], &extra);
    let key = "idempotency-key: k1\r\n";
    assert_eq!(ask(&proxy, key, CHARGE).answer().status, 502);
    let answer = ask(&proxy, key, CHARGE).answer();
    assert_eq!(answer.status, 200, "{}", answer.message());
    assert_eq!(holder.charges().len(), 4);
    assert_eq!(waits(&proxy, "admitted"), 1.0);
}

#[test]
fn requests_with_one_key_wait_together_and_are_booked_once() {
    let substations = small(1, 1.0);
    let proxy = Proxy::start(&substations.addresses, PATIENT);
    let held = session(&proxy.charge(CHARGE));
    let mut same: Vec<_> = (0..5)
        .map(|_| ask(&proxy, "idempotency-key: k1\r\n", CHARGE))
        .collect();
    waiting(&proxy, 5.0);
    unplug(&proxy, &held);
    let sessions: Vec<_> = same.iter_mut().map(|one| session(&one.answer())).collect();
    assert!(
        sessions.iter().all(|one| *one == sessions[0]),
        "{sessions:?}"
    );
    assert_eq!(substations.started(), [2]);
}

#[test]
fn more_requests_than_allowed_are_refused_before_they_cost_anything() {
    let hangs = Scripted::charging(|| Act::Hang);
    let proxy = Proxy::start(
        &[hangs.address],
        "limits: {requests: 2, client: {requests: 3}}",
    );
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
