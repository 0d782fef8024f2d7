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
//! Requests that can use different upstreams are of different *kinds*: that one of them does not fit says nothing of
//! another kind. So each kind has an order of its own, and all go on by arrival. A pass looks in vain for a bounded number
//! of requests, and the next one begins with the kinds that this one did not come to.
//!
//! The line knows no upstreams and no clock: [`Room`] finds room, and the time is an argument. Every step costs
//! O(log n) for each kind and a bounded number of looks for room, whatever waits.

mod order;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    fmt,
    time::Duration,
};

use fastrand::Rng;

use crate::Load;
use order::{Order, Wish};

/// How many of a kind may be tried in vain in one pass. One is the rule; more only if room was taken meanwhile.
const MOST_MISSES: u32 = 8;
/// How many of all kinds may be tried in vain in one pass.
const MOST_MISSES_TOGETHER: u32 = 32;
/// How long the last pass tells what would fit.
const FRESH: Duration = Duration::from_millis(1);

/// A place in the order: by arrival, and then by which joined first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Turn {
    arrived: Duration,
    number: u64,
    kind: u64,
}

impl Turn {
    /// Before every other.
    pub const FIRST: Self = Self {
        arrived: Duration::ZERO,
        number: 0,
        kind: 0,
    };
}

/// What a line finds room with.
pub trait Room<T> {
    /// Takes room for `load`, if there is some that is not kept, and gives it to `item`.
    fn take(&mut self, load: Load, item: &T) -> bool;

    /// The same, for the request that room is kept for: it may take that too.
    fn take_kept(&mut self, load: Load, item: &T) -> bool;

    /// The largest load that would fit now into what is not kept, for requests of the kind of `item`, in millionths;
    /// `i64::MAX` if that is not known.
    fn largest(&mut self, item: &T) -> i64;

    /// Keeps what comes free at one upstream for `load` of `item`. False if no upstream can bear so much, or it is not
    /// known.
    fn keep(&mut self, load: Load, item: &T) -> bool;

    /// Keeps nothing any more.
    fn release(&mut self);
}

/// The requests that wait. `T` is what the caller knows of each of them.
pub struct Line<T> {
    kinds: BTreeMap<u64, Kind<T>>,
    rng: Rng,
    number: u64,
    kept: Option<Kept>,
    /// Until then nothing is kept.
    pause: Duration,
    /// The number of passes.
    passes: u64,
    /// Whether the last pass ended before it had come to every kind.
    is_cut: bool,
}

/// Requests that can use the same upstreams.
struct Kind<T> {
    order: Order<T>,
    /// When room was last looked for, and the largest load that would have fitted then.
    last: (Duration, i64),
    /// The last pass that came to them.
    pass: u64,
}

impl<T> Kind<T> {
    const fn new(pass: u64) -> Self {
        Self {
            order: Order::new(),
            last: (Duration::ZERO, i64::MAX),
            pass,
        }
    }
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
            // What was found for a request that can go anywhere is known also while none waits.
            kinds: BTreeMap::from([(0, Kind::new(0))]),
            rng: Rng::with_seed(seed),
            number: 0,
            kept: None,
            pause: Duration::ZERO,
            passes: 0,
            is_cut: false,
        }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds.values().map(|kind| kind.order.len()).sum()
    }

    /// Whether no request waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A turn of its own for a request that arrived then. `kind` is the same for all that can use the same upstreams, and 0
    /// for requests that can use all.
    pub fn turn(&mut self, arrived: Duration, kind: u64) -> Turn {
        self.number += 1;
        Turn {
            arrived,
            number: self.number,
            kind,
        }
    }

    /// Joins at `now`, to leave again at `until`.
    pub fn join(&mut self, turn: Turn, load: Load, now: Duration, until: Duration, item: T) {
        let wish = Wish {
            load: load.micros(),
            kept_from: now + until.saturating_sub(now) / 2,
        };
        let priority = self.rng.u64(..);
        let new = || Kind::new(self.passes);
        let kind = self.kinds.entry(turn.kind).or_insert_with(new);
        kind.order.insert(turn, wish, item, priority);
    }

    /// Leaves without room, if it has not left yet.
    pub fn leave(&mut self, turn: Turn, now: Duration) -> Option<T> {
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.turn == turn)
            && !kept.is_over
        {
            kept.is_over = true;
            self.pause = now + now.saturating_sub(kept.since);
        }
        self.remove(turn)
    }

    fn remove(&mut self, turn: Turn) -> Option<T> {
        let kind = self.kinds.get_mut(&turn.kind)?;
        let removed = kind.order.remove(turn);
        if turn.kind != 0 && kind.order.len() == 0 {
            self.kinds.remove(&turn.kind);
        }
        removed
    }

    /// The request that has this turn.
    #[must_use]
    pub fn get(&self, turn: Turn) -> Option<&T> {
        self.kinds.get(&turn.kind)?.order.get(turn)
    }

    /// The first in the line.
    #[must_use]
    pub fn first(&self) -> Option<(Turn, &T)> {
        let firsts = self.kinds.values().filter_map(|kind| kind.order.first());
        firsts.min_by_key(|(turn, _)| *turn)
    }

    /// Whether a look for room can find some for a request of this kind that has just come with `load`. It can't if it could
    /// not a moment ago.
    #[must_use]
    pub fn may_fit(&self, load: Load, kind: u64, now: Duration) -> bool {
        self.kinds.get(&kind).is_none_or(|kind| {
            let (at, largest) = kind.last;
            load.micros() <= largest || now.saturating_sub(at) >= FRESH
        })
    }

    /// Looks for room: all that get some leave the line.
    pub fn serve(&mut self, now: Duration, room: &mut impl Room<T>) {
        self.serve_kept(now, room);
        self.passes += 1;
        // By arrival, but after a pass that did not come to all those first that have waited longest for one.
        let was_cut = std::mem::take(&mut self.is_cut);
        let mut next = BinaryHeap::with_capacity(self.kinds.len());
        for (number, kind) in &mut self.kinds {
            kind.last = (now, i64::MAX - 1);
            let rank = if was_cut { kind.pass } else { 0 };
            if let Some((turn, _, _)) = kind.order.first_within(i64::MAX - 1) {
                next.push(Reverse((rank, turn, *number, 0)));
            }
        }
        let mut in_vain = 0;
        while let Some(Reverse((rank, _, number, mut misses))) = next.pop() {
            if in_vain == MOST_MISSES_TOGETHER {
                self.is_cut = true;
                break;
            }
            let Some(kind) = self.kinds.get_mut(&number) else {
                continue;
            };
            kind.pass = self.passes;
            let (_, limit) = &mut kind.last;
            let Some((turn, load, item)) = kind.order.first_within(*limit) else {
                continue;
            };
            if room.take(Load::from_micros(load), item) {
                kind.order.remove(turn);
            } else {
                *limit = (load - 1).min(room.largest(item));
                misses += 1;
                in_vain += 1;
            }
            let first = kind.order.first_within(*limit);
            if let Some((turn, _, _)) = first.filter(|_| misses < MOST_MISSES) {
                next.push(Reverse((rank, turn, number, misses)));
            }
        }
        self.kinds
            .retain(|number, kind| *number == 0 || kind.order.len() > 0);
    }

    /// The request that room is kept for goes first. If there is none, there may be one from now on.
    fn serve_kept(&mut self, now: Duration, room: &mut impl Room<T>) {
        if self.kept.is_some_and(|kept| kept.is_over) {
            self.kept = None;
            room.release();
        }
        // At most one request that can't be helped is passed over in each pass.
        let overdue = self.kinds.values_mut();
        let overdue = overdue.filter_map(|kind| {
            let (turn, load, _) = kind.order.first_kept(now)?;
            Some((turn, load, kind))
        });
        if self.kept.is_none()
            && now >= self.pause
            && let Some((turn, load, kind)) = overdue.min_by_key(|(turn, ..)| *turn)
        {
            let item = kind.order.get(turn);
            let is_kept = item.is_some_and(|item| room.keep(Load::from_micros(load), item));
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
            kind.order.set_wish(turn, wish);
        }
        if let Some(kept) = self.kept
            && let Some(item) = self.get(kept.turn)
            && room.take_kept(Load::from_micros(kept.load), item)
        {
            self.remove(kept.turn);
            self.kept = None;
            room.release();
        }
    }
}

#[cfg(test)]
mod tests;
