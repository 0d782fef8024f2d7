//! Upgrades under load.

use std::{
    io::{Read, Write},
    net::SocketAddr,
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use switchyard_faults::{Audit, Connection, Faulty, Load, Record, Told};

use super::yard::{Yard, book, differ, on, states};
use crate::{
    rig::{Proxy, until},
    upgrade::Here,
};

/// How long evenness is measured before and after an upgrade.
const WINDOW: Duration = Duration::from_secs(2);
/// Keys that the old process has booked and the new one is asked for.
const KEYS: usize = 200;
/// Connections to the old process that are used once more after the upgrade.
const KEPT: usize = 16;

/// How often, how fast, and how old the gauges are.
#[derive(Clone, Copy, Debug)]
struct Plan {
    upgrades: usize,
    rate: f64,
    poll: &'static str,
}

/// What came of one upgrade.
#[derive(Clone, Debug)]
struct Upgrade {
    /// Keys with two sessions.
    doubled: usize,
    /// Of the drained substation, and of the ejected one.
    states: [String; 2],
    /// Of the plain substations, before and after.
    spread: [f64; 2],
    /// The share of the silent one, before and after.
    silent: [f64; 2],
}

#[derive(Debug)]
struct Outcome {
    upgrades: Vec<Upgrade>,
    failed: usize,
    /// How often the drained and the ejected substation were asked.
    in_vain: [usize; 2],
    /// Bookings of which no client knows.
    unknown: usize,
}

fn run(plan: Plan) -> Outcome {
    let yard = Yard::start();
    let here = Here::new();
    let config = format!(
        "load: {{interval: {}, stale_after: 20s}}\nhealth: {{ejection: 10m, longest_ejection: 10m}}\n",
        plan.poll
    );
    let first = here.first_with(&yard.addresses(), &config);
    yard.arrange(&first);
    let before = (yard.asked_in_vain(), yard.booked());
    let (charge, span) = (
        first.charge,
        WINDOW * 4 * u32::try_from(plan.upgrades).unwrap(),
    );
    let (records, upgrades, by_hand) = thread::scope(|scope| {
        let loads = ["plain", "keyed"].map(|name| {
            let load = Load {
                name: name.to_owned(),
                keyed: name == "keyed",
                ..Load::new(charge, plan.rate / 2.0, span)
            };
            scope.spawn(move || load.run())
        });
        let (upgrades, by_hand, _last) = upgrade_all(plan, &yard, &here, first, &config);
        let loads = loads.map(|load| load.join().unwrap());
        (loads.concat(), upgrades, by_hand)
    });
    let booked = |record: &&Record| matches!(record.told, Told::Booked(_));
    let failed: Vec<_> = records.iter().filter(|record| !booked(record)).collect();
    let some = &failed[..failed.len().min(3)];
    println!(
        "{} requests, {} failed: {some:?}",
        records.len(),
        failed.len()
    );
    let mut audit = Audit::default();
    audit.add(yard.all().iter().flat_map(Faulty::bookings));
    let known = before.1 + records.len() - failed.len() + by_hand;
    let [drained, ejected] = yard.asked_in_vain();
    Outcome {
        failed: failed.len(),
        in_vain: [drained - before.0[0], ejected - before.0[1]],
        unknown: audit.booked().saturating_sub(known),
        upgrades,
    }
}

/// Returns what came of them, how many bookings there should be of keys that are not of the load, and the last process.
fn upgrade_all(
    plan: Plan,
    yard: &Yard,
    here: &Here,
    first: Proxy,
    config: &str,
) -> (Vec<Upgrade>, usize, Proxy) {
    let (mut upgrades, mut booked, mut running) = (Vec::new(), 0, first);
    let mut replaced = Vec::new();
    // One client stays with each process, and says nothing until the end.
    let mut loyal = Vec::new();
    for round in 0..plan.upgrades {
        let at = running.charge;
        let mut kept = opened(at, KEPT, &format!("k{round}"));
        loyal.extend(opened(at, 1, &format!("l{round}")));
        let keys: Vec<_> = (0..KEYS).map(|key| format!("a{round}-{key}")).collect();
        let sessions = book(at, &keys);
        booked += KEPT + 1 + KEYS;

        let begun = yard.count();
        thread::sleep(WINDOW);
        let before = yard.count();
        let next = here.next(&running, &yard.addresses(), config);
        next.logged("took over from the old one");
        let after = yard.count();
        let doubled = thread::scope(|scope| {
            let repeated = scope.spawn(|| differ(&sessions, &book(at, &keys)));
            let both = both_ways(&mut kept, at, round);
            booked += KEPT;
            thread::sleep(WINDOW);
            both + repeated.join().unwrap()
        });
        let end = yard.count();
        upgrades.push(Upgrade {
            doubled,
            states: states(&next),
            spread: [before.spread_since(&begun), end.spread_since(&after)],
            silent: [before.silent_since(&begun), end.silent_since(&after)],
        });
        replaced.push(std::mem::replace(&mut running, next));
    }
    // The oldest process asks the next one, which asks the next one …
    let keys: Vec<_> = (0..loyal.len()).map(|key| format!("z{key}")).collect();
    let sessions = book(running.charge, &keys);
    booked += keys.len();
    let both = loyal.iter_mut().zip(&keys);
    let again: Vec<_> = both.map(|(connection, key)| on(connection, key)).collect();
    upgrades.last_mut().unwrap().doubled += differ(&sessions, &again);
    for mut old in replaced {
        until("an old process ends with its last client", || {
            (!old.is_running()).then_some(())
        });
    }
    (upgrades, booked, running)
}

/// Connections that have been used once each.
fn opened(proxy: SocketAddr, count: usize, name: &str) -> Vec<Connection> {
    let connections = (0..count).map(|at| {
        let mut connection = Connection::open(proxy);
        on(&mut connection, &format!("{name}-{at}"));
        connection
    });
    connections.collect()
}

/// Keys that come to the new process first and then to the old one, the other way round, and to both at once. Returns how
/// many have two sessions.
fn both_ways(kept: &mut [Connection], new: SocketAddr, round: usize) -> usize {
    let doubled = kept.iter_mut().enumerate().map(|(at, old)| {
        let key = format!("b{round}-{at}");
        let mut fresh = Connection::open(new);
        let (one, other) = match at % 3 {
            0 => (on(&mut fresh, &key), on(old, &key)),
            1 => (on(old, &key), on(&mut fresh, &key)),
            _ => thread::scope(|scope| {
                let one = scope.spawn(|| on(old, &key));
                (on(&mut fresh, &key), one.join().unwrap())
            }),
        };
        usize::from(one != other)
    });
    doubled.sum()
}

#[test]
fn an_upgrade_forgets_neither_keys_nor_loads_nor_states() {
    let outcome = run(Plan {
        upgrades: 2,
        rate: 600.0,
        poll: "500ms",
    });
    assert_eq!(outcome.failed, 0, "{outcome:?}");
    assert_eq!(outcome.in_vain, [0, 0], "{outcome:?}");
    assert_eq!(outcome.unknown, 0, "{outcome:?}");
    for upgrade in &outcome.upgrades {
        let [before, after] = upgrade.spread;
        assert_eq!(upgrade.doubled, 0, "{outcome:?}");
        assert_eq!(upgrade.states, ["draining", "ejected"], "{outcome:?}");
        assert!(after <= before * 1.05, "{outcome:?}");
        let [before, after] = upgrade.silent;
        assert!(after >= before * 0.9, "{outcome:?}");
    }
}

#[test]
fn a_new_process_that_dies_with_the_state_changes_nothing() {
    let substation = Faulty::start("s1", 1, &[], 0.0);
    let here = Here::new();
    let mut old = here.first_with(&[substation.address()], "");
    let keys: Vec<_> = (0..20).map(|key| format!("k{key}")).collect();
    let sessions = book(old.charge, &keys);
    for _ in 0..3 {
        let mut new = UnixStream::connect(here.socket()).unwrap();
        let mut said = [0];
        new.write_all(b"3").unwrap();
        // The sockets come with it, and are closed at once because nobody takes them.
        new.read_exact(&mut said).unwrap();
        assert_eq!(said, *b"3");
        new.write_all(b"S").unwrap();
        let mut length = [0; 8];
        new.read_exact(&mut length).unwrap();
        let mut state = vec![0; usize::try_from(u64::from_be_bytes(length)).unwrap()];
        new.read_exact(&mut state).unwrap();
        assert!(state.starts_with(b"SWYSTATE"));
        // A charge with a new key waits now.
        let charge = old.charge;
        let waits = thread::spawn(move || book(charge, &["k0".to_owned(), "new".to_owned()]));
        drop(new);
        assert_eq!(waits.join().unwrap()[0], sessions[0]);
        old.logged("Handover failed: this process continues");
    }
    assert_eq!(differ(&sessions, &book(old.charge, &keys)), 0);
    assert_eq!(substation.booked(), keys.len() + 1);
    let next = here.next(&old, &[substation.address()], "");
    next.logged("took over from the old one");
    assert!(old.wait().success());
    assert_eq!(differ(&sessions, &book(next.charge, &keys)), 0);
    assert_eq!(substation.booked(), keys.len() + 1);
}

/// The table of docs/operations/upgrading.md: `cargo test … -- --ignored --nocapture carried::upgrades::measure`. The variable
/// `SWITCHYARD_BINARY` names another proxy to measure.
#[test]
#[ignore = "a measurement of two minutes"]
fn measure() {
    for poll in ["500ms", "5s"] {
        let outcome = run(Plan {
            upgrades: 5,
            rate: 2_000.0,
            poll,
        });
        println!("polls every {poll}: {outcome:#.3?}");
    }
}
