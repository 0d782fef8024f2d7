//! A load of charges with unique ids, and a record of each answer.
//!
//! The load is open: a charge leaves at its time, also if earlier charges are still unanswered, as long as a
//! client is free. Each client is a thread with a persistent connection, which it replaces after an answer
//! that closes it and after a missing answer. No request is repeated, so each id stands for one request.

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

use crate::http::{Connection, request};

/// What an answer told its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Booked, as this session.
    Booked(String),
    /// Not booked, with this status.
    NotBooked(u16),
    /// May be booked, with this status.
    MayBeBooked(u16),
    /// No answer.
    Nothing,
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Record {
    /// The request's id.
    pub request: String,
    /// What the answer told its client.
    pub told: Told,
    /// When the request was sent.
    pub at: Instant,
    /// The time from the request to its answer.
    pub took: Duration,
}

/// The charges to send.
#[derive(Clone, Debug)]
pub struct Load {
    /// The address of the proxy.
    pub target: SocketAddr,
    /// Charges per second, of all clients together.
    pub rate: f64,
    /// How long charges are sent.
    pub duration: Duration,
    /// Clients, each with a connection of its own.
    pub clients: u32,
    /// The beginning of each id, which must differ between loads.
    pub name: String,
    /// The body of each charge.
    pub body: String,
    /// Whether each charge has a new connection, instead of the persistent one of its client.
    pub fresh: bool,
    /// Whether each charge has its id as its `Idempotency-Key`.
    pub keyed: bool,
}

impl Load {
    /// A load of small charges whose sessions last for hours.
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

    /// Sends all charges, and returns a record of each.
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

    /// Sends the charges that fall due, one after another.
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
                // A substation's own answer: from 500 on it is unknown whether it had booked.
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
