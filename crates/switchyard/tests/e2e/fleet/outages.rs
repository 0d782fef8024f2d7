//! What clients of a fleet get while its store is gone, hangs, is full or is a replica.

use std::time::{Duration, Instant};

use switchyard_faults::Answer;

use super::{
    client::{Charge, Client},
    proxies::Fleet,
    store,
    yard::Yard,
};
use crate::rig::until;

/// Longer than `fleet.timeout`, by as much as a busy machine takes.
const SOON: Duration = Duration::from_secs(1);

fn keyed(fleet: &Fleet, key: &str) -> Answer {
    let answer = Client::default().send(fleet.addresses.of(0), &Charge::new(key.to_owned()), "");
    answer.expect("an answer")
}

/// A request with a new key is refused, soon, and nothing is booked; one without is booked.
fn is_refused(fleet: &Fleet, yard: &Yard, key: &str) {
    let asked = Instant::now();
    let answer = keyed(fleet, key);
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "store_unavailable")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(!yard.bookings().knows(key));
    assert_eq!(fleet.proxy(0).charge("{}").status, 200);
}

fn takes(fleet: &Fleet, key: &str) {
    until("it takes keys again", || {
        (keyed(fleet, key).status == 200).then_some(())
    });
}

fn store_is(fleet: &Fleet, word: &str) {
    until(word, || {
        (fleet.proxy(0).status()["fleet"]["store"] == word).then_some(())
    });
}

#[test]
fn while_the_store_is_gone_hangs_or_is_full_keys_are_refused_and_all_else_goes_on() {
    let mut server = store::start();
    let yard = Yard::start();
    server.kill();
    // It starts and gets ready without its store.
    let fleet = Fleet::start(1, &yard.addresses(), &store::yaml(&server));
    is_refused(&fleet, &yard, "gone");
    assert_eq!(fleet.proxy(0).status()["fleet"]["store"], "down");
    assert_eq!(fleet.proxy(0).metric("switchyard_store_up"), 0.0);
    server.start_again();
    takes(&fleet, "gone");
    store_is(&fleet, "up");

    server.pause();
    is_refused(&fleet, &yard, "hangs");
    // The proxy knows for certain who holds this one, and need not ask.
    assert_eq!(
        keyed(&fleet, "gone").header("idempotent-replayed"),
        Some("true")
    );
    server.resume();
    takes(&fleet, "hangs");

    store::tell(&server, "CONFIG SET maxmemory 1");
    is_refused(&fleet, &yard, "full");
    store::tell(&server, "CONFIG SET maxmemory 0");
    takes(&fleet, "full");

    store::tell(&server, "REPLICAOF 127.0.0.1 1");
    is_refused(&fleet, &yard, "replica");
    store::tell(&server, "REPLICAOF NO ONE");
    takes(&fleet, "replica");
    assert_eq!(yard.bookings().doubled(), Vec::<&str>::new());
}

#[test]
fn with_local_keys_a_proxy_without_its_store_goes_on_and_counts_what_it_risks() {
    let mut server = store::start();
    let yard = Yard::start();
    let extra = store::yaml(&server).replace('}', ", when_unreachable: local}");
    let fleet = Fleet::start(1, &yard.addresses(), &extra);
    store_is(&fleet, "up");
    assert_eq!(keyed(&fleet, "shared").status, 200);
    let risked = || fleet.proxy(0).metric("switchyard_store_local_keys_total");
    assert_eq!(risked(), 0.0);
    server.kill();
    for _ in 0..2 {
        assert_eq!(keyed(&fleet, "local").status, 200);
    }
    assert!(risked() >= 1.0);
    assert_eq!(yard.bookings().doubled(), Vec::<&str>::new());
}
