//! How much own load ends when: the part of a ledger's load that needs no gauge.
//!
//! Where the answer to a booking says how long the session lasts, the ledger knows its own live load by itself: what was
//! booked and has not ended. It is needed only to judge a gauge and to go on without one (see [`trust`](crate::trust)),
//! so it must cost next to nothing: one addition a booking, and a kilobyte for an upstream.
//!
//! The ends are counted in rings of places. A place of the first ring is a second wide, a place of each next ring four
//! times as wide as one before, and an end goes into the finest ring that reaches it. So an end is known to a second or
//! to a quarter of how far off it is, whatever the lengths of sessions are: they reach from seconds to eighteen hours.
//! (One ring for all lengths would need a place for every second of the longest.) Ends beyond count at the far end.
//!
//! A place is cleared when all of it is over. So what is counted is never less than the own live load, as far as
//! durations were told and kept.
//!
//! Only the task that judges clears places, and bookings choose a place by how far it has got. So the ring never wraps
//! onto a place that is still to be cleared; where a task is late, ends are counted more coarsely for a while.

use std::time::Duration;

use super::Ledger;
use crate::{
    Load,
    sync::atomic::{
        AtomicI64, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

/// Rings; a place of each is four times as wide as one of the ring before.
const RINGS: usize = 7;
/// Places of a ring.
const PLACES: usize = 18;
/// The same, to count seconds with.
const AROUND: u64 = PLACES as u64;
/// Places of a ring that can be in use: one is left out, so that what is added to it late can be cleared.
const REACH: u64 = AROUND - 2;
/// Added to a duration: it counts from when the request was sent, and the session begins a little later.
const BEGUN_LATER: Duration = Duration::from_secs(1);

/// See the [module](self).
#[derive(Debug)]
pub(super) struct OwnEnds {
    /// Everything that ended before this second is cleared.
    cleared: AtomicU64,
    /// In millionths.
    rings: [[AtomicI64; PLACES]; RINGS],
}

/// The own live load at one moment, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OwnLive {
    /// No less than what lives.
    pub(crate) most: i64,
    /// What will certainly still live at a later moment, unless a session ends early.
    pub(crate) lasting: i64,
}

/// The width of a place in seconds.
const fn width(ring: usize) -> u64 {
    1 << (2 * ring)
}

impl OwnEnds {
    /// With nothing booked, at `now`.
    fn new(now: Duration) -> Self {
        Self {
            cleared: AtomicU64::new(now.as_secs()),
            rings: Default::default(),
        }
    }

    #[inline]
    fn add(&self, load: Load, lasts: Duration, sent: Duration) {
        let end = sent.saturating_add(lasts).saturating_add(BEGUN_LATER);
        self.add_end(load, end.as_secs());
    }

    fn add_end(&self, load: Load, end: u64) {
        let cleared = self.cleared.load(Acquire);
        if end < cleared {
            return;
        }
        for (ring, places) in self.rings.iter().enumerate() {
            let (first, is_last) = (cleared / width(ring), ring + 1 == RINGS);
            let at = end / width(ring);
            if at <= first + REACH || is_last {
                if let Some(place) = place(places, at.min(first + REACH)) {
                    place.fetch_add(load.micros(), Relaxed);
                }
                return;
            }
        }
    }

    /// Clears what is over at `now`. Only one thread calls this.
    fn clear(&self, now: Duration) {
        let (before, now) = (self.cleared.load(Relaxed), now.as_secs());
        if now <= before {
            return;
        }
        for (ring, places) in self.rings.iter().enumerate() {
            let next = now / width(ring);
            // The place before as well: an end may have been added to it while it was cleared.
            let first = (before / width(ring)).min(next.saturating_sub(1));
            for over in first.max(next.saturating_sub(AROUND))..next {
                if let Some(place) = place(places, over) {
                    place.store(0, Relaxed);
                }
            }
        }
        self.cleared.store(now, Release);
    }

    /// What is counted now.
    fn most(&self) -> i64 {
        let all = self.rings.iter().flatten();
        all.fold(0, |sum, place| sum.saturating_add(place.load(Relaxed)))
    }

    /// What is counted, by how many seconds from `now` on it is over at the latest.
    fn ends(&self, now: u64) -> Vec<(u32, i64)> {
        let cleared = self.cleared.load(Acquire);
        let mut ends = Vec::with_capacity(2 * PLACES);
        for (ring, places) in self.rings.iter().enumerate() {
            let first = cleared / width(ring);
            for (number, place) in places.iter().enumerate() {
                let load = place.load(Relaxed);
                if load <= 0 {
                    continue;
                }
                // The next place of that number, from the first one on.
                let away = (number as u64 + AROUND - first % AROUND) % AROUND;
                let last = (first + away + 1) * width(ring) - 1;
                if away <= REACH
                    && let Some(left) = last.checked_sub(now)
                {
                    ends.push((u32::try_from(left).unwrap_or(u32::MAX), load));
                }
            }
        }
        ends
    }

    /// The own live load, and what of it will still live at `later`.
    fn live(&self, later: Duration) -> OwnLive {
        let cleared = self.cleared.load(Relaxed);
        let later = later.saturating_add(BEGUN_LATER).as_secs();
        let mut live = OwnLive::default();
        for (ring, places) in self.rings.iter().enumerate() {
            let first = cleared / width(ring);
            for at in first..=first + REACH {
                let load = place(places, at).map_or(0, |place| place.load(Relaxed));
                live.most = live.most.saturating_add(load);
                if at * width(ring) > later {
                    live.lasting = live.lasting.saturating_add(load);
                }
            }
        }
        live
    }
}

/// The place of number `at` in a ring.
fn place(ring: &[AtomicI64], at: u64) -> Option<&AtomicI64> {
    ring.get(usize::try_from(at % AROUND).ok()?)
}

impl Ledger {
    /// A booking of `load` is confirmed, and its session lasts so long from `sent` on, when its request was sent. Times
    /// are durations since a moment that is the same for all calls. To be called beside
    /// [`Reservation::booked`](crate::Reservation::booked), where load outlives its answer.
    ///
    /// The first call allocates a kilobyte; each is one addition.
    #[doc(hidden)]
    #[inline]
    pub fn lasts_for(&self, load: Load, lasts: Duration, sent: Duration) {
        let ends = self.own_ends.get_or_init(|| Box::new(OwnEnds::new(sent)));
        ends.add(load, lasts, sent);
    }

    /// The own live load at `now`, and what of it will still live at `later`. None where no duration was told yet. Only
    /// one thread may call this.
    pub(crate) fn own_live(&self, now: Duration, later: Duration) -> Option<OwnLive> {
        let ends = self.own_ends.get()?;
        ends.clear(now);
        Some(ends.live(later))
    }

    /// When own sessions end, by the seconds from `now` on: as late as it can be.
    pub(super) fn own_ends_from(&self, now: Duration) -> Vec<(u32, i64)> {
        let ends = self.own_ends.get().map(|ends| ends.ends(now.as_secs()));
        ends.unwrap_or_default()
    }

    /// Adds what [`Ledger::own_ends_from`] told `ago`. `is_judged`: the gauge is to be judged even if there is nothing.
    pub(super) fn restore_own_ends(
        &self,
        carried: &[(u32, i64)],
        now: Duration,
        ago: Duration,
        is_judged: bool,
    ) {
        if carried.is_empty() && !is_judged {
            return;
        }
        let ends = self.own_ends.get_or_init(|| Box::new(OwnEnds::new(now)));
        for (left, load) in carried {
            if let Some(left) = u64::from(*left).checked_sub(ago.as_secs()) {
                let load = Load::from_micros((*load).clamp(0, Load::LARGEST.micros()));
                ends.add_end(load, now.as_secs().saturating_add(left));
            }
        }
    }

    /// Whether a duration was ever told.
    pub(crate) fn has_own_ends(&self) -> bool {
        self.own_ends.get().is_some()
    }

    /// No less than the own live load, in millionths, as far as durations were told.
    pub(super) fn own_most(&self) -> i64 {
        self.own_ends.get().map_or(0, |ends| ends.most())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_takes_a_kilobyte() {
        assert!(size_of::<OwnEnds>() <= 1024);
    }

    #[test]
    fn it_is_never_less_than_what_lives_and_at_most_a_quarter_of_a_length_late() {
        let mut rng = fastrand::Rng::with_seed(3);
        for longest in [10, 100, 4_000, 60_000] {
            let ledger = Ledger::default();
            let mut sessions: Vec<(u64, u64)> = Vec::new();
            let mut now = 0;
            for _ in 0..2_000 {
                now += rng.u64(0..=longest / 20 + 1);
                let lasts = rng.u64(0..=longest);
                sessions.push((now + lasts, lasts));
                ledger.lasts_for(Load::from_micros(1), at(lasts), at(now));
                let later = now + rng.u64(0..=longest);
                let live = ledger.own_live(at(now), at(later)).unwrap();
                let lives = |until: u64| sessions.iter().filter(|(end, _)| *end >= until).count();
                let lives = |until| i64::try_from(lives(until)).unwrap();
                assert!(live.most >= lives(now), "{longest} at {now}: {live:?}");
                assert!(live.lasting <= lives(later), "{longest} at {now}: {live:?}");
                let late = |(end, lasts): &&(u64, u64)| end + 3 + lasts.div_ceil(4) >= now;
                let most = sessions.iter().filter(late).count();
                assert!(
                    live.most <= i64::try_from(most).unwrap(),
                    "{longest} at {now}: {live:?}, {most}"
                );
                assert_eq!(ledger.own_most(), live.most);
            }
        }
    }

    #[test]
    fn in_the_next_process_it_is_never_less_than_what_lives_either() {
        let mut rng = fastrand::Rng::with_seed(5);
        for longest in [10, 100, 4_000, 60_000] {
            let (old, new) = (Ledger::default(), Ledger::default());
            let began = rng.u64(0..100_000);
            let sessions: Vec<_> = (0..200).map(|_| rng.u64(0..=longest)).collect();
            for lasts in &sessions {
                old.lasts_for(Load::from_micros(1), at(*lasts), at(began));
            }
            // The judge may have come late, or not yet.
            let passed = rng.u64(0..=longest / 2);
            old.own_live(at(began + passed / 2), at(began));
            let (ago, here) = (rng.u64(0..=longest / 4), rng.u64(0..9_000));
            let carried = old.own_ends_from(at(began + passed));
            new.restore_own_ends(&carried, at(here), at(ago), false);
            for later in (0..longest).step_by(usize::try_from(longest / 10).unwrap()) {
                let now = passed + ago + later;
                let lives = sessions.iter().filter(|lasts| **lasts >= now).count();
                let most = new
                    .own_live(at(here + later), at(0))
                    .map_or(0, |live| live.most);
                assert!(
                    most >= i64::try_from(lives).unwrap(),
                    "{longest} after {now}: {most} of {lives}"
                );
            }
            let end = here + 2 * longest + 60;
            assert_eq!(new.own_live(at(end), at(end)).unwrap_or_default().most, 0);
        }
    }

    #[test]
    fn after_a_standstill_nothing_is_left_and_what_comes_then_is_counted() {
        let ledger = Ledger::default();
        let one = Load::from_micros(1);
        for lasts in [1, 100, 10_000] {
            ledger.lasts_for(one, at(lasts), at(0));
        }
        // The judge comes late: ends are counted more coarsely, and none is lost.
        for lasts in [1, 5, 50, 500] {
            ledger.lasts_for(one, at(lasts), at(90));
        }
        assert_eq!(
            ledger.own_live(at(91), at(300)).unwrap(),
            OwnLive {
                most: 6,
                lasting: 2
            }
        );
        assert_eq!(
            ledger.own_live(at(1_000_000), at(1_000_000)).unwrap(),
            OwnLive::default()
        );
        ledger.lasts_for(one, Duration::MAX, at(1_000_000));
        assert_eq!(
            ledger.own_live(at(1_000_001), at(1_030_000)).unwrap(),
            OwnLive {
                most: 1,
                lasting: 1
            }
        );
    }
}
