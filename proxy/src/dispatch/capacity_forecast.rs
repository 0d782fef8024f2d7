//! Forecasts when room will be free: how much of the load booked through this proxy ends in which second.
//!
//! "No room" is only half of an answer; the other half is when to come back. Most answers to a booking say how long
//! the session lasts. So the loads that end in each coming second can be added up, and a refused request learns the
//! second by which as much load as it needs will have ended. The store is a ring of seconds with one addition per
//! booking: no list of sessions, no lock, and no clock but the request's own.
//!
//! The forecast does not know sessions booked by others or sessions that end early. `Retry-After` adds jitter, so that
//! clients refused together don't come back together.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use memchr::memmem::Finder;
use switchyard_balance::Load;
use tokio::time::Instant;

/// Seconds in the ring: a little over an hour.
const RING: u64 = 4096;
/// Ends later than this are counted at this second; no `Retry-After` is that long.
const HORIZON: u64 = RING - 64;
/// The longest forecast, in seconds: by then everything may have changed.
const LONGEST: u32 = 120;
/// The answer's field with the duration of the session.
const FIELD: &[u8] = b"\"duration_seconds\"";

/// When the bookings of this proxy end. Shared by all threads.
#[derive(Debug)]
pub(super) struct CapacityForecast {
    start: Instant,
    ends: Box<[AtomicI64]>,
    /// Seconds before this one are cleared, and reused for later seconds.
    swept: AtomicU64,
    field: Finder<'static>,
}

impl CapacityForecast {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            start: now,
            ends: (0..RING).map(|_| AtomicI64::new(0)).collect(),
            swept: AtomicU64::new(0),
            field: Finder::new(FIELD),
        }
    }

    /// Adds a booking of `load` at `now`, if its answer says how long it lasts.
    pub(super) fn booked(&self, load: Load, answer: &[u8], now: Instant) {
        if let Some(lasts) = self.lasts(answer) {
            let now = now.saturating_duration_since(self.start);
            self.sweep(now.as_secs());
            let end = now.saturating_add(lasts).as_secs();
            if let Some(end) = self.second(end.min(now.as_secs() + HORIZON - 1)) {
                end.fetch_add(load.micros(), Relaxed);
            }
        }
    }

    /// Seconds from `now` until `load` will have ended, at most [`LONGEST`]. `None` if less than that is known to end.
    pub(super) fn room_in(&self, load: Load, now: Instant) -> Option<u32> {
        let now = now.saturating_duration_since(self.start).as_secs();
        self.sweep(now);
        let mut freed = 0;
        (0..HORIZON).find_map(|later| {
            freed += self.second(now + later)?.load(Relaxed);
            // What ends in a second has certainly ended when the second is over.
            let is_enough = freed >= load.micros();
            is_enough.then(|| u32::try_from(later + 1).map_or(LONGEST, |later| later.min(LONGEST)))
        })
    }

    fn second(&self, second: u64) -> Option<&AtomicI64> {
        self.ends.get(usize::try_from(second % RING).ok()?)
    }

    /// Clears the seconds that are over. The first thread in a new second does it.
    fn sweep(&self, now: u64) {
        let swept = self.swept.load(Relaxed);
        if swept >= now
            || self
                .swept
                .compare_exchange(swept, now, Relaxed, Relaxed)
                .is_err()
        {
            return;
        }
        for second in swept.max(now.saturating_sub(RING))..now {
            if let Some(end) = usize::try_from(second % RING)
                .ok()
                .and_then(|at| self.ends.get(at))
            {
                end.store(0, Relaxed);
            }
        }
    }

    /// The duration of the session in an answer.
    fn lasts(&self, answer: &[u8]) -> Option<Duration> {
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

/// `Retry-After` for room in `room_in` seconds: not earlier, and up to half as much later (2 s at least).
pub(super) fn jittered(room_in: u32, rng: &mut fastrand::Rng) -> u32 {
    let room_in = room_in.clamp(1, LONGEST);
    room_in + rng.u32(0..=(room_in / 2).max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(units: f64) -> Load {
        Load::new(units).unwrap()
    }

    fn answer(seconds: f64) -> Vec<u8> {
        format!(r#"{{"session_id":"s-1","duration_seconds":{seconds},"current_load":7}}"#)
            .into_bytes()
    }

    #[test]
    fn the_forecast_follows_how_much_load_ends_and_when() {
        let start = Instant::now();
        let forecast = CapacityForecast::new(start);
        assert_eq!(forecast.room_in(load(1.0), start), None);
        forecast.booked(load(11.0), &answer(10.0), start);
        forecast.booked(load(11.0), &answer(30.5), start);
        assert_eq!(forecast.room_in(load(11.0), start), Some(11));
        assert_eq!(forecast.room_in(load(12.0), start), Some(31));
        assert_eq!(forecast.room_in(load(23.0), start), None);
        let later = start + Duration::from_secs(9);
        assert_eq!(forecast.room_in(load(11.0), later), Some(2));
        let over = start + Duration::from_secs(11);
        assert_eq!(
            forecast.room_in(load(11.0), over),
            Some(20),
            "the first has ended"
        );
    }

    #[test]
    fn the_ring_goes_round_and_forgets_what_is_over() {
        let start = Instant::now();
        let forecast = CapacityForecast::new(start);
        for second in 0..3 * RING {
            let now = start + Duration::from_secs(second);
            forecast.booked(load(1.0), &answer(60.0), now);
            let known = forecast.room_in(load(1.0), now);
            let first = 60_u64.saturating_sub(second) + 1;
            assert_eq!(known, Some(u32::try_from(first).unwrap()), "{second}");
            let all = u32::try_from(second.min(60) + 1).unwrap();
            let more = load(f64::from(all) + 1.0);
            assert_eq!(forecast.room_in(more, now), None, "{second}");
        }
        let idle = start + Duration::from_secs(10 * RING);
        assert_eq!(forecast.room_in(load(1.0), idle), None);
        for seconds in [LONGEST.into(), 3600.0, 1e6] {
            forecast.booked(load(1.0), &answer(seconds), idle);
            assert_eq!(forecast.room_in(load(1.0), idle), Some(LONGEST), "far off");
        }
        assert_eq!(forecast.room_in(load(3.0), idle), Some(LONGEST));
        assert_eq!(
            forecast.room_in(load(4.0), idle),
            None,
            "more than is known to end"
        );
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
        let mut rng = fastrand::Rng::with_seed(1);
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
