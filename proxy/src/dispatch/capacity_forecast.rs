//! Forecasts when room will be free, and keeps what it promises.
//!
//! "No room" is only half of an answer; the other half is when to come back. Most answers to a booking say how long
//! the session lasts, so it is known how much load ends when: [`Forecast`]. A refused request is promised the first
//! room that is promised to no other, and finds it when it comes: [`Promises`].
//!
//! A booking costs two atomic stores. A request that finds room while nothing is promised costs one atomic read. While
//! there are promises, requests take a lock.

mod carry;
mod scopes;

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use fastrand::Rng;
use memchr::memmem::Finder;
use parking_lot::Mutex;
use switchyard_balance::{
    Forecast, Load, Promises,
    promises::{Ask, Wait},
};
use switchyard_idempotency::KeyHash;
use tokio::time::Instant;

pub(super) use carry::CarriedCapacity;
pub(crate) use scopes::CarriedScope;
pub(super) use scopes::ScopeName;
use scopes::Scopes;

/// The longest forecast that is no promise, in seconds: by then everything may have changed.
const LONGEST: u32 = 120;
/// The most that is added to the end of a session until its gauge has shown it.
const LONGEST_UNSEEN: Duration = Duration::from_secs(10);
/// How long the room of the grid is believed: what is booked meanwhile is subtracted.
const COUNTED: Duration = Duration::from_millis(5);
/// The answer's field with the duration of the session.
const FIELD: &[u8] = b"\"duration_seconds\"";

/// When the bookings of this proxy end, and who was promised their room. Shared by all threads.
#[derive(Debug)]
pub(super) struct CapacityForecast {
    start: Instant,
    forecast: Forecast,
    book: Mutex<Book>,
    /// Number of promises, readable without the lock.
    promised: AtomicUsize,
    field: Finder<'static>,
    scopes: Scopes,
}

#[derive(Debug, Default)]
struct Book {
    promises: Promises,
    room: Option<Room>,
}

/// The room of the grid, as it was counted last.
#[derive(Clone, Copy, Debug)]
struct Room {
    free: i128,
    load: Load,
    /// Which substations were counted.
    kind: u64,
    counted: Duration,
}

/// A client, as far as it can be told from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) number: u64,
    /// Whether no other client has that number.
    pub(super) is_named: bool,
}

impl CapacityForecast {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            start: now,
            forecast: Forecast::default(),
            book: Mutex::default(),
            promised: AtomicUsize::new(0),
            field: Finder::new(FIELD),
            scopes: Scopes::default(),
        }
    }

    /// Adds a booking of `load` at `now`, if its answer says how long it lasts, and returns that. `unseen` is how long its
    /// end may go unnoticed. `scopes` are those besides the grid that it counts in.
    pub(super) fn booked(
        &self,
        load: Load,
        answer: &[u8],
        (now, unseen): (Instant, Duration),
        scopes: impl Iterator<Item = ScopeName>,
    ) -> Option<Duration> {
        let lasts = self.lasts(answer)?;
        let noticed = lasts.saturating_add(unseen.min(LONGEST_UNSEEN));
        let now = self.since(now);
        self.forecast.booked(load, noticed, now);
        for scope in scopes {
            self.scopes.booked(scope, (load, noticed, now));
        }
        Some(lasts)
    }

    /// Notes that a client has found room in these scopes. `client` is asked for only if one of them has promised some.
    pub(super) fn entered(
        &self,
        scopes: impl Iterator<Item = ScopeName>,
        load: Load,
        now: Instant,
        client: impl Fn() -> Client,
    ) {
        for scope in scopes.filter(|scope| self.scopes.has_promised(scope)) {
            self.scopes.entered(&scope, self.ask(client(), load, now));
        }
    }

    /// Promises a place in a scope to a request that found no room there.
    pub(super) fn promise_in(
        &self,
        scope: &ScopeName,
        client: Client,
        (load, now): (Load, Instant),
        rng: &mut Rng,
    ) -> Wait {
        let ask = self.ask(client, load, now);
        at_most(self.scopes.promise(scope, ask, rng))
    }

    /// Whether nothing is promised, so that every request may enter.
    pub(super) fn is_free(&self) -> bool {
        self.promised.load(Relaxed) == 0
    }

    /// Number of promises that are kept. Brings it up to date first: most promises lapse while nothing comes.
    pub(super) fn promises(&self) -> usize {
        let now = self.since(Instant::now());
        let mut book = self.book.lock();
        book.promises.lapse(now);
        let count = book.promises.count();
        self.promised.store(count, Relaxed);
        count
    }

    /// The client that sends this body. Its number is the same in every process, so that a promise is kept by the next
    /// one, and nobody finds another body with that number.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "half of the hash is a hash"
    )]
    pub(super) fn client(body: &[u8], is_named: bool) -> Client {
        Client {
            number: KeyHash::of(body).0 as u64,
            is_named,
        }
    }

    /// Whether a place of this client is due.
    pub(super) fn is_due(&self, client: Client, load: Load, now: Instant) -> bool {
        let ask = self.ask(client, load, now);
        self.book.lock().promises.is_due(ask)
    }

    /// Whether a request may enter: its place is due, or it takes away no other's. `count` counts the room of the
    /// grid for requests of that load and `kind`.
    pub(super) fn enter(
        &self,
        client: Client,
        (load, kind): (Load, u64),
        now: Instant,
        count: impl FnOnce() -> i128,
    ) -> bool {
        let ask = self.ask(client, load, now);
        let mut book = self.book.lock();
        let Book { promises, room } = &mut *book;
        let enters = promises.enter(ask, &self.forecast, || Room::now(room, &ask, kind, count));
        if let Some(room) = room.as_mut().filter(|_| enters) {
            room.free -= i128::from(load.micros());
        }
        self.promised.store(promises.count(), Relaxed);
        enters
    }

    /// Promises a place to a request that found no room, or that did not enter (`was_held`).
    pub(super) fn promise(
        &self,
        client: Client,
        (load, kind): (Load, u64),
        now: Instant,
        was_held: bool,
        rng: &mut Rng,
    ) -> Wait {
        let ask = self.ask(client, load, now);
        let mut book = self.book.lock();
        let Book { promises, room } = &mut *book;
        let free = room.filter(|room| was_held && room.load == load && room.kind == kind);
        let free = free.map_or(0, |room| room.free.max(0));
        let wait = promises.promise(ask, &self.forecast, free, rng);
        self.promised.store(promises.count(), Relaxed);
        at_most(wait)
    }

    fn ask(&self, client: Client, load: Load, now: Instant) -> Ask {
        Ask {
            client: client.number,
            is_named: client.is_named,
            load,
            now: self.since(now),
        }
    }

    fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.start)
    }

    /// The duration of the session in an answer.
    pub(super) fn lasts(&self, answer: &[u8]) -> Option<Duration> {
        let value = answer.get(self.field.find(answer)? + FIELD.len()..)?;
        let value = value
            .trim_ascii_start()
            .strip_prefix(b":")?
            .trim_ascii_start();
        let is_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let length = value.iter().position(|byte| !is_of_number(byte))?;
        let seconds: f64 = str::from_utf8(value.get(..length)?).ok()?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// No longer than a forecast goes that is no promise.
fn at_most(wait: Wait) -> Wait {
    match wait {
        Wait::Longer(seconds) => Wait::Longer(seconds.min(LONGEST)),
        wait => wait,
    }
}

impl Room {
    /// The room for what is asked for, counted anew if the last count is too old.
    fn now(last: &mut Option<Self>, ask: &Ask, kind: u64, count: impl FnOnce() -> i128) -> i128 {
        let is_fresh = |room: &Self| {
            let is_same = room.load == ask.load && room.kind == kind;
            is_same && ask.now.saturating_sub(room.counted) < COUNTED
        };
        if let Some(room) = last.filter(is_fresh) {
            return room.free;
        }
        let free = count();
        *last = Some(Self {
            free,
            load: ask.load,
            kind,
            counted: ask.now,
        });
        free
    }
}

/// `Retry-After` for room in `room_in` seconds: not earlier, and up to half as much later (2 s at least).
pub(super) fn jittered(room_in: u32, rng: &mut Rng) -> u32 {
    let room_in = room_in.clamp(1, LONGEST);
    room_in + rng.u32(0..=(room_in / 2).max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn load(units: f64) -> Load {
        Load::new(units).unwrap()
    }

    fn answer(seconds: f64) -> Vec<u8> {
        format!(r#"{{"session_id":"s-1","duration_seconds":{seconds},"current_load":7}}"#)
            .into_bytes()
    }

    #[test]
    fn promises_follow_how_much_load_ends_and_when_and_are_kept() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs_f64(seconds);
        let forecast = CapacityForecast::new(start);
        let [one, two, three] = [b"1", b"2", b"3"].map(|body| CapacityForecast::client(body, true));
        let mut rng = Rng::with_seed(1);
        let mut refuse =
            |client, units, now| forecast.promise(client, (load(units), 0), now, false, &mut rng);
        assert_eq!(refuse(one, 11.0, start), Wait::Unknown);
        assert!(forecast.is_free());
        let booked = |seconds, unseen| {
            let when = (start, unseen);
            forecast.booked(load(11.0), &answer(seconds), when, std::iter::empty())
        };
        booked(10.0, NONE);
        booked(29.5, Duration::from_secs(1));
        assert_eq!(refuse(one, 11.0, start), Wait::Promised(11));
        assert_eq!(refuse(two, 11.0, start), Wait::Promised(31));
        assert!(!forecast.is_free());
        let room = || i128::from(load(11.0).micros());
        assert!(
            !forecast.enter(three, (load(11.0), 0), at(11.5), room),
            "it is the first one's"
        );
        assert!(!forecast.is_due(two, load(11.0), at(11.5)));
        assert!(forecast.is_due(one, load(11.0), at(11.5)));
        assert!(forecast.enter(one, (load(11.0), 0), at(11.5), room));
        assert!(
            !forecast.enter(three, (load(11.0), 0), at(11.501), room),
            "it has it by now"
        );
    }

    #[test]
    fn clients_are_told_apart_by_what_they_send() {
        let client = |body: &[u8]| CapacityForecast::client(body, true);
        assert_eq!(client(b"{}"), client(b"{}"));
        assert_ne!(client(b"{}"), client(b"{ }"));
    }

    #[test]
    fn an_answer_without_a_duration_is_ignored() {
        let forecast = CapacityForecast::new(Instant::now());
        for body in [
            &b""[..],
            b"{}",
            b"\"duration_seconds\"",
            b"{\"duration_seconds\":}",
            b"{\"duration_seconds\":\"1\"}",
            b"{\"duration_seconds\":-1}",
            b"{\"duration_seconds\":1e999}",
            b"{\"duration_seconds\":nan}",
            b"{\"duration_seconds\":5",
        ] {
            assert_eq!(
                forecast.lasts(body),
                None,
                "{}",
                String::from_utf8_lossy(body)
            );
        }
        let spaced = b"{ \"duration_seconds\" : 1.5e1 }";
        assert_eq!(forecast.lasts(spaced), Some(Duration::from_secs(15)));
    }

    #[test]
    fn retry_after_is_never_too_early_and_spreads_the_clients() {
        let mut rng = Rng::with_seed(1);
        for room_in in [0, 1, 10, 500] {
            let seconds: Vec<_> = (0..100).map(|_| jittered(room_in, &mut rng)).collect();
            let least = room_in.clamp(1, LONGEST);
            assert!(
                seconds
                    .iter()
                    .all(|seconds| (least..=least + (least / 2).max(2)).contains(seconds))
            );
            assert!(seconds.iter().any(|other| *other != seconds[0]));
        }
    }
}
