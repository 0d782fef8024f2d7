//! Substations of which one is drained, one ejected and one silent, and clients that repeat their keys.

use std::{net::SocketAddr, sync::Mutex, thread};

use switchyard_faults::{self as client, Connection, Faulty, Misdeed, post};

use crate::rig::{Proxy, until};

/// How many substations there are of which nothing is to be said.
const PLAIN: usize = 5;
/// How many connections send keyed charges at once.
const SENDERS: usize = 4;
/// One of each kind beside the plain ones.
const DRAINED: usize = PLAIN;
const EJECTED: usize = PLAIN + 1;
const SILENT: usize = PLAIN + 2;

/// `s1` to `s5` are plain, `s6` is drained, `s7` ejected and `s8` silent.
pub(super) struct Yard {
    all: Vec<Faulty>,
}

/// The bookings of all substations at one moment.
#[derive(Clone, Debug)]
pub(super) struct Count(Vec<usize>);

impl Yard {
    pub(super) fn start() -> Self {
        let all = (1..=PLAIN + 3).map(|at| {
            // It counts against the substation, and its client is told that it may be booked.
            Faulty::start(&format!("s{at}"), at as u64, &[Misdeed::ResetUnbooked], 0.0)
        });
        Self { all: all.collect() }
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.all.iter().map(Faulty::address).collect()
    }

    /// Brings three of them into their states, as this proxy sees them.
    pub(super) fn arrange(&self, proxy: &Proxy) {
        self.all[EJECTED].misbehave(1.0);
        until("s7 is ejected", || {
            proxy.charge(r#"{"power_kw": 1}"#);
            (proxy.state(EJECTED) == "ejected").then_some(())
        });
        self.all[SILENT].show(&["nothing"]);
        assert_eq!(post(proxy.admin, "/substations/s6/drain", "").status, 200);
    }

    pub(super) fn count(&self) -> Count {
        Count(self.all.iter().map(Faulty::booked).collect())
    }

    /// How often the drained and the ejected one were asked so far.
    pub(super) fn asked_in_vain(&self) -> [usize; 2] {
        [DRAINED, EJECTED].map(|at| self.all[at].asked())
    }

    /// All bookings.
    pub(super) fn booked(&self) -> usize {
        self.count().0.iter().sum()
    }

    pub(super) fn all(&self) -> &[Faulty] {
        &self.all
    }
}

impl Count {
    /// The most that a plain substation has booked since, by their mean.
    pub(super) fn spread_since(&self, before: &Self) -> f64 {
        let booked = self.since(before);
        let most = booked[..PLAIN].iter().copied().fold(0.0, f64::max);
        most / mean(&booked)
    }

    /// What the silent substation has booked since, by the mean of the plain ones.
    pub(super) fn silent_since(&self, before: &Self) -> f64 {
        let booked = self.since(before);
        booked[SILENT] / mean(&booked)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a test books far fewer than 2^53"
    )]
    fn since(&self, before: &Self) -> Vec<f64> {
        let both = self.0.iter().zip(&before.0);
        both.map(|(now, before)| (now - before) as f64).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are five")]
fn mean(booked: &[f64]) -> f64 {
    booked[..PLAIN].iter().sum::<f64>() / PLAIN as f64
}

/// The states of the drained substation and of the ejected one, as this proxy sees them.
pub(super) fn states(proxy: &Proxy) -> [String; 2] {
    [DRAINED, EJECTED].map(|at| proxy.state(at))
}

/// A charge with a key, as bytes.
pub(super) fn keyed(key: &str) -> String {
    let headers = format!("idempotency-key: {key}\r\nx-request-id: {key}\r\n");
    let body = r#"{"power_kw": 1, "energy_kwh": 100}"#;
    client::request("POST", "/request_charge", &headers, body)
}

/// The session that a charge with this key gets on this connection, or what it gets instead.
pub(super) fn on(connection: &mut Connection, key: &str) -> String {
    told(connection, key).0
}

/// The same, and whether the connection ends with it.
fn told(connection: &mut Connection, key: &str) -> (String, bool) {
    connection.send(keyed(key));
    let answer = connection.answer();
    let session = answer.json()["session_id"].as_str().map(str::to_owned);
    let session = session.unwrap_or_else(|| String::from_utf8_lossy(&answer.body).into_owned());
    (session, answer.header("connection") == Some("close"))
}

/// The sessions of these keys, over a few new connections.
pub(super) fn book(proxy: SocketAddr, keys: &[String]) -> Vec<String> {
    let left = Mutex::new(keys.iter().enumerate());
    let sessions = Mutex::new(vec![String::new(); keys.len()]);
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let mut connection = Connection::open(proxy);
                loop {
                    let Some((at, key)) = left.lock().unwrap().next() else {
                        return;
                    };
                    let (session, is_last) = told(&mut connection, key);
                    if is_last {
                        connection = Connection::open(proxy);
                    }
                    sessions.lock().unwrap()[at] = session;
                }
            });
        }
    });
    sessions.into_inner().unwrap()
}

/// How many of these differ.
pub(super) fn differ(some: &[String], others: &[String]) -> usize {
    assert_eq!(some.len(), others.len());
    some.iter()
        .zip(others)
        .filter(|(one, other)| one != other)
        .count()
}
