//! A fleet with a store, in which everything dies, restarts and hangs while clients charge with keys and lose answers.

use std::{
    env,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use fastrand::Rng;
use switchyard_faults::{PATIENCE, RedisServer};

use super::{
    client::{Charge, Client},
    losing::LOST,
    proxies::{Addresses, Fleet},
    store,
    yard::Yard,
};

/// How many keys a storm has; `make soak` sets more.
const SHORT: usize = 500;
/// The seed of everything that the storm does.
const SEED: u64 = 20_261_129;
const CLIENTS: usize = 16;
const CONFIG: &str = "timeouts: {request: 2s, idle: 2s}\nload: {interval: 100ms, stale_after: 5s}\n\
                      health: {ejection: 200ms, longest_ejection: 1s, slow_start: 1s}\n";
/// How long the store hangs: longer than a proxy waits for it.
const HANGS: Duration = Duration::from_millis(200);
/// What a client waits before it asks again.
const BACK_OFF: Duration = Duration::from_millis(5);

/// What happens to a fleet.
#[derive(Clone, Copy, Debug)]
enum Blow {
    KillProxy,
    StopProxy,
    Upgrade,
    KillSubstation,
    StoreSleeps,
    StorePauses,
    StoreRestarts,
}

const BLOWS: [Blow; 7] = [
    Blow::KillProxy,
    Blow::StopProxy,
    Blow::Upgrade,
    Blow::KillSubstation,
    Blow::StoreSleeps,
    Blow::StorePauses,
    Blow::StoreRestarts,
];

/// How far a storm is.
#[derive(Default)]
struct Progress {
    next: AtomicUsize,
    rounds: AtomicUsize,
    sent: AtomicUsize,
    calm: AtomicBool,
}

fn keys() -> usize {
    let keys = env::var("FLEET_KEYS").ok();
    keys.and_then(|text| text.parse().ok()).unwrap_or(SHORT)
}

/// Lets the blows fall in a new order each round, until all keys are booked.
fn blow(
    fleet: &mut Fleet,
    yard: &mut Yard,
    server: &mut RedisServer,
    progress: &Progress,
) -> usize {
    let mut rng = Rng::with_seed(SEED);
    let mut fallen = 0;
    while !progress.calm.load(SeqCst) {
        let mut blows = BLOWS;
        rng.shuffle(&mut blows);
        for blow in blows {
            let at = rng.usize(..fleet.addresses.count());
            match blow {
                Blow::KillProxy => fleet.kill(at),
                Blow::StopProxy => fleet.stop(at),
                Blow::Upgrade => fleet.upgrade(at),
                Blow::KillSubstation => {
                    let substation = rng.choice(yard.all.iter_mut()).unwrap();
                    substation.kill();
                    substation.restart();
                }
                Blow::StoreSleeps => {
                    store::tell(server, &format!("DEBUG SLEEP {}", HANGS.as_secs_f64()));
                }
                Blow::StorePauses => {
                    store::tell(server, &format!("CLIENT PAUSE {} ALL", HANGS.as_millis()));
                }
                Blow::StoreRestarts => store::restart(server),
            }
            fallen += 1;
        }
        progress.rounds.fetch_add(1, SeqCst);
    }
    fallen
}

/// Charges with one key after another, each first with its answer lost and then through other proxies, until two of these
/// have said "booked".
fn charge(addresses: &Addresses, progress: &Progress, told: &Mutex<Vec<(String, String)>>) {
    let mut client = Client::default();
    loop {
        let number = progress.next.fetch_add(1, SeqCst);
        if number >= keys() && progress.rounds.load(SeqCst) > 0 {
            return;
        }
        let charge = Charge::new(format!("k{number}"));
        let mut at = fastrand::usize(..addresses.count());
        match number % 3 {
            // Its substation books it, and the proxy doesn't hear that.
            0 | 1 => drop(client.send(addresses.of(at), &charge, LOST)),
            // The client is gone before the answer.
            _ => Client::leave(addresses.of(at), &charge),
        }
        progress.sent.fetch_add(1, SeqCst);
        for _ in 0..2 {
            let since = Instant::now();
            loop {
                at = addresses.another(at);
                let answer = client.send(addresses.of(at), &charge, "");
                progress.sent.fetch_add(1, SeqCst);
                if let Some(session) = charge.clone().settle(answer.as_ref()) {
                    told.lock().unwrap().push((charge.key.clone(), session));
                    break;
                }
                let again = answer
                    .as_ref()
                    .is_none_or(|answer| matches!(answer.status, 502..=504));
                assert!(again, "{charge:?}: {answer:?}");
                assert!(since.elapsed() < PATIENCE, "{charge:?}: {answer:?}");
                thread::sleep(BACK_OFF);
            }
        }
    }
}

fn storm(proxies: usize) {
    let mut server = store::start();
    let mut yard = Yard::start();
    let extra = format!("{CONFIG}{}", store::yaml(&server));
    let mut fleet = Fleet::start(proxies, &yard.addresses(), &extra);
    let addresses = fleet.addresses.clone();
    let (progress, told) = (Progress::default(), Mutex::default());
    let begun = Instant::now();
    let fallen = thread::scope(|scope| {
        let blows = scope.spawn(|| blow(&mut fleet, &mut yard, &mut server, &progress));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| charge(&addresses, &progress, &told)))
            .collect();
        let ended: Vec<_> = clients.into_iter().map(ScopedJoinHandle::join).collect();
        progress.calm.store(true, SeqCst);
        let fallen = blows.join().unwrap();
        for client in ended {
            client.unwrap();
        }
        fallen
    });
    let (told, bookings) = (told.into_inner().unwrap(), yard.bookings());
    let (doubled, sent) = (bookings.doubled(), progress.sent.into_inner());
    println!(
        "{proxies} proxies, {} keys, {sent} requests, {fallen} blows in {:.1?}: {} doubled",
        bookings.keys(),
        begun.elapsed(),
        doubled.len(),
    );
    assert_eq!(doubled.len(), 0, "{:?}", doubled.first());
    assert_eq!(2 * bookings.keys(), told.len());
    for (key, session) in &told {
        assert!(bookings.has(key, session), "{key}: {session} is not booked");
    }
    fleet.is_sound();
    fleet.replaced_have_ended();
}

#[test]
fn two_proxies_with_a_store_book_no_key_twice_whatever_dies() {
    storm(2);
}

#[test]
fn four_proxies_with_a_store_book_no_key_twice_whatever_dies() {
    storm(4);
}
