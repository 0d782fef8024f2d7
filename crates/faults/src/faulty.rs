//! A substation that keeps a correct book and misbehaves at random, from a seed.
//!
//! It books like a real substation: each request is in the book before a byte of its answer leaves, and a
//! key books once. Then a random draw decides whether a misdeed happens, and which, before or after the
//! booking. So the book is correct for all that happens on the wire.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;

use crate::{
    act::Act,
    audit::Booking,
    fault,
    scripted::{Scripted, header},
};

/// What may go wrong with one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misdeed {
    /// The connection is reset, and nothing is booked.
    ResetUnbooked,
    /// It is booked, and the connection is reset.
    ResetBooked,
    /// It is booked, and half of the answer leaves.
    HalfAnswer,
    /// It is booked, and the answer has two lengths.
    TwoLengths,
    /// It is booked, and more interim answers come than a client should wait for.
    InterimStorm,
    /// It is booked, and no answer comes.
    Hang,
    /// It is booked, and the answer comes a byte at a time.
    Drip,
    /// Refused, and so not booked.
    Refuse,
    /// A plain failure, and nothing is booked.
    Fail,
}

impl Misdeed {
    /// All misdeeds.
    pub const ALL: [Self; 9] = [
        Self::ResetUnbooked,
        Self::ResetBooked,
        Self::HalfAnswer,
        Self::TwoLengths,
        Self::InterimStorm,
        Self::Hang,
        Self::Drip,
        Self::Refuse,
        Self::Fail,
    ];
}

/// A running substation. Clones are handles to the same substation.
#[derive(Clone, Debug)]
pub struct Faulty {
    scripted: Scripted,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    name: String,
    rng: Rng,
    misdeeds: Vec<Misdeed>,
    share: f64,
    gauges: Vec<String>,
    booked: Vec<Booking>,
    by_key: HashMap<String, String>,
    asked: usize,
}

impl Faulty {
    /// Starts a substation that misbehaves with a `share` (0 to 1) of all charges. All `misdeeds` are
    /// equally likely.
    #[must_use]
    pub fn start(name: &str, seed: u64, misdeeds: &[Misdeed], share: f64) -> Self {
        let state = Arc::new(Mutex::new(State {
            name: name.to_owned(),
            rng: Rng::with_seed(seed),
            misdeeds: misdeeds.to_vec(),
            share,
            gauges: Vec::new(),
            booked: Vec::new(),
            by_key: HashMap::new(),
            asked: 0,
        }));
        let shared = Arc::clone(&state);
        let scripted = Scripted::start(move |request| shared.lock().unwrap().act(request));
        Self { scripted, state }
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.scripted.address
    }

    /// From now on its gauge shows one of these texts at random. With an empty list it shows the number
    /// of its bookings.
    pub fn show(&self, gauges: &[&str]) {
        self.state.lock().unwrap().gauges = gauges.iter().map(|&gauge| gauge.to_owned()).collect();
    }

    /// From now on it misbehaves with this share (0 to 1) of all charges.
    pub fn misbehave(&self, share: f64) {
        self.state.lock().unwrap().share = share;
    }

    /// How many bookings it has so far.
    #[must_use]
    pub fn booked(&self) -> usize {
        self.state.lock().unwrap().booked.len()
    }

    /// How many charges it was asked for so far, booked or not.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// All its bookings so far.
    #[must_use]
    pub fn bookings(&self) -> Vec<Booking> {
        self.state.lock().unwrap().booked.clone()
    }
}

impl State {
    fn act(&mut self, request: &str) -> Act {
        if request.starts_with("GET /metrics") {
            let truth = self.booked.len().to_string();
            return Act::Write(fault::gauge(
                self.rng.choice(&self.gauges).unwrap_or(&truth),
            ));
        }
        self.asked += 1;
        let misdeed = (self.rng.f64() < self.share)
            .then(|| self.rng.choice(self.misdeeds.iter().copied()))
            .flatten();
        match misdeed {
            Some(Misdeed::ResetUnbooked) => return fault::reset(),
            Some(Misdeed::Refuse) => return Act::Write(fault::no_capacity()),
            Some(Misdeed::Fail) => return fault::internal_error(),
            _ => {}
        }
        let answer = self.book(request);
        match misdeed {
            Some(Misdeed::ResetBooked) => fault::reset(),
            Some(Misdeed::HalfAnswer) => Act::WriteAndClose(answer[..answer.len() / 2].to_vec()),
            Some(Misdeed::TwoLengths) => fault::two_lengths(),
            Some(Misdeed::InterimStorm) => fault::interim_storm(),
            Some(Misdeed::Hang) => Act::Hang,
            Some(Misdeed::Drip) => Act::Drip(answer, Duration::from_millis(1)),
            _ => Act::Write(answer),
        }
    }

    /// Books the request, unless its key has booked before, and returns the answer with the session.
    fn book(&mut self, request: &str) -> Vec<u8> {
        let key = header(request, "idempotency-key").map(str::to_owned);
        let known = key.as_ref().and_then(|key| self.by_key.get(key)).cloned();
        let session = known.unwrap_or_else(|| {
            let session = format!("{}-{:016x}", self.name, self.booked.len());
            self.booked.push(Booking {
                substation: self.name.clone(),
                session: session.clone(),
                request: header(request, "x-request-id").unwrap().to_owned(),
            });
            self.by_key.extend(key.map(|key| (key, session.clone())));
            session
        });
        fault::answer("200 OK", &format!(r#"{{"session_id":"{session}"}}"#))
    }
}
