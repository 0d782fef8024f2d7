//! How much load ends in which second, as far as this proxy knows.
//!
//! Most answers to a booking say how long the session lasts. So the loads that end in each coming second can be added
//! up, with one addition a booking: no list of sessions, no lock but for the first in a second, and no clock but the
//! caller's. The lengths of the
//! last sessions are kept as well: they say how long a session will last that is not booked yet.
//!
//! The forecast does not know sessions booked by others or sessions that end early.
//! [`Promises`](crate::promises::Promises) are made from it.

mod carry;

use std::{sync::PoisonError, time::Duration};

use fastrand::Rng;

use crate::{
    Load,
    sync::{
        Mutex,
        atomic::{
            AtomicI64, AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

pub use carry::CarriedForecast;

/// Seconds in the ring: a little over an hour.
pub(crate) const RING: u64 = 4096;
/// Ends later than this are counted at this second.
pub(crate) const HORIZON: u64 = RING - 64;
/// The number of lengths that are kept: enough to stand for their distribution.
const LENGTHS: usize = 256;

/// When the bookings of this proxy end. Shared by all threads.
#[derive(Debug)]
pub struct Forecast {
    /// In millionths, by second.
    ends: Box<[AtomicI64]>,
    /// Seconds before this one are cleared, and reused for later seconds.
    swept: AtomicU64,
    /// Held by the thread that clears.
    sweeping: Mutex<()>,
    /// Of some of the last sessions, in milliseconds; 0 where there was none yet.
    lengths: Box<[AtomicU32]>,
}

impl Default for Forecast {
    fn default() -> Self {
        Self {
            ends: (0..RING).map(|_| AtomicI64::new(0)).collect(),
            swept: AtomicU64::new(0),
            sweeping: Mutex::new(()),
            lengths: (0..LENGTHS).map(|_| AtomicU32::new(0)).collect(),
        }
    }
}

impl Forecast {
    fn add(&self, end: u64, load: i64) {
        if let Some(end) = at(&self.ends, end) {
            let add = |sum: i64| Some(sum.saturating_add(load));
            let _ = end.fetch_update(Relaxed, Relaxed, add);
        }
    }

    /// Adds a booking of `load` at `now`, which ends after `lasts`. `now` is the time since a moment that is the same
    /// for all calls.
    pub fn booked(&self, load: Load, lasts: Duration, now: Duration) {
        self.sweep(now.as_secs());
        let end = now.saturating_add(lasts).as_secs();
        self.add(end.min(now.as_secs() + HORIZON - 1), load.micros());
        // Any place will do: the fraction of the second is as good as a random number, and costs nothing.
        if let Some(length) = at(&self.lengths, (now.subsec_nanos() / 64).into()) {
            let millis = u32::try_from(lasts.as_millis()).unwrap_or(u32::MAX);
            length.store(millis.max(1), Relaxed);
        }
    }

    /// The load in millionths that ends in `second`. It must be at most [`HORIZON`] after the last time that was
    /// passed to [`Forecast::sweep`] or to [`Forecast::booked`].
    pub(crate) fn ends(&self, second: u64) -> i64 {
        at(&self.ends, second).map_or(0, |end| end.load(Relaxed))
    }

    /// Whether some load is known to end after `now`.
    #[must_use]
    pub fn is_any_to_end(&self, now: Duration) -> bool {
        self.sweep(now.as_secs());
        self.ends.iter().any(|end| end.load(Relaxed) != 0)
    }

    /// How long a session will last that is not booked yet: as long as one of the last ones. None if none is known.
    pub(crate) fn length(&self, rng: &mut Rng) -> Option<Duration> {
        let known = || {
            let lengths = self.lengths.iter().map(|length| length.load(Relaxed));
            lengths.filter(|length| *length > 0)
        };
        let count = known().count();
        let drawn = (count > 0).then(|| known().nth(rng.usize(..count)));
        let millis = drawn.flatten()?;
        Some(Duration::from_millis(millis.into()))
    }

    /// Clears the seconds that are over. The first thread in a new second does it, and others wait for it: an end that was
    /// added to a place which is still to be cleared would be lost. After a quiet hour that may be any place.
    pub(crate) fn sweep(&self, now: u64) {
        if self.swept.load(Acquire) >= now {
            return;
        }
        let _held = self.sweeping.lock().unwrap_or_else(PoisonError::into_inner);
        let swept = self.swept.load(Relaxed);
        for second in swept.max(now.saturating_sub(RING))..now {
            if let Some(end) = at(&self.ends, second) {
                end.store(0, Relaxed);
            }
        }
        self.swept.store(swept.max(now), Release);
    }
}

/// The place of number `index` in a ring.
fn at<T>(ring: &[T], index: u64) -> Option<&T> {
    let length = u64::try_from(ring.len()).ok()?;
    ring.get(usize::try_from(index.checked_rem(length)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_ring_goes_round_and_forgets_what_is_over() {
        let forecast = Forecast::default();
        let one = Load::new(1.0).unwrap();
        for second in 0..3 * RING {
            let now = SECOND * u32::try_from(second).unwrap();
            forecast.booked(one, SECOND * 60, now);
            for later in 0..60 {
                let is_known = second + later >= 60;
                let ends = forecast.ends(second + later);
                assert_eq!(
                    ends,
                    if is_known { one.micros() } else { 0 },
                    "{second} {later}"
                );
            }
        }
    }

    #[test]
    fn what_ends_far_off_counts_at_the_horizon_and_large_loads_do_not_wrap() {
        let forecast = Forecast::default();
        for _ in 0..4 {
            forecast.booked(Load::LARGEST, Duration::MAX, SECOND);
        }
        assert_eq!(forecast.ends(HORIZON), i64::MAX);
    }

    #[test]
    fn lengths_stand_for_the_last_sessions() {
        let (forecast, mut rng) = (Forecast::default(), Rng::with_seed(1));
        assert_eq!(forecast.length(&mut rng), None);
        assert!(!forecast.is_any_to_end(Duration::ZERO));
        for number in 0..10_000_u32 {
            let (now, lasts) = (
                Duration::from_nanos(64 * u64::from(number)),
                SECOND * (number % 2),
            );
            forecast.booked(Load::ZERO, lasts * 99, now);
        }
        let long = (0..1_000).filter(|_| forecast.length(&mut rng) == Some(SECOND * 99));
        assert!((400..600).contains(&long.count()));
    }
}
