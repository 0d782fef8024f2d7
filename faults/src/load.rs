//! A load of charges, each with an id of its own, and what became of each.
//!
//! Open: a charge leaves when its time has come, however the ones before it fare, as long as one of the
//! clients is free. Each client is a thread with one kept connection, which it gives up after an answer that
//! ends it or after none at all. Nothing is ever sent again: each id stands for one request.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Connection, http::request};

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Booked, as this session.
    Booked(String),
    /// By this status, that nothing is booked.
    NotBooked(u16),
    /// By this status, that it may be booked.
    MayBeBooked(u16),
    /// Nothing.
    Nothing,
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Record {
    /// The request's id.
    pub request: String,
    /// What its client was told.
    pub told: Told,
    /// When it left.
    pub at: Instant,
    /// How long it took.
    pub took: Duration,
}

/// What to send.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where to.
    pub target: SocketAddr,
    /// Charges a second, all clients together.
    pub rate: f64,
    /// For how long.
    pub duration: Duration,
    /// Clients, each with a connection.
    pub clients: u32,
    /// What each id begins with, so that several loads keep apart.
    pub name: String,
    /// The body of each charge.
    pub body: String,
    /// Whether each has a connection of its own, instead of one that its client keeps.
    pub fresh: bool,
    /// Whether each has an `Idempotency-Key`, its id.
    pub keyed: bool,
}

impl Load {
    /// A load of small charges that last for hours.
    #[must_use]
    pub fn new(target: SocketAddr, rate: f64, duration: Duration) -> Self {
        Self {
            target,
            rate,
            duration,
            clients: 32,
            name: "r".to_owned(),
            body: r#"{"power_kw": 1, "energy_kwh": 100}"#.to_owned(),
            fresh: false,
            keyed: false,
        }
    }

    /// Runs it to its end.
    #[must_use]
    pub fn run(&self) -> Vec<Record> {
        let start = Instant::now();
        let next = Arc::new(AtomicU64::new(0));
        let clients: Vec<_> = (0..self.clients)
            .map(|_| {
                let (load, next) = (self.clone(), Arc::clone(&next));
                thread::spawn(move || load.client(start, &next))
            })
            .collect();
        let records = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap());
        records.collect()
    }

    /// Takes one charge after another that is due.
    fn client(&self, start: Instant, next: &AtomicU64) -> Vec<Record> {
        let mut records = Vec::new();
        let mut connection = None;
        loop {
            let number = next.fetch_add(1, Relaxed);
            #[expect(clippy::cast_precision_loss, reason = "a test sends no 2^53 requests")]
            let due = Duration::from_secs_f64(number as f64 / self.rate);
            if due >= self.duration {
                return records;
            }
            thread::sleep((start + due).saturating_duration_since(Instant::now()));
            records.push(self.charge(number, &mut connection));
        }
    }

    fn charge(&self, number: u64, kept: &mut Option<Connection>) -> Record {
        let id = format!("{}-{number}", self.name);
        let key = if self.keyed {
            format!("idempotency-key: {id}\r\n")
        } else {
            String::new()
        };
        let close = if self.fresh {
            "connection: close\r\n"
        } else {
            ""
        };
        let headers = format!("x-request-id: {id}\r\n{key}{close}");
        let mut connection = kept.take().unwrap_or_else(|| Connection::open(self.target));
        let at = Instant::now();
        let charge = request("POST", "/request_charge", &headers, &self.body);
        let sent = connection.0.write_all(charge.as_bytes());
        let answer = sent.ok().and_then(|()| connection.any_answer());
        let took = at.elapsed();
        let told = match &answer {
            None => Told::Nothing,
            Some(answer) => match answer.status {
                200 => Told::Booked(answer.json()["session_id"].as_str().unwrap().to_owned()),
                status
                    if answer.header("x-substation").is_none()
                        && answer.message().contains("may be booked") =>
                {
                    Told::MayBeBooked(status)
                }
                // What a substation says for itself: from 500 up nobody knows what it had done by then.
                status if answer.header("x-substation").is_some() && status >= 500 => {
                    Told::MayBeBooked(status)
                }
                status => Told::NotBooked(status),
            },
        };
        if answer.is_some_and(|answer| answer.header("connection") != Some("close")) {
            *kept = Some(connection);
        }
        Record {
            request: id,
            told,
            at,
            took,
        }
    }
}
