//! How long an exchange with a substation usually takes, so that a request which waits for room stops in time.
//!
//! A request that is sent so late that its deadline ends the exchange gets the worst answer that there is: it may be
//! booked. What counts is therefore not the mean but what nearly all exchanges stay below, so the estimate follows a slower
//! exchange quickly and a faster one slowly. It is doubled, and there is a least time that is left in any case. Half of
//! `timeouts.request` is the most: however slow substations are, waiting stays possible.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The part of the way to a slower exchange that the estimate goes at once, and to a faster one.
const RISE: u64 = 4;
const FALL: u64 = 64;
/// The least part of `timeouts.request` that is left for an exchange.
const LEAST: u32 = 32;

/// The estimate, of all substations. Shared by all threads; an update that is lost between two of them does no harm.
#[derive(Debug, Default)]
pub(super) struct ExchangeTime {
    micros: AtomicU64,
}

impl ExchangeTime {
    /// Notes that an exchange took so long; one that its deadline ended would have taken longer.
    pub(super) fn note(&self, took: Duration, is_cut: bool) {
        let took = if is_cut { took.saturating_mul(2) } else { took };
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let known = self.micros.load(Relaxed);
        let next = if took >= known {
            known + (took - known).div_ceil(RISE)
        } else {
            known - (known - took) / FALL
        };
        if next != known {
            self.micros.store(next, Relaxed);
        }
    }

    /// The time to be left for an exchange, where a request has `limit` in all.
    pub(super) fn usual(&self, limit: Duration) -> Duration {
        let twice = Duration::from_micros(self.micros.load(Relaxed)).saturating_mul(2);
        twice.clamp(limit / LEAST, limit / 2)
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[test]
    fn nearly_all_exchanges_fit_and_not_much_more_is_left() {
        let mut rng = Rng::with_seed(1);
        let time = ExchangeTime::default();
        // Mostly 80 to 120 ms, and one in twenty 400 ms.
        let mut draw = || match rng.u8(0..20) {
            0 => Duration::from_millis(400),
            _ => Duration::from_millis(rng.u64(80..120)),
        };
        (0..1_000).for_each(|_| time.note(draw(), false));
        let late = (0..10_000).filter(|_| {
            let took = draw();
            time.note(took, false);
            took > time.usual(LIMIT)
        });
        assert!(late.count() < 500);
        assert!(time.usual(LIMIT) < Duration::from_millis(800));
    }

    #[test]
    fn it_follows_slower_exchanges_at_once_and_is_bounded() {
        let time = ExchangeTime::default();
        assert_eq!(time.usual(LIMIT), LIMIT / 32, "nothing is known");
        for _ in 0..8 {
            time.note(Duration::from_secs(1), false);
        }
        assert!(time.usual(LIMIT) > Duration::from_millis(1_500));
        time.note(Duration::MAX, true);
        assert_eq!(time.usual(LIMIT), LIMIT / 2);
        (0..5_000).for_each(|_| time.note(Duration::ZERO, false));
        assert_eq!(time.usual(LIMIT), LIMIT / 32);
    }
}
