//! Substations that are slow or never answer, and the limit of requests under way to each.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use switchyard_faults::{
    Act, Connection, Faulty, Load, Misdeed, Scripted, Told,
    fault::{booked, gauge},
    request,
};

use crate::rig::{Proxy, until};

/// How many of the charges of some seconds failed, if one of five substations hangs from the second second on.
fn failed_while_one_hangs(more: &str) -> usize {
    let substations: Vec<_> = (1..=5)
        .map(|at| Faulty::start(&format!("s{at}"), at, &[Misdeed::Hang], 0.0))
        .collect();
    let addresses: Vec<_> = substations.iter().map(Faulty::address).collect();
    let more = format!("timeouts: {{request: 2s}}\nload: {{interval: 100ms}}\n{more}");
    let proxy = Proxy::start(&addresses, &more);
    let load = |seconds| Load {
        clients: 160,
        ..Load::new(proxy.charge, 300.0, Duration::from_secs(seconds))
    };
    assert!(
        load(1)
            .run()
            .iter()
            .all(|one| matches!(one.told, Told::Booked(_)))
    );
    substations[2].misbehave(1.0);
    let mut hanging = load(4);
    "hanging".clone_into(&mut hanging.name);
    let records = hanging.run();
    let failed = records
        .iter()
        .filter(|one| !matches!(one.told, Told::Booked(_)));
    let failed = failed.count();
    if more.contains("off") {
        return failed;
    }
    substations[2].misbehave(0.0);
    until("it answers again and has no limit", || {
        proxy.charge("");
        let one = &proxy.status()["substations"][2];
        (one["request_limit"].is_null() && one["health"]["stage"] == "in").then_some(())
    });
    failed
}

#[test]
fn one_that_hangs_costs_few_charges_and_comes_back() {
    let without = failed_while_one_hangs("upstream: {max_requests: off}");
    let with = failed_while_one_hangs("");
    // 60 a second were its part, for the two seconds until the first of them timed out.
    assert!(without > 90, "{without}: or it tests nothing");
    assert!(with <= 40, "{with} of {without}");
}

/// Clients that each wait for an answer before they ask again.
struct ClosedLoop {
    answered: Arc<AtomicUsize>,
    goes_on: Arc<AtomicBool>,
    clients: Vec<thread::JoinHandle<()>>,
}

impl ClosedLoop {
    /// Starts so many. A client counts an answer and goes on if `is_good` says so of its status, and ends otherwise.
    fn start(address: SocketAddr, count: usize, is_good: fn(u16) -> bool) -> Self {
        let answered = Arc::new(AtomicUsize::new(0));
        let goes_on = Arc::new(AtomicBool::new(true));
        let client = || {
            let (answered, goes_on) = (Arc::clone(&answered), Arc::clone(&goes_on));
            thread::spawn(move || {
                let mut connection = Connection::open(address);
                while goes_on.load(SeqCst) {
                    connection.send(request("POST", "/request_charge", "", ""));
                    if !is_good(connection.answer().status) {
                        break;
                    }
                    answered.fetch_add(1, SeqCst);
                }
            })
        };
        let clients = (0..count).map(|_| client()).collect();
        Self {
            answered,
            goes_on,
            clients,
        }
    }

    /// Good answers so far.
    fn answered(&self) -> usize {
        self.answered.load(SeqCst)
    }

    /// Ends all of them. Panics if a client did.
    fn end(self) {
        self.goes_on.store(false, SeqCst);
        for client in self.clients {
            client.join().unwrap();
        }
    }
}

/// Charges a second in a closed loop of 32 clients, of which one of three substations takes `slow` to answer.
fn answered_beside_a_slow_one(slow: Duration, more: &str) -> usize {
    let substations = [slow, Duration::ZERO, Duration::ZERO].map(|pause| {
        let sessions = AtomicUsize::new(0);
        Scripted::start(move |request| {
            if request.starts_with("GET") {
                return Act::Write(gauge(&sessions.load(SeqCst).to_string()));
            }
            sessions.fetch_add(11, SeqCst);
            thread::sleep(pause);
            Act::Write(booked())
        })
    });
    let addresses = substations.map(|substation| substation.address);
    let proxy = Proxy::start(&addresses, more);
    let clients = ClosedLoop::start(proxy.charge, 32, |status| {
        assert_eq!(status, 200);
        true
    });
    // What counts is how it goes on, not how it begins.
    until("all clients have met the slow one", || {
        (clients.answered() > 500).then_some(())
    });
    let (before, began) = (clients.answered(), Instant::now());
    until("some seconds", || {
        (began.elapsed() > Duration::from_secs(2)).then_some(())
    });
    let counted = clients.answered() - before;
    clients.end();
    counted
}

#[test]
fn a_slow_one_does_not_hold_a_closed_loop_up() {
    let slow = Duration::from_millis(200);
    let without = answered_beside_a_slow_one(slow, "upstream: {max_requests: off}");
    let with = answered_beside_a_slow_one(slow, "");
    assert!(with > 4 * without, "{with} with a limit, {without} without");
}

#[test]
fn a_number_is_never_exceeded_and_what_is_beyond_it_is_refused() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (at_once, seen) = (Arc::clone(&now), Arc::clone(&most));
    let substation = Scripted::start(move |request| {
        if request.starts_with("GET") {
            return Act::Write(gauge("0"));
        }
        seen.fetch_max(at_once.fetch_add(1, SeqCst) + 1, SeqCst);
        thread::sleep(Duration::from_millis(20));
        at_once.fetch_sub(1, SeqCst);
        Act::Write(booked())
    });
    let proxy = Proxy::start(&[substation.address], "upstream: {max_requests: 2}");
    assert_eq!(proxy.status()["substations"][0]["request_limit"], 2);
    assert_eq!(
        proxy.metric("switchyard_upstream_request_limit{substation=\"s1\"}"),
        2.0
    );
    let load = Load {
        clients: 16,
        ..Load::new(proxy.charge, 400.0, Duration::from_secs(1))
    };
    let records = load.run();
    let is_booked = |told: &Told| matches!(told, Told::Booked(_));
    let told: Vec<_> = records.iter().map(|record| &record.told).collect();
    assert!(
        told.iter()
            .all(|told| is_booked(told) || **told == Told::NotBooked(503))
    );
    assert!(
        told.iter().any(|told| !is_booked(told)),
        "or it tests nothing"
    );
    assert_eq!(most.load(SeqCst), 2);
    assert!(now.load(SeqCst) <= 2);
}

#[test]
fn one_that_freezes_with_its_gauge_gets_no_more_before_its_requests_are_overdue() {
    let frozen = Arc::new(AtomicBool::new(false));
    let arrived = Arc::new(AtomicUsize::new(0));
    let substations = [true, false, false].map(|can_freeze| {
        let (frozen, arrived) = (Arc::clone(&frozen), Arc::clone(&arrived));
        let under_way = AtomicUsize::new(0);
        Scripted::start(move |request| {
            let is_frozen = || can_freeze && frozen.load(SeqCst);
            if request.starts_with("GET") {
                let load = under_way.load(SeqCst).to_string();
                return if is_frozen() {
                    Act::Hang
                } else {
                    Act::Write(gauge(&load))
                };
            }
            arrived.fetch_add(usize::from(can_freeze), SeqCst);
            under_way.fetch_add(1, SeqCst);
            thread::sleep(Duration::from_millis(300));
            if is_frozen() {
                return Act::Hang;
            }
            under_way.fetch_sub(1, SeqCst);
            Act::Write(booked())
        })
    });
    let more = "charge: {lasts: answer, default_load: 1}\ntimeouts: {request: 10s}\nload: {interval: 100ms}";
    let proxy = Proxy::start(&substations.each_ref().map(|one| one.address), more);
    // Two for each substation: too few to be overdue together, so only the gauge tells.
    let clients = ClosedLoop::start(proxy.charge, 6, |status| status == 200);
    let answers = |count: usize| {
        let until_then = clients.answered() + count;
        until("more answers", || {
            (clients.answered() >= until_then).then_some(())
        });
    };
    answers(20);
    assert!(arrived.load(SeqCst) > 3, "or it tests nothing");
    frozen.store(true, SeqCst);
    until("it is found to be silent", || {
        (proxy.status()["substations"][0]["request_limit"] == 1).then_some(())
    });
    let at_frozen = arrived.load(SeqCst);
    answers(20);
    assert_eq!(arrived.load(SeqCst), at_frozen);
    clients.end();
}
