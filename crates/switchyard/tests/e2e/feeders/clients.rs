//! Clients that book, repeat with keys, hang up, unplug and are refused, until dropped.

use std::{
    collections::BTreeMap,
    io::Write,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use fastrand::Rng;
use switchyard_faults::{Answer, Connection, request};

use super::{book::Book, yard::Yard};
use crate::rig::{Proxy, until};

/// The powers that cars ask for, in kW.
const POWERS: [f64; 6] = [0.5, 1.0, 1.5, 2.0, 3.5, 7.0];
/// What a client waits when it was refused, or nothing answers.
const BACK_OFF: Duration = Duration::from_millis(20);
/// How often a session ends by itself.
const DEPARTURES: Duration = Duration::from_millis(3);

pub(super) struct Clients {
    shared: Shared,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Clone)]
struct Shared {
    book: Arc<Mutex<Book>>,
    /// How often each status and code was answered.
    told: Arc<Mutex<BTreeMap<String, usize>>>,
    is_over: Arc<AtomicBool>,
}

struct Client {
    shared: Shared,
    targets: Vec<SocketAddr>,
    connection: Option<Connection>,
    rng: Rng,
    name: usize,
    sent: usize,
    sessions: Vec<String>,
}

impl Clients {
    pub(super) fn start(count: usize, yard: &Yard, proxies: &[&Proxy]) -> Self {
        let shared = Shared {
            book: yard.shared(),
            told: Arc::default(),
            is_over: Arc::default(),
        };
        let targets: Vec<_> = proxies.iter().map(|proxy| proxy.charge).collect();
        let threads = (0..count).map(|name| {
            let mut client = Client {
                shared: shared.clone(),
                targets: targets.clone(),
                connection: None,
                rng: Rng::with_seed(name as u64),
                name,
                sent: 0,
                sessions: Vec::new(),
            };
            thread::spawn(move || {
                while !client.shared.is_over.load(SeqCst) {
                    client.act();
                }
            })
        });
        let mut threads: Vec<_> = threads.collect();
        let leaving = shared.clone();
        threads.push(thread::spawn(move || {
            while !leaving.is_over.load(SeqCst) {
                leaving.book.lock().unwrap().end_any();
                thread::sleep(DEPARTURES);
            }
        }));
        Self { shared, threads }
    }

    /// Waits until the substations have booked `more` sessions.
    pub(super) fn book(&self, more: usize) {
        let booked = || self.shared.book.lock().unwrap().booked();
        let from = booked();
        until("more bookings", || (booked() >= from + more).then_some(()));
    }

    /// Waits until `more` requests were answered with 500.
    pub(super) fn fail(&self, more: usize) {
        let failed = || {
            let told = self.told().into_iter();
            told.filter_map(|(what, times)| what.starts_with("500").then_some(times))
                .sum::<usize>()
        };
        let from = failed();
        until("more failures", || (failed() >= from + more).then_some(()));
    }

    /// Waits until all this has been booked below a limit at once, since it is in force.
    pub(super) fn reach(&self, limit: &str, kw: f64) {
        let peak = || self.shared.book.lock().unwrap().peak(limit);
        until("the limit is reached", || (peak() >= kw).then_some(()));
    }

    /// How often each status and code was answered so far, such as `503 no_capacity`.
    pub(super) fn told(&self) -> BTreeMap<String, usize> {
        self.shared.told.lock().unwrap().clone()
    }

    /// Ends them, and returns what they were told.
    pub(super) fn end(mut self) -> BTreeMap<String, usize> {
        self.join(true);
        self.told()
    }

    fn join(&mut self, strict: bool) {
        self.shared.is_over.store(true, SeqCst);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(!strict || ended.is_ok(), "a client failed");
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.join(false);
    }
}

impl Client {
    fn act(&mut self) {
        self.sent += 1;
        let stamp = self.shared.book.lock().unwrap().told();
        let id = format!("r{stamp}-{}-{}", self.name, self.sent);
        let power = *self.rng.choice(&POWERS).unwrap();
        let body = format!(r#"{{"power_kw": {power}, "energy_kwh": 1000}}"#);
        let key = format!("k-{}-{}", self.name, self.sent);
        let charge = |key: Option<&str>| {
            let key = key.map_or(String::new(), |key| format!("idempotency-key: {key}\r\n"));
            let headers = format!("x-request-id: {id}\r\n{key}");
            request("POST", "/request_charge", &headers, &body)
        };
        match self.rng.u8(..100) {
            // Gone before the answer.
            0..10 => {
                if let Ok(mut stream) = TcpStream::connect(self.target()) {
                    let _ = stream.write_all(charge(None).as_bytes());
                }
            }
            // Asked twice; the first answer may get lost.
            10..25 => {
                let first = self.ask(&charge(Some(&key)));
                if self.rng.bool() {
                    self.connection = None;
                }
                let second = self.ask(&charge(Some(&key)));
                if let (Some(first), Some(second)) = (&first, &second)
                    && (first.status, second.status) == (200, 200)
                {
                    assert_eq!(
                        first.json()["session_id"],
                        second.json()["session_id"],
                        "{key}"
                    );
                }
                self.settle(second.or(first));
            }
            25..30 => self.unplug(),
            _ => {
                let answer = self.ask(&charge(None));
                self.settle(answer);
            }
        }
    }

    /// Keeps the session, or waits a little.
    fn settle(&mut self, answer: Option<Answer>) {
        match answer {
            Some(answer) if answer.status == 200 => {
                let session = answer.json()["session_id"].as_str().unwrap().to_owned();
                self.sessions.push(session);
            }
            _ => thread::sleep(BACK_OFF),
        }
    }

    fn unplug(&mut self) {
        if let Some(session) = self.sessions.pop() {
            self.ask(&request("DELETE", &format!("/sessions/{session}"), "", ""));
        }
    }

    fn target(&mut self) -> SocketAddr {
        *self.rng.choice(&self.targets).unwrap()
    }

    fn ask(&mut self, bytes: &str) -> Option<Answer> {
        let target = self.target();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::over(TcpStream::connect(target).ok()?),
        };
        connection.0.write_all(bytes.as_bytes()).ok()?;
        let answer = connection.any_answer()?;
        let is_charge = bytes.starts_with("POST");
        let code = match answer.status {
            200 => String::new(),
            _ => format!(" {}", answer.code()),
        };
        let what = if is_charge { "" } else { "session " };
        let told = format!("{what}{}{code}", answer.status);
        *self.shared.told.lock().unwrap().entry(told).or_default() += 1;
        if answer.header("connection") != Some("close") && self.rng.u8(..10) > 0 {
            self.connection = Some(connection);
        }
        Some(answer)
    }
}
