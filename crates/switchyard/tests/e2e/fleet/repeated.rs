//! Charges whose answers are lost, each repeated once all are: through the same proxy, another, or a successor.

use std::{net::SocketAddr, sync::Mutex, thread};

use super::{
    client::{Charge, Client},
    losing::{HELD, LOST},
    proxies::{Addresses, Fleet},
    store,
    yard::Yard,
};
use crate::rig::until;

/// How many clients send at once.
const CLIENTS: usize = 8;
/// No substation is ejected, so that each repetition is a free choice among all; retries are never short.
const CONFIG: &str = "health: {failures: 1000, success_rate: 0}\nretry: {budget: 1}\n";

/// Between the charges and their repetitions.
#[derive(Clone, Copy, Debug)]
enum Then {
    SameProxy,
    AnotherOf(usize),
    Killed,
    Upgraded,
    Stopped,
}

/// All of them.
const WAYS: [Then; 6] = [
    Then::SameProxy,
    Then::AnotherOf(2),
    Then::AnotherOf(4),
    Then::Killed,
    Then::Upgraded,
    Then::Stopped,
];

/// What a client sends back with a repetition.
#[derive(Clone, Copy, PartialEq)]
enum Sends {
    KeyOnly,
    PossibleHolder,
}

/// Sends `keys` charges whose answers are lost, repeats each, and returns how many of them are booked twice.
fn doubled(keys: usize, then: Then, sends: Sends, extra: &str) -> usize {
    let yard = Yard::start();
    let proxies = match then {
        Then::AnotherOf(proxies) => proxies,
        _ => 1,
    };
    let mut fleet = Fleet::start(proxies, &yard.addresses(), &format!("{CONFIG}{extra}"));
    let charges = (0..keys)
        .map(|key| Charge::new(format!("k{key}")))
        .collect();
    let mut charges = on_all(
        charges,
        &fleet.addresses,
        |client, at, addresses, charge| {
            // A busy machine's store may be late, and then nothing is booked.
            until("its answer is lost", || {
                let answer = client.send(addresses.of(at), charge, LOST);
                let status = answer.as_ref()?.status;
                assert!(matches!(status, 502 | 503), "{charge:?}: {answer:?}");
                assert_eq!(charge.settle(answer.as_ref()), None);
                (status == 502).then_some(())
            });
        },
    );
    assert_eq!(yard.bookings().keys(), keys);
    assert_eq!(yard.bookings().doubled().len(), 0);
    match then {
        Then::SameProxy | Then::AnotherOf(_) => {}
        Then::Killed => fleet.kill(0),
        Then::Upgraded => fleet.upgrade(0),
        Then::Stopped => fleet.stop(0),
    }
    if sends == Sends::KeyOnly {
        for charge in &mut charges {
            charge.holder = None;
        }
    }
    let another = matches!(then, Then::AnotherOf(_));
    on_all(
        charges,
        &fleet.addresses,
        |client, at, addresses, charge| {
            let at = if another { addresses.another(at) } else { at };
            is_booked(client, addresses.of(at), charge);
        },
    );
    let bookings = yard.bookings();
    assert_eq!(bookings.keys(), keys);
    bookings.doubled().len()
}

/// Repeats the charge there until it is booked, which a busy machine's store may delay.
fn is_booked(client: &mut Client, at: SocketAddr, charge: &mut Charge) {
    until("it is booked", || {
        let answer = client.send(at, charge, "");
        assert!(
            matches!(answer.as_ref()?.status, 200 | 503),
            "{charge:?}: {answer:?}"
        );
        charge.settle(answer.as_ref())
    });
}

/// Takes all charges, each with one of the clients and a proxy that is the same at each call.
fn on_all(
    charges: Vec<Charge>,
    addresses: &Addresses,
    each: impl Fn(&mut Client, usize, &Addresses, &mut Charge) + Sync,
) -> Vec<Charge> {
    let (all, proxies) = (charges.len(), addresses.count());
    let left = Mutex::new(charges.into_iter().enumerate());
    let done = Mutex::new(Vec::with_capacity(all));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::default();
                loop {
                    let Some((number, mut charge)) = left.lock().unwrap().next() else {
                        return;
                    };
                    each(&mut client, number % proxies, addresses, &mut charge);
                    done.lock().unwrap().push((number, charge));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, charge)| charge).collect()
}

/// A proxy that is killed `times` with `at_once` booked charges unanswered, and started again; each charge is repeated
/// there. Returns how many of them are booked twice.
fn doubled_by_kills(times: usize, at_once: usize, extra: &str) -> usize {
    let yard = Yard::start();
    let mut fleet = Fleet::start(1, &yard.addresses(), &format!("{CONFIG}{extra}"));
    for time in 0..times {
        let charges: Vec<_> = (0..at_once)
            .map(|key| Charge::new(format!("k{time}-{key}")))
            .collect();
        let before = fleet.addresses.of(0);
        thread::scope(|scope| {
            for charge in &charges {
                scope.spawn(move || {
                    let answer = Client::default().send(before, charge, HELD);
                    assert!(answer.is_none(), "{answer:?}");
                });
            }
            until("all are booked", || {
                (yard.bookings().keys() == (time + 1) * at_once).then_some(())
            });
            fleet.kill(0);
        });
        on_all(
            charges,
            &fleet.addresses,
            |client, at, addresses, charge| {
                is_booked(client, addresses.of(at), charge);
            },
        );
    }
    yard.bookings().doubled().len()
}

/// What a proxy's keys outlive it in, and the configuration for it.
fn with_a_file() -> &'static str {
    "state: {file: \"{folder}/state\"}\n"
}

#[test]
fn through_the_same_proxy_nothing_is_booked_twice() {
    assert_eq!(doubled(200, Then::SameProxy, Sends::KeyOnly, ""), 0);
}

#[test]
fn across_an_upgrade_nothing_is_booked_twice() {
    assert_eq!(doubled(200, Then::Upgraded, Sends::KeyOnly, ""), 0);
}

#[test]
fn across_a_restart_with_a_file_nothing_is_booked_twice() {
    assert_eq!(
        doubled(200, Then::Stopped, Sends::KeyOnly, with_a_file()),
        0
    );
}

#[test]
fn with_the_possible_holder_sent_back_nothing_is_booked_twice() {
    for then in [Then::AnotherOf(2), Then::Killed, Then::Stopped] {
        assert_eq!(doubled(100, then, Sends::PossibleHolder, ""), 0, "{then:?}");
    }
}

#[test]
fn with_a_store_nothing_is_booked_twice_wherever_the_repetition_goes() {
    let server = store::start();
    for then in WAYS {
        // The keys of each way are the same, so they must not be in the store.
        store::tell(&server, "FLUSHALL");
        assert_eq!(
            doubled(100, then, Sends::KeyOnly, &store::yaml(&server)),
            0,
            "{then:?}"
        );
    }
    store::tell(&server, "FLUSHALL");
    assert_eq!(doubled_by_kills(3, 20, &store::yaml(&server)), 0);
}

/// The table of docs/operations/fleet.md: `cargo test … -- --ignored --nocapture fleet::repeated::measure`. The variable
/// `SWITCHYARD_BINARY` names another proxy to measure.
#[test]
#[ignore = "a measurement of three minutes"]
fn measure() {
    const KEYS: usize = 2_000;
    let server = store::start();
    let with_a_store = store::yaml(&server);
    let ways = [
        ("a proxy alone", "", Sends::KeyOnly),
        ("with x-possible-holder", "", Sends::PossibleHolder),
        ("with a file", with_a_file(), Sends::KeyOnly),
        ("with a store", &with_a_store, Sends::KeyOnly),
    ];
    for (name, extra, sends) in ways {
        let empty = || store::tell(&server, "FLUSHALL");
        for then in WAYS {
            empty();
            let twice = doubled(KEYS, then, sends, extra);
            println!("{name}, {then:?}: {twice} of {KEYS} doubled");
        }
        empty();
        let twice = doubled_by_kills(10, 35, extra);
        println!("{name}, killed ten times: {twice} of 350 doubled");
    }
}
