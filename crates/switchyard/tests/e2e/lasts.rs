//! Substations that hold a request as long as its load lasts (`charge.lasts`).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use substation::Config;
use switchyard_faults::{self as client, Connection};

use crate::{
    rig::{Proxy, until},
    substations::Substations,
};

const SLOTS: f64 = 40.0;

/// Three substations of 40 slots that hold each request for 300 ms.
fn holding() -> Substations {
    let seconds = 0.3;
    Substations::of((1..=3).map(|at| Config {
        hold: true,
        default_power_kw: 1.0,
        default_energy_kwh: 1.0,
        time_scale: 3600.0 / seconds,
        ..Config::new(format!("s{at}"), SLOTS)
    }))
}

/// Clients that send a charge as soon as the last one is answered, until dropped.
struct Clients {
    booked: Arc<AtomicU64>,
    refused: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Clients {
    fn start(proxy: &Proxy, count: u16) -> Self {
        let target = proxy.charge;
        let (booked, refused) = (Arc::default(), Arc::default());
        let is_over = Arc::<AtomicBool>::default();
        let threads = (0..count).map(|number| {
            let (booked, refused): (Arc<AtomicU64>, Arc<AtomicU64>) =
                (Arc::clone(&booked), Arc::clone(&refused));
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || {
                let mut connection = Connection::open(target);
                // Clients of different length, or all would be answered at the same moments.
                let body = format!(r#"{{"energy_kwh": {}}}"#, 0.4 + 0.0133 * f64::from(number));
                let request = client::request("POST", "/request_charge", "", &body);
                while !is_over.load(Relaxed) {
                    connection.send(&request);
                    match connection.answer().status {
                        200 => booked.fetch_add(1, Relaxed),
                        503 => {
                            let count = refused.fetch_add(1, Relaxed);
                            // A client that is refused waits a little.
                            thread::sleep(Duration::from_millis(20));
                            count
                        }
                        other => panic!("{other}"),
                    };
                }
            })
        });
        Self {
            threads: threads.collect(),
            booked,
            refused,
            is_over,
        }
    }

    fn booked(&self) -> u64 {
        self.booked.load(Relaxed)
    }

    fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    fn wait_for(&self, more: u64) {
        let from = self.booked();
        until("more bookings", || {
            (self.booked() >= from + more).then_some(())
        });
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// How much fuller than the mean the fullest substation is, on average over many looks.
fn unevenness(substations: &Substations, clients: &Clients) -> f64 {
    let (mut fullest, mut mean) = (0.0, 0.0);
    for _ in 0..40 {
        clients.wait_for(9);
        let loads = substations.loads();
        fullest += loads.iter().copied().fold(0.0, f64::max);
        mean += loads.iter().sum::<f64>() / 3.0;
    }
    fullest / mean
}

#[test]
fn a_load_that_ends_with_its_answer_is_not_counted_twice() {
    let substations = holding();
    let proxy = Proxy::start(
        &substations.addresses,
        "charge: {default_load: 1, lasts: answer}\nload: {interval: 100ms}",
    );
    let status = proxy.status();
    assert_eq!(status["lasts"], "answer");
    assert_eq!(status["lasts_source"], "configured");
    assert_eq!(proxy.metric("switchyard_load_lasts{mode=\"answer\"}"), 1.0);
    let clients = Clients::start(&proxy, 90);
    clients.wait_for(200);
    let uneven = unevenness(&substations, &clients);
    // Beside what others have, of which there is none, the estimate is what is under way.
    for substation in proxy.status()["substations"].as_array().unwrap() {
        let estimate = substation["estimated_load"].as_f64().unwrap();
        assert!(estimate <= SLOTS, "{substation}");
    }
    assert_eq!(clients.refused(), 0, "90 of 120 places are in use");
    assert!(uneven < 1.1, "{uneven}");
}

#[test]
fn how_long_a_load_lasts_is_learned_from_the_gauges() {
    let substations = holding();
    let proxy = Proxy::start(
        &substations.addresses,
        "charge: {default_load: 1}\nload: {interval: 100ms}",
    );
    assert_eq!(proxy.status()["lasts_source"], "assumed");
    let clients = Clients::start(&proxy, 90);
    until("the proxy has learned it", || {
        (proxy.status()["lasts_source"] == "learned").then_some(())
    });
    assert_eq!(proxy.status()["lasts"], "answer");
    let line = proxy.logged("The gauges show how long load lasts");
    assert!(
        line.contains("lasts=\"answer\"") || line.contains("lasts=answer"),
        "{line}"
    );
    // Answers that were on their way.
    clients.wait_for(30);
    let before = clients.refused();
    clients.wait_for(400);
    assert_eq!(clients.refused(), before, "refused before: {before}");
}

#[test]
fn sessions_that_outlive_their_answers_are_learned_too() {
    let substations = Substations::start(&[1e6; 3]);
    let proxy = Proxy::start(&substations.addresses, "load: {interval: 20ms}");
    until("the proxy has learned it", || {
        for _ in 0..5 {
            assert_eq!(proxy.charge("").status, 200);
        }
        (proxy.status()["lasts_source"] == "learned").then_some(())
    });
    assert_eq!(proxy.status()["lasts"], "session");
    assert_eq!(proxy.metric("switchyard_load_lasts{mode=\"session\"}"), 1.0);
    assert_eq!(proxy.metric("switchyard_load_lasts{mode=\"answer\"}"), 0.0);
}

#[test]
fn a_client_that_leaves_a_held_request_ends_its_load() {
    let substations = Substations::of([Config {
        hold: true,
        ..Config::new("s1", 100.0)
    }]);
    let mut connection = Connection::open(substations.addresses[0]);
    connection.send(client::request("POST", "/charge", "", ""));
    until("the session", || {
        (substations.loads()[0] > 0.0).then_some(())
    });
    drop(connection);
    until("its end", || (substations.loads()[0] == 0.0).then_some(()));
}
