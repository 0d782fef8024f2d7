//! Says to requests that find no room when to come back, and remembers what it said.
//!
//! Each of them gets a *place*: the first second by whose end as much load as it asks for will have ended, beyond all
//! that was promised before. So clients come back as fast as room comes free, and not all for the same room.
//! For the room to be there, no other request may have taken it: while there are promises, a request enters only if
//! enough is left for all that were promised a place.
//!
//! ```text
//! balance(s) = room now − places whose time has come − places promised for the seconds up to s
//!              + load that ends up to s + load that was promised a place and will have ended up to s
//! ```
//!
//! A request enters if the balance is at least its load now and at all times to come. A place is the first second from
//! which on it is. The load that will have ended is a guess, made from the lengths of the last sessions: without it a
//! line would end with the last session that is known.
//!
//! A number that the caller makes of the request tells clients apart. A *named* request (it names a car or has a
//! key) has one place, and keeps it if it comes too early. Others can't be told apart, so each refusal is a place of
//! its own, and the first of them that comes once a place is due gets it.
//!
//! A place lapses some seconds after its time. Not all clients come back; so the part of them that does is learned, and
//! only that part of each place is kept free. Where none comes back, nothing is. (A part of a place is rounded:
//! if less than half of them come back, a single place is not kept.)
//!
//! Memory is bounded, and a request costs a pass over the seconds that have a promise.

mod carry;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fastrand::Rng;

use crate::{
    Forecast, Load,
    forecast::{HORIZON, RING},
};

pub use carry::{CarriedPlace, CarriedPromises};

/// The most promises that are remembered.
const MOST: usize = 1 << 16;
/// The longest wait that is promised, in seconds.
const LONGEST: u64 = 3_600;
/// How long a place is kept after its time, in seconds, and which part of the wait is added: clocks differ.
const GRACE: (u64, u64) = (3, 32);
/// How much sooner than it was told a named client may come: timers end early.
const EARLY: Duration = Duration::from_millis(50);
/// This part of its length is added to a session that is not booked yet. If that is too much, there will be room that
/// is promised to none; if it were too little, promises would be broken.
const CAUTION: u32 = 64;
/// The weight of the last promise in what is learned of how many come back.
const LEARNING: i128 = 16;
/// The part of the clients that come back, if all do.
const WHOLE: i128 = 1 << 20;
/// So much room that no promise matters.
pub const BOUNDLESS: i128 = i128::MAX / 4;

/// Which client asks, for how much, and when.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Stands for the client: the same number when it comes back.
    pub client: u64,
    /// Whether no other client has that number.
    pub is_named: bool,
    /// What it asks for.
    pub load: Load,
    /// The time since the moment that the forecast counts from.
    pub now: Duration,
}

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// In so many seconds; a place is kept.
    Promised(u32),
    /// In so many seconds at least: so far nothing is promised.
    Longer(u32),
    /// Nothing is known.
    Unknown,
}

/// The promises of a proxy.
#[derive(Debug)]
pub struct Promises {
    /// For places, by the second by whose end there is room, in millionths.
    promised: Box<[i128]>,
    /// For places, by the second in which that session will have ended.
    ending: Box<[i128]>,
    /// Seconds before this one are cleared.
    swept: u64,
    /// For places whose second is over.
    due: i128,
    /// No place is later.
    latest: u64,
    places: BTreeMap<Key, Place>,
    /// The last second of each place.
    lapses: BTreeSet<(u64, Key)>,
    number: u64,
    /// The part of the clients that come back, of [`WHOLE`].
    come_back: i128,
}

/// Orders places by client, and then by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    client: u64,
    /// When the client is told to come.
    expected: Duration,
    number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    second: u64,
    /// When its session will have ended; none if that is beyond the horizon.
    end: Option<u64>,
    lapse: u64,
    /// In millionths.
    load: i64,
}

impl Default for Promises {
    fn default() -> Self {
        let ring = || (0..RING).map(|_| 0).collect();
        Self {
            promised: ring(),
            ending: ring(),
            swept: 0,
            due: 0,
            latest: 0,
            places: BTreeMap::new(),
            lapses: BTreeSet::new(),
            number: 0,
            come_back: WHOLE,
        }
    }
}

impl Promises {
    /// The number of places that are kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Forgets the places that were not fetched in time.
    pub fn lapse(&mut self, now: Duration) {
        self.sweep(now.as_secs());
    }

    /// Whether a place of this client is due.
    pub fn is_due(&mut self, ask: Ask) -> bool {
        self.sweep(ask.now.as_secs());
        self.due_place(ask).is_some()
    }

    /// Whether a request may enter: its place is due, or it takes away no other's. Its place is given up then. `free`
    /// is the room now, in millionths, counted in places of that load.
    pub fn enter(&mut self, ask: Ask, forecast: &Forecast, free: impl FnOnce() -> i128) -> bool {
        self.sweep(ask.now.as_secs());
        forecast.sweep(ask.now.as_secs());
        if let Some(due) = self.due_place(ask) {
            self.give_up(due);
            self.come_back += (WHOLE - self.come_back + LEARNING - 1) / LEARNING;
            return true;
        }
        let early = self.first_of(ask).filter(|_| ask.is_named);
        let early = early.and_then(|key| Some((key, self.give_up(key)?)));
        let free = free();
        let has_room = free - self.part(self.due) >= self.needed(ask.load)
            && self.first_second(ask, forecast, free) == Some(ask.now.as_secs());
        if let Some((key, place)) = early.filter(|_| !has_room) {
            self.keep(key, place);
        }
        has_room
    }

    /// Promises a place to a request that did not enter or found no room. `free` as in [`Promises::enter`]; zero for a
    /// request that found no room.
    pub fn promise(&mut self, ask: Ask, forecast: &Forecast, free: i128, rng: &mut Rng) -> Wait {
        let now = ask.now.as_secs();
        self.sweep(now);
        forecast.sweep(now);
        if let Some(early) = self.first_of(ask).filter(|_| ask.is_named) {
            let left = early.expected.saturating_sub(ask.now);
            return wait(whole(left).max(1), Wait::Promised);
        }
        let Some(second) = self.first_second(ask, forecast, free) else {
            return Wait::Unknown;
        };
        // What ends in a second has certainly ended when the second is over.
        let seconds = whole(Duration::from_secs(second + 1).saturating_sub(ask.now)).max(1);
        if seconds > LONGEST || self.places.len() >= MOST {
            return wait(seconds.min(LONGEST), Wait::Longer);
        }
        let expected = ask.now + Duration::from_secs(seconds);
        let end = forecast.length(rng);
        let end = end.map(|length| (expected + length + length / CAUTION).as_secs());
        self.number += 1;
        let key = Key {
            client: ask.client,
            expected,
            number: self.number,
        };
        let place = Place {
            second,
            end: end.filter(|end| *end < now + HORIZON),
            lapse: expected.as_secs() + GRACE.0 + seconds / GRACE.1,
            load: ask.load.micros(),
        };
        self.keep(key, place);
        wait(seconds, Wait::Promised)
    }

    /// The first second from which on as much as is asked for will be free. None if less is known to end.
    fn first_second(&self, ask: Ask, forecast: &Forecast, free: i128) -> Option<u64> {
        let (now, load) = (ask.now.as_secs(), self.needed(ask.load));
        let mut balance = free - self.part(self.due);
        let mut first = None;
        for second in now..now + HORIZON {
            // What ends in this second is room by now, in part: it is not counted twice.
            let ends: i128 = if second == now {
                0
            } else {
                forecast.ends(second).into()
            };
            balance += ends + self.part(at(&self.ending, second) - at(&self.promised, second));
            first = (balance >= load).then(|| first.unwrap_or(second));
            if first.is_some() && second >= self.latest {
                break;
            }
        }
        first
    }

    /// How much has to be free for `load`: all of it if all come back, and at least half of it. For a small part of a
    /// place that is kept for another, a whole place must not stay empty.
    fn needed(&self, load: Load) -> i128 {
        let load = i128::from(load.micros());
        i128::midpoint(load, self.part(load))
    }

    /// The part of promised load that counts: of the clients that come back.
    fn part(&self, promised: i128) -> i128 {
        promised * self.come_back / WHOLE
    }

    /// The first place of this client that is due.
    fn due_place(&self, ask: Ask) -> Option<Key> {
        // A place of the others is kept to the moment: a client that came early would take the place of another on its
        // way.
        let early = if ask.is_named { EARLY } else { Duration::ZERO };
        self.first_of(ask)
            .filter(|key| key.expected <= ask.now + early)
    }

    fn first_of(&self, ask: Ask) -> Option<Key> {
        let from = Key {
            client: ask.client,
            expected: Duration::ZERO,
            number: 0,
        };
        let (first, _) = self.places.range(from..).next()?;
        (first.client == ask.client).then_some(*first)
    }

    fn keep(&mut self, key: Key, place: Place) {
        let load = i128::from(place.load);
        if place.second < self.swept {
            self.due += load;
        } else {
            add(&mut self.promised, place.second, load);
        }
        if let Some(end) = place.end.filter(|end| *end >= self.swept) {
            add(&mut self.ending, end, load);
        }
        self.latest = self.latest.max(place.second);
        self.lapses.insert((place.lapse, key));
        self.places.insert(key, place);
    }

    fn give_up(&mut self, key: Key) -> Option<Place> {
        let place = self.places.remove(&key)?;
        self.lapses.remove(&(place.lapse, key));
        let load = i128::from(place.load);
        if place.second < self.swept {
            self.due -= load;
        } else {
            add(&mut self.promised, place.second, -load);
        }
        if let Some(end) = place.end.filter(|end| *end >= self.swept) {
            add(&mut self.ending, end, -load);
        }
        Some(place)
    }

    /// Moves on to the second `now`: what was promised for earlier ones is due, and what was not fetched lapses.
    fn sweep(&mut self, now: u64) {
        if now <= self.swept {
            return;
        }
        for second in self.swept..now.min(self.swept + RING) {
            let promised = at(&self.promised, second);
            self.due += promised;
            add(&mut self.promised, second, -promised);
            let ending = at(&self.ending, second);
            add(&mut self.ending, second, -ending);
        }
        self.swept = now;
        while let Some((_, key)) = self.lapses.first().copied().filter(|(last, _)| *last < now) {
            self.give_up(key);
            self.come_back -= self.come_back / LEARNING;
        }
    }
}

fn wait(seconds: u64, of: fn(u32) -> Wait) -> Wait {
    u32::try_from(seconds).map_or(Wait::Unknown, of)
}

/// Whole seconds, rounded up.
fn whole(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

/// The place of `second` in a ring.
fn at(ring: &[i128], second: u64) -> i128 {
    let place = usize::try_from(second % RING).ok();
    place
        .and_then(|place| ring.get(place))
        .copied()
        .unwrap_or(0)
}

fn add(ring: &mut [i128], second: u64, load: i128) {
    let place = usize::try_from(second % RING).ok();
    if let Some(sum) = place.and_then(|place| ring.get_mut(place)) {
        *sum += load;
    }
}

#[cfg(test)]
mod tests;
