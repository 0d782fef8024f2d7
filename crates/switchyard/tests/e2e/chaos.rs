//! Substations killed and failing at rush hour; every client's answer is compared with every booking.

use std::{
    collections::BTreeSet,
    env, thread,
    time::{Duration, Instant},
};

use switchyard_faults::{
    self as client, Act, Audit, Faulty, Load, Misdeed, Record, Scripted, Told, fault,
    fault::{gauge, no_capacity, page},
};
use tempfile::TempDir;

use crate::{
    child::Killable,
    rig::{Proxy, until},
    substations::Substations,
};

/// How long three of five are killed in turn, in seconds, unless `CHAOS_SECONDS` says otherwise.
const SHORT: u32 = 12;
/// The requests a second meanwhile.
const RATE: u32 = 2_000;

/// Waits until nothing is reserved or in flight and no client is connected.
fn returns_to_zero(proxy: &Proxy) {
    until("all is over", || {
        let status = proxy.status();
        let in_flight = status["substations"].as_array().unwrap().iter();
        let in_flight: u64 = in_flight
            .map(|one| one["in_flight"].as_u64().unwrap())
            .sum();
        (in_flight == 0
            && proxy.metric("switchyard_requests_in_flight") == 0.0
            && proxy.metric("switchyard_connections") == 0.0)
            .then_some(())
    });
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);
}

fn count(records: &[Record], of: impl Fn(&Told) -> bool) -> usize {
    records.iter().filter(|record| of(&record.told)).count()
}

/// Kills one substation per second, in turn, each for less than half a second; returns when each was dead.
fn pull_plugs(victims: &mut [Killable], begun: Instant, seconds: u32) -> Vec<(Instant, Instant)> {
    let mut deaths = Vec::new();
    for second in 0..seconds {
        let due = begun + Duration::from_secs(1) * second + Duration::from_millis(500);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let at = second as usize % victims.len();
        let victim = &mut victims[at];
        let before = Instant::now();
        victim.kill();
        deaths.push((before, Instant::now()));
        thread::sleep(Duration::from_millis(300));
        victim.restart();
    }
    deaths
}

fn audit(substations: &[Killable]) -> Audit {
    let mut audit = Audit::default();
    for substation in substations {
        audit.add_journal(&substation.name, &substation.journal);
    }
    audit
}

#[test]
fn three_of_five_killed_in_turn_lose_nothing_and_book_nothing_twice() {
    let folder = TempDir::new().unwrap();
    let mut all: Vec<_> = (1..=5)
        .map(|at| Killable::start(&format!("s{at}"), folder.path()))
        .collect();
    let addresses: Vec<_> = all.iter().map(|substation| substation.address).collect();
    let proxy = Proxy::start(&addresses, "");
    let seconds = env::var("CHAOS_SECONDS").map_or(SHORT, |text| text.parse().unwrap());
    let load = Load::new(
        proxy.charge,
        RATE.into(),
        Duration::from_secs(seconds.into()),
    );
    let begun = Instant::now();
    let (records, deaths) = thread::scope(|scope| {
        let victims = &mut all[..3];
        let killer = scope.spawn(move || pull_plugs(victims, begun, seconds - 3));
        (load.run(), killer.join().unwrap())
    });
    returns_to_zero(&proxy);

    let sent = RATE * seconds;
    assert_eq!(
        records.len(),
        sent as usize,
        "each client got its one answer"
    );
    let verdict = audit(&all).hold_against(&records);
    assert!(verdict.is_sound(), "{verdict:?}");
    let failed: Vec<_> = records
        .iter()
        .filter(|record| !matches!(record.told, Told::Booked(_)))
        .collect();
    eprintln!(
        "{} requests in {:?}, {} deaths, {} answered otherwise than booked",
        records.len(),
        begun.elapsed(),
        deaths.len(),
        failed.len()
    );
    for record in failed {
        assert!(
            matches!(record.told, Told::MayBeBooked(502 | 504)),
            "{record:?}"
        );
        // It was in flight while a substation was dead, so none fails after the recovery.
        assert!(
            deaths
                .iter()
                .any(|(from, to)| record.at <= *to && *from <= record.at + record.took),
            "{record:?}"
        );
    }
}

#[test]
fn with_keys_every_request_is_booked_exactly_once_despite_crashes() {
    let folder = TempDir::new().unwrap();
    let mut all: Vec<_> = (1..=3)
        .map(|at| Killable::start(&format!("s{at}"), folder.path()))
        .collect();
    let addresses: Vec<_> = all.iter().map(|substation| substation.address).collect();
    let proxy = Proxy::start(&addresses, "");
    let mut load = Load::new(proxy.charge, 1_000.0, Duration::from_secs(6));
    load.keyed = true;
    let begun = Instant::now();
    let mut records = thread::scope(|scope| {
        let victims = &mut all[..2];
        let killer = scope.spawn(move || pull_plugs(victims, begun, 5));
        let records = load.run();
        killer.join().unwrap();
        records
    });
    // Clients whose charge may be booked repeat it with the same key.
    for record in &mut records {
        while !matches!(record.told, Told::Booked(_)) {
            let id = &record.request;
            let headers =
                format!("x-request-id: {id}\r\nidempotency-key: {id}\r\nconnection: close\r\n");
            let request = client::request("POST", "/request_charge", &headers, &load.body);
            let answer = client::raw(proxy.charge, request);
            if answer.status == 200 {
                let session = answer.json()["session_id"].as_str().unwrap().to_owned();
                record.told = Told::Booked(session);
            }
        }
    }
    returns_to_zero(&proxy);
    let audit = audit(&all);
    let verdict = audit.hold_against(&records);
    assert!(verdict.is_sound(), "{verdict:?}");
    assert_eq!(audit.booked(), records.len());
}

#[test]
fn substations_that_refuse_hang_or_reset_do_not_affect_the_others() {
    let works = Substations::start(&[1e9; 2]);
    // As large as the others and always idle by its gauge: it attracts requests whenever it may get any.
    let faulty = [Act::Write(no_capacity()), Act::Hang, fault::reset()].map(|act| {
        Scripted::start(move |request| {
            if request.starts_with("GET") {
                Act::Write(page("substation_current_load 0\nsubstation_capacity 1e9\n"))
            } else {
                act.clone()
            }
        })
    });
    let mut addresses = works.addresses.clone();
    addresses.extend(faulty.iter().map(|substation| substation.address));
    let proxy = Proxy::start(&addresses, "timeouts: {request: 500ms}");
    let command = |word: &str| {
        for name in ["s3", "s4", "s5"] {
            let path = format!("/substations/{name}/{word}");
            assert_eq!(client::post(proxy.admin, &path, "").status, 200);
        }
    };
    let mut p99 = [Vec::new(), Vec::new()];
    let mut all = Vec::new();
    // Rounds without the three and with them alternate, so that other load on the machine affects both.
    for round in 0..10 {
        let disturbed = round % 2;
        command(["drain", "undrain"][disturbed]);
        let mut load = Load::new(proxy.charge, 400.0, Duration::from_secs(1));
        load.name = format!("round{round}");
        let records = load.run();
        let met: BTreeSet<_> = faulty
            .iter()
            .flat_map(Scripted::charges)
            .filter_map(|charge| id_of(&charge))
            .collect();
        let mut healthy: Vec<_> = records
            .iter()
            .filter(|record| !met.contains(&record.request))
            .inspect(|record| assert!(matches!(record.told, Told::Booked(_)), "{record:?}"))
            .map(|record| record.took)
            .collect();
        healthy.sort();
        p99[disturbed].push(healthy[healthy.len() * 99 / 100]);
        all.extend(records);
    }
    let may_be_booked = |status| count(&all, |told| *told == Told::MayBeBooked(status));
    assert_eq!(
        may_be_booked(504),
        faulty[1].charges().len(),
        "the substation that hangs"
    );
    assert_eq!(
        may_be_booked(502),
        faulty[2].charges().len(),
        "the substation that resets"
    );
    let booked = count(&all, |told| matches!(told, Told::Booked(_)));
    assert_eq!(
        booked + may_be_booked(504) + may_be_booked(502),
        all.len(),
        "refused charges are booked elsewhere"
    );
    assert!(
        !faulty
            .iter()
            .any(|substation| substation.charges().is_empty())
    );
    let median = |mut rounds: Vec<Duration>| {
        rounds.sort();
        rounds[rounds.len() / 2]
    };
    let [undisturbed, disturbed] = p99.map(median);
    eprintln!("p99 {undisturbed:?} undisturbed, {disturbed:?} disturbed");
    // Below some milliseconds this measures the scheduler.
    assert!(
        disturbed <= 2 * undisturbed + Duration::from_millis(5),
        "{disturbed:?}, undisturbed {undisturbed:?}"
    );
    returns_to_zero(&proxy);
}

fn id_of(charge: &str) -> Option<String> {
    let (_, rest) = charge.split_once("x-request-id: ")?;
    Some(rest.split("\r\n").next()?.to_owned())
}

#[test]
fn no_fault_makes_the_proxy_give_a_wrong_answer() {
    for (seed, misdeed) in (1..).zip(Misdeed::ALL) {
        for keyed in [false, true] {
            let faulty = Faulty::start("s1", seed, &[misdeed], 0.5);
            let sound = Faulty::start("s2", seed, &[], 0.0);
            // It is asked whatever its gauge shows.
            faulty.show(&["0", "NaN", "0", "-1", "1e999", "0", "7e8", "zero"]);
            let proxy = Proxy::start(
                &[faulty.address(), sound.address()],
                "timeouts: {request: 200ms}\nload: {interval: 20ms}\n\
                 health: {ejection: 20ms, longest_ejection: 20ms}",
            );
            let mut load = Load::new(proxy.charge, 200.0, Duration::from_millis(500));
            load.clients = 8;
            load.keyed = keyed;
            let records = load.run();
            let mut audit = Audit::default();
            audit.add(faulty.bookings());
            audit.add(sound.bookings());
            let verdict = audit.hold_against(&records);
            assert!(
                verdict.is_sound(),
                "{misdeed:?}, keyed {keyed}: {verdict:?}"
            );
            assert!(!faulty.bookings().is_empty() || misdeed != Misdeed::Drip);
            returns_to_zero(&proxy);
        }
    }
}

#[test]
fn a_gauge_that_jumps_sticks_or_lies_costs_no_request() {
    let gauges: [&[&str]; 4] = [
        &["0"],
        &["NaN", "+Inf", "-1"],
        &["0", "999999999", "12", "0.000001"],
        &["", "zero", "1e999"],
    ];
    let all: Vec<_> = (1..)
        .zip(gauges)
        .map(|(at, gauges)| {
            let faulty = Faulty::start(&format!("s{at}"), at, &[], 0.0);
            faulty.show(gauges);
            faulty
        })
        .collect();
    let addresses: Vec<_> = all.iter().map(Faulty::address).collect();
    let proxy = Proxy::start(&addresses, "load: {interval: 10ms}");
    let records = Load::new(proxy.charge, 500.0, Duration::from_secs(1)).run();
    let mut audit = Audit::default();
    audit.add(all.iter().flat_map(Faulty::bookings));
    assert!(audit.hold_against(&records).is_sound());
    assert_eq!(audit.booked(), 500);
    returns_to_zero(&proxy);
}

#[test]
fn a_substation_that_answers_byte_by_byte_is_waited_for_until_the_deadline() {
    let drips = Scripted::start(|request| {
        if request.starts_with("GET") {
            Act::Write(gauge("0"))
        } else {
            fault::drip(Duration::from_millis(1))
        }
    });
    let proxy = Proxy::start(&[drips.address], "");
    assert_eq!(proxy.charge("").status, 200);
    let proxy = Proxy::start(&[drips.address], "timeouts: {request: 50ms, connect: 50ms}");
    let answer = proxy.charge("");
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (504, "deadline_exceeded")
    );
    assert!(answer.message().contains("may be booked"));
    returns_to_zero(&proxy);
}
