//! A long run of everything at once: random faults from a fixed seed, good and bad clients, drains, and a check of
//! memory and open files each second. `make soak` runs it for ten minutes, `make test` for a few seconds.

use std::{
    env,
    io::Write,
    thread,
    time::{Duration, Instant},
};

use fastrand::Rng;
use switchyard_faults::{self as client, Audit, Connection, Faulty, Load, Misdeed};

use crate::rig::{Proxy, until};

/// Default length in seconds; `make soak` sets another.
const SHORT: u64 = 8;
/// The seed of everything random.
const SEED: u64 = 20_261_125;
/// By then memory has reached its steady size.
const SETTLED: Duration = Duration::from_mins(1);
/// By how much memory may grow after that.
const GROWTH: f64 = 1.1;

fn length() -> Duration {
    let seconds = env::var("SOAK_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(SHORT))
}

/// Changes which substations misbehave, and sometimes drains one. Called each second.
fn misbehave(all: &[Faulty], proxy: &Proxy, rng: &mut Rng) {
    for (at, faulty) in (1..).zip(all) {
        // The last two always work, so that charges are booked.
        let share = if at + 2 > all.len() {
            0.0
        } else {
            rng.f64() * rng.f64()
        };
        faulty.misbehave(share);
        let word = if rng.u8(..) < 20 { "drain" } else { "undrain" };
        let answer = client::post(proxy.admin, &format!("/substations/s{at}/{word}"), "");
        assert_eq!(answer.status, 200);
    }
}

/// Clients that send nonsense, or disconnect during a request.
fn pester(proxy: &Proxy, rng: &mut Rng) {
    let request = client::request(
        "POST",
        "/request_charge",
        "x-request-id: gone\r\n",
        "nonsense",
    );
    for _ in 0..20 {
        let mut connection = Connection::open(proxy.charge);
        let cut = rng.usize(..request.len());
        let _ = connection.0.write_all(&request.as_bytes()[..cut]);
        if rng.bool() {
            let _ = connection.0.write_all(b"\0\r\n\r\n");
            let _ = connection.any_answer();
        }
    }
}

#[test]
fn nothing_leaks_and_no_client_gets_a_wrong_answer_whatever_goes_wrong() {
    let length = length();
    let mut rng = Rng::with_seed(SEED);
    let all: Vec<_> = (1..=5)
        .map(|at| Faulty::start(&format!("s{at}"), SEED + at, &Misdeed::ALL, 0.0))
        .collect();
    let addresses: Vec<_> = all.iter().map(Faulty::address).collect();
    // Few keys are kept, so that the bound is reached before memory is watched.
    let proxy = Proxy::start(
        &addresses,
        "timeouts: {request: 300ms, client: 1s}\nload: {interval: 100ms}\nretry: {keys: 1000}\n\
         health: {ejection: 200ms, longest_ejection: 2s, slow_start: 1s}",
    );
    let load = |name: &str, keyed| Load {
        name: name.to_owned(),
        keyed,
        clients: 16,
        ..Load::new(proxy.charge, 100.0, length)
    };
    let (plain, keyed) = (load("plain", false), load("keyed", true));
    let (records, sizes) = thread::scope(|scope| {
        let loads = [plain, keyed].map(|load| scope.spawn(move || load.run()));
        let begun = Instant::now();
        let mut sizes = Vec::new();
        while !loads.iter().all(thread::ScopedJoinHandle::is_finished) {
            misbehave(&all, &proxy, &mut rng);
            pester(&proxy, &mut rng);
            sizes.push((
                begun.elapsed(),
                proxy.metric("process_resident_memory_bytes"),
                proxy.metric("process_open_fds"),
            ));
            thread::sleep(Duration::from_millis(800));
        }
        let records = loads.into_iter().flat_map(|load| load.join().unwrap());
        (records.collect::<Vec<_>>(), sizes)
    });
    until("all is over", || {
        (proxy.metric("switchyard_requests_in_flight") == 0.0
            && proxy.metric("switchyard_connections") == 0.0)
            .then_some(())
    });
    for one in proxy.status()["substations"].as_array().unwrap() {
        assert_eq!(one["in_flight"], 0, "{one}");
    }
    assert_eq!(proxy.metric("switchyard_panics_total"), 0.0);

    let mut audit = Audit::default();
    audit.add(all.iter().flat_map(Faulty::bookings));
    let verdict = audit.hold_against(&records);
    assert!(verdict.is_sound(), "{verdict:?}");
    assert!(audit.booked() > records.len() / 2);

    let most = |of: fn(&(Duration, f64, f64)) -> f64, settled: bool| {
        let chosen = sizes.iter().filter(|(at, ..)| (*at >= SETTLED) == settled);
        chosen.map(of).fold(0.0, f64::max)
    };
    let (memory, files) = (|size: &(_, f64, _)| size.1, |size: &(_, _, f64)| size.2);
    eprintln!(
        "{} requests, {} bookings, {} untold; at most {:.1} MiB and {} files in the first minute, {:.1} MiB and {} after",
        records.len(),
        audit.booked(),
        verdict.unacknowledged.len(),
        most(memory, false) / 1_048_576.0,
        most(files, false),
        most(memory, true) / 1_048_576.0,
        most(files, true),
    );
    assert!(most(memory, true) <= GROWTH * most(memory, false));
    // Each client has a connection, and each request in flight may have one more.
    assert!(most(files, true) <= most(files, false) + 32.0);
    // Idle connections to substations close at their next use; there are never more than there were clients.
    assert!(proxy.metric("process_open_fds") <= most(files, false));
}
