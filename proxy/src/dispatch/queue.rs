//! The admission queue: a bounded wait for room, off unless it is configured.
//!
//! When no substation has room, a request may wait a little instead of being refused: room appears with the next
//! sample, or when another request's reservation is cancelled. The
//! [`Line`] decides which is served when; this module lets tasks stand in it.
//!
//! One waiting request looks for room for all of them every few milliseconds, instead of being notified: a choice
//! takes a microsecond. It gives what it finds to those whose turn it is, reserved already, so no other can take it
//! before they wake up. When it leaves, another takes over.
//!
//! A request whose `Idempotency-Key` is held by a substation that had no room waits apart, for that substation.

mod slot;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use switchyard_balance::{
    Line, Load,
    line::{Room, Turn},
};
use switchyard_config as config;
use switchyard_grid::Substation;
use switchyard_http1::Head;
use switchyard_wire::names::REQUEST_TIMEOUT;
use tokio::time::{Instant, timeout};

use slot::Word;
pub(super) use slot::{Granted, Slot, Wish};

/// Longest text that is read as a duration, in bytes.
const LONGEST_TEXT: usize = 16;
/// How often room is looked for.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The queue of this proxy. Shared by all threads.
#[derive(Debug)]
pub(super) struct Queue {
    start: Instant,
    waiting: Mutex<Waiting>,
    /// Number of waiting requests, readable without the lock.
    length: AtomicUsize,
}

/// All requests that wait.
#[derive(Debug)]
struct Waiting {
    line: Line<Arc<Slot>>,
    /// Those that wait for one substation, by its id.
    at_holder: BTreeMap<(u64, Turn), (Arc<Substation>, Arc<Slot>)>,
    /// Those with an `Idempotency-Key`, by the number of the key.
    keyed: BTreeMap<(u64, Turn), Arc<Slot>>,
    /// The one that looks for room.
    poller: Option<Standing>,
    kept: Option<Kept>,
}

/// Where a request stands: in the line, or among those that wait for the substation of this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    turn: Turn,
    holder: Option<u64>,
}

/// Where room is kept: a position in the grid of that version, and the load that it is kept for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) load: Load,
    pub(super) version: u64,
    pub(super) at: usize,
}

/// Why a waiting request wakes up.
pub(super) enum Woken {
    /// It has room.
    Granted(Granted),
    /// Its substation may have room, or another request with its key has been sent: it is to look for itself.
    Called,
    /// It is time to look for room for all that wait.
    Poll,
}

/// A place in the queue; given up when dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    queue: &'a Queue,
    standing: Standing,
    key: Option<u64>,
    pub(super) slot: Arc<Slot>,
}

impl Queue {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            waiting: Mutex::new(Waiting {
                line: Line::new(fastrand::u64(..)),
                at_holder: BTreeMap::new(),
                keyed: BTreeMap::new(),
                poller: None,
                kept: None,
            }),
            length: AtomicUsize::new(0),
        }
    }

    /// Number of requests that wait.
    pub(super) fn length(&self) -> usize {
        self.length.load(Relaxed)
    }

    /// A place for a request.
    pub(super) fn join(&self, wish: &Wish<'_>, now: Instant) -> Place<'_> {
        let slot = Arc::new(Slot::new(wish));
        let standing = self.change(|waiting| {
            let turn = waiting.line.turn(self.since(wish.arrived), wish.kind());
            if let Some(holder) = wish.holder {
                let waits = (Arc::clone(holder), Arc::clone(&slot));
                waiting.at_holder.insert((holder.id().get(), turn), waits);
            } else {
                let (now, until) = (self.since(now), self.since(wish.until));
                let line = &mut waiting.line;
                line.join(turn, wish.load, now, until, Arc::clone(&slot));
            }
            if let Some(key) = wish.key {
                waiting.keyed.insert((key, turn), Arc::clone(&slot));
            }
            Standing {
                turn,
                holder: wish.holder.map(|holder| holder.id().get()),
            }
        });
        Place {
            queue: self,
            standing,
            key: wish.key,
            slot,
        }
    }

    /// Whether it is worth to look for room for a request that has just come.
    pub(super) fn may_fit(&self, wish: &Wish<'_>, now: Instant) -> bool {
        let waiting = self.waiting.lock();
        waiting
            .line
            .may_fit(wish.load, wish.kind(), self.since(now))
    }

    /// Looks for room for all that wait. `find` makes what finds it, of what is kept, and `kept` says what is kept
    /// then.
    pub(super) fn serve<R: Room<Arc<Slot>>>(
        &self,
        now: Instant,
        find: impl FnOnce(Option<Kept>) -> R,
        kept: impl FnOnce(R) -> Option<Kept>,
    ) {
        self.change(|waiting| {
            let mut room = find(waiting.kept);
            waiting.line.serve(self.since(now), &mut room);
            waiting.kept = kept(room);
            waiting.call_at_holders();
        });
    }

    /// Wakes all that wait with this key: a substation is being asked by it, so they need no room of their own.
    pub(super) fn call(&self, key: u64) {
        let waiting = self.waiting.lock();
        let same = waiting.keyed.range((key, Turn::FIRST)..);
        for (_, slot) in same.take_while(|((other, _), _)| *other == key) {
            slot.call();
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Waiting) -> T) -> T {
        let mut waiting = self.waiting.lock();
        let result = change(&mut waiting);
        waiting.elect();
        let length = waiting.line.len() + waiting.at_holder.len();
        self.length.store(length, Relaxed);
        result
    }

    fn since(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }
}

impl Waiting {
    /// Sees to it that one waiting request looks for room.
    fn elect(&mut self) {
        let is_there = |poller: &Standing| match poller.holder {
            None => self.line.get(poller.turn).is_some(),
            Some(holder) => self.at_holder.contains_key(&(holder, poller.turn)),
        };
        if self.poller.as_ref().is_some_and(is_there) {
            return;
        }
        let first = self.line.first().map(|(turn, slot)| {
            let holder = None;
            (Standing { turn, holder }, slot)
        });
        let first = first.or_else(|| {
            let ((holder, turn), (_, slot)) = self.at_holder.first_key_value()?;
            let (turn, holder) = (*turn, Some(*holder));
            Some((Standing { turn, holder }, slot))
        });
        if let Some((_, slot)) = first {
            slot.woken.notify_one();
        }
        self.poller = first.map(|(standing, _)| standing);
    }

    /// Calls the first of those that wait for each substation that has room for it.
    fn call_at_holders(&mut self) {
        let mut from = (0, Turn::FIRST);
        while let Some((at, (holder, slot))) = self.at_holder.range(from..).next() {
            let (id, turn) = *at;
            from = (id.saturating_add(1), Turn::FIRST);
            let ledger = holder.ledger();
            if ledger.room() >= slot.load.micros() && !ledger.is_full_above(slot.load) {
                slot.call();
                self.at_holder.remove(&(id, turn));
            }
        }
    }
}

/// Until when a request that finds no room at `now` may wait: no longer than its client waits (`x-request-timeout`),
/// and
/// so that the `usual` time of an exchange is left until its `deadline`.
pub(super) fn until(
    rules: &config::Admission,
    head: Head<'_>,
    now: Instant,
    deadline: Instant,
    usual: Duration,
) -> Instant {
    let patience = head.all(REQUEST_TIMEOUT).next().and_then(|value| {
        let text = str::from_utf8(value).ok();
        let text = text.filter(|text| text.len() <= LONGEST_TEXT)?;
        humantime::parse_duration(text).ok()
    });
    let wait = patience.map_or(rules.timeout, |patience| patience.min(rules.timeout));
    let left = deadline.saturating_duration_since(now);
    now + wait.min(left.saturating_sub(usual))
}

impl Place<'_> {
    /// Whether there is something to be told, so that [`Place::woken`] does not wait.
    pub(super) fn is_called(&self) -> bool {
        self.slot.word.lock().is_some()
    }

    /// Waits until there is something to do. May be dropped and called again: nothing is lost.
    pub(super) async fn woken(&self) -> Woken {
        loop {
            let word = self.slot.word.lock().take();
            match word {
                Some(Word::Granted(granted)) => return Woken::Granted(granted),
                Some(Word::Called) => return Woken::Called,
                None => {}
            }
            let woken = self.slot.woken.notified();
            if !self.is_poller() {
                woken.await;
            } else if timeout(POLL_INTERVAL, woken).await.is_err() {
                return Woken::Poll;
            }
        }
    }

    fn is_poller(&self) -> bool {
        self.queue.waiting.lock().poller == Some(self.standing)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Standing { turn, holder } = self.standing;
        self.queue.change(|waiting| {
            match holder {
                None => drop(waiting.line.leave(turn, self.queue.since(Instant::now()))),
                Some(holder) => drop(waiting.at_holder.remove(&(holder, turn))),
            }
            if let Some(key) = self.key {
                waiting.keyed.remove(&(key, turn));
            }
        });
        // Room that is not fetched any more.
        let word = self.slot.word.lock().take();
        if let Some(Word::Granted(granted)) = word {
            granted.cancel();
        }
    }
}

#[cfg(test)]
mod tests;
