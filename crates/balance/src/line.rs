//! The line of requests that wait for room.
//!
//! Places are by arrival. Whenever there may be room, the first in the line is tried, then the first whose load is less
//! than what did not fit, and so on: a request that fits passes those before it that don't, and takes nothing from them
//! that they could use now.
//!
//! Yet many small requests in a row could keep a large one waiting for ever, because room comes in small pieces. So
//! after half of its patience the first that still waits has one upstream *kept* for it: what comes free there goes to
//! no other, until it fits or its patience ends. Three rules bound what that costs the others:
//!
//! - Room is kept for one request at a time, at one upstream.
//! - It is kept only at an upstream that can bear the load at all.
//! - If it was kept in vain, none is kept for as long again. So a client that asks for more and more than will ever come
//!   free leaves at least half of the time to the others.
//!
//! The line knows no upstreams and no clock: [`Room`] finds room, and the time is an argument. Every step costs
//! O(log n) and a bounded number of looks for room, whatever waits.

mod order;

use std::{fmt, time::Duration};

use fastrand::Rng;

use crate::Load;
use order::{Order, Wish};

/// How many may be tried in vain in one pass. One is the rule; more only if room was taken meanwhile.
const MOST_MISSES: u32 = 8;
/// How long the last pass tells what would fit.
const FRESH: Duration = Duration::from_millis(1);

/// A place in the order: by arrival, and then by which joined first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    arrived: Duration,
    number: u64,
}

impl Turn {
    /// Before every other.
    pub const FIRST: Self = Self {
        arrived: Duration::ZERO,
        number: 0,
    };
}

/// What a line finds room with.
pub trait Room<T> {
    /// Takes room for `load`, if there is some that is not kept, and gives it to `item`.
    fn take(&mut self, load: Load, item: &T) -> bool;

    /// The same, for the request that room is kept for: it may take that too.
    fn take_kept(&mut self, load: Load, item: &T) -> bool;

    /// The largest load that would fit now into what is not kept, in millionths; `i64::MAX` if that is not known.
    fn largest(&mut self) -> i64;

    /// Keeps what comes free at one upstream for `load`. False if no upstream can bear so much, or it is not known.
    fn keep(&mut self, load: Load) -> bool;

    /// Keeps nothing any more.
    fn release(&mut self);
}

/// The requests that wait. `T` is what the caller knows of each of them.
pub struct Line<T> {
    order: Order<T>,
    rng: Rng,
    number: u64,
    kept: Option<Kept>,
    /// Until then nothing is kept.
    pause: Duration,
    /// When room was last looked for, and the largest load that would have fitted then.
    last: (Duration, i64),
}

/// The request that room is kept for.
#[derive(Clone, Copy, Debug)]
struct Kept {
    turn: Turn,
    load: i64,
    since: Duration,
    is_over: bool,
}

impl<T> fmt::Debug for Line<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("waiting", &self.len())
            .field("kept", &self.kept)
            .finish_non_exhaustive()
    }
}

impl<T> Line<T> {
    /// An empty line. `seed` must not be known to clients.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            order: Order::new(),
            rng: Rng::with_seed(seed),
            number: 0,
            kept: None,
            pause: Duration::ZERO,
            last: (Duration::ZERO, i64::MAX),
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no request waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A turn of its own for a request that arrived then.
    pub fn turn(&mut self, arrived: Duration) -> Turn {
        self.number += 1;
        Turn {
            arrived,
            number: self.number,
        }
    }

    /// Joins at `now`, to leave again at `until`.
    pub fn join(&mut self, turn: Turn, load: Load, now: Duration, until: Duration, item: T) {
        let wish = Wish {
            load: load.micros(),
            kept_from: now + until.saturating_sub(now) / 2,
        };
        let priority = self.rng.u64(..);
        self.order.insert(turn, wish, item, priority);
    }

    /// Leaves without room, if it has not left yet.
    pub fn leave(&mut self, turn: Turn, now: Duration) -> Option<T> {
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.turn == turn)
            && !kept.is_over
        {
            kept.is_over = true;
            self.pause = now + now.saturating_sub(kept.since);
        }
        self.order.remove(turn)
    }

    /// The request that has this turn.
    #[must_use]
    pub fn get(&self, turn: Turn) -> Option<&T> {
        self.order.get(turn)
    }

    /// The first in the line.
    #[must_use]
    pub fn first(&self) -> Option<(Turn, &T)> {
        self.order.first()
    }

    /// Whether a look for room can find some for a request that has just come with `load`. It can't if it could not a
    /// moment ago.
    #[must_use]
    pub fn may_fit(&self, load: Load, now: Duration) -> bool {
        let (at, largest) = self.last;
        load.micros() <= largest || now.saturating_sub(at) >= FRESH
    }

    /// Looks for room: all that get some leave the line.
    pub fn serve(&mut self, now: Duration, room: &mut impl Room<T>) {
        self.serve_kept(now, room);
        let (mut limit, mut misses) = (i64::MAX - 1, 0);
        while let Some((turn, load, item)) = self.order.first_within(limit) {
            if room.take(Load::from_micros(load), item) {
                self.order.remove(turn);
                continue;
            }
            limit = (load - 1).min(room.largest());
            misses += 1;
            if misses == MOST_MISSES {
                break;
            }
        }
        self.last = (now, limit);
    }

    /// The request that room is kept for goes first. If there is none, there may be one from now on.
    fn serve_kept(&mut self, now: Duration, room: &mut impl Room<T>) {
        if self.kept.is_some_and(|kept| kept.is_over) {
            self.kept = None;
            room.release();
        }
        // At most one request that can't be helped is passed over in each pass.
        if self.kept.is_none()
            && now >= self.pause
            && let Some((turn, load, _)) = self.order.first_kept(now)
        {
            let is_kept = room.keep(Load::from_micros(load));
            let load_in_order = if is_kept { i64::MAX } else { load };
            self.kept = is_kept.then_some(Kept {
                turn,
                load,
                since: now,
                is_over: false,
            });
            let wish = Wish {
                load: load_in_order,
                ..Wish::NONE
            };
            self.order.set_wish(turn, wish);
        }
        if let Some(kept) = self.kept
            && let Some(item) = self.order.get(kept.turn)
            && room.take_kept(Load::from_micros(kept.load), item)
        {
            self.order.remove(kept.turn);
            self.kept = None;
            room.release();
        }
    }
}

#[cfg(test)]
mod tests;
