//! A rate with a burst: a bucket of requests that refills evenly.
//!
//! The bucket is one number, the moment at which it will be full again. A request moves that moment by the time in which one
//! request refills, and is refused if it would be further away than an empty bucket takes to fill. That is the generic
//! cell rate algorithm: exact at every moment, with no windows at whose edges twice the rate passes, and the time until
//! the next request may pass is known to the nanosecond. All threads share it by one compare-and-swap.
//!
//! The `governor` crate has the same algorithm, with nine crates behind it and whole requests a period only;
//! `pingora-limits` estimates rates in windows, from which no true `Retry-After` follows.

use std::time::Duration;

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How often, and how many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// In how many nanoseconds one request refills.
    interval: u64,
    burst: u32,
}

impl Allowance {
    /// So many requests in this time, and at most `burst` at once: without it, those of one second.
    #[must_use]
    pub fn new(requests: u32, per: Duration, burst: Option<u32>) -> Self {
        let per = nanos(per);
        let interval = per / u64::from(requests.max(1));
        let of_a_second = u64::from(requests).saturating_mul(SECOND) / per.max(1);
        let of_a_second = u32::try_from(of_a_second).unwrap_or(u32::MAX);
        Self {
            interval: interval.max(1),
            burst: burst.unwrap_or(of_a_second).max(1),
        }
    }

    /// The most requests at once.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// In how many seconds an empty bucket is full, rounded up.
    #[must_use]
    pub const fn seconds_to_fill(self) -> u64 {
        self.to_fill().div_ceil(SECOND)
    }

    const fn to_fill(self) -> u64 {
        self.interval.saturating_mul(self.burst as u64)
    }
}

const SECOND: u64 = 1_000_000_000;

/// What is left of a bucket after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// How many more requests may come at once.
    pub requests: u32,
    /// In how many seconds the bucket is full again, rounded up.
    pub full_in: u64,
}

/// The bucket has no request left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon {
    /// The next may come in so many seconds, rounded up: one at least.
    pub retry_in: u32,
}

/// A bucket that is full at first. Shared by all threads.
#[derive(Debug, Default)]
pub struct Bucket {
    /// When it is full again, in nanoseconds since the start of the process.
    full_at: AtomicU64,
}

impl Bucket {
    /// Takes one request out. A request that is refused takes nothing.
    pub fn take(&self, allowance: Allowance, now: Duration) -> Result<Left, TooSoon> {
        let now = nanos(now);
        let mut full_at = self.full_at.load(Relaxed);
        loop {
            let next = after(full_at, allowance, now);
            let (Ok(to) | Err((to, _))) = next;
            let swapped = self
                .full_at
                .compare_exchange_weak(full_at, to, Relaxed, Relaxed);
            match swapped {
                Ok(_) => {
                    return next
                        .map(|to| left(to, allowance, now))
                        .map_err(|(_, why)| why);
                }
                Err(other) => full_at = other,
            }
        }
    }

    /// In how long it is full again.
    pub(crate) fn full_in(&self, now: Duration) -> Duration {
        Duration::from_nanos(self.full_at.load(Relaxed).saturating_sub(nanos(now)))
    }

    /// Makes it one that is full no earlier than this.
    pub(crate) fn drain(&self, full_at: Duration) {
        self.full_at.fetch_max(nanos(full_at), Relaxed);
    }
}

/// When a bucket that was full at `full_at` is full after one more request; or that it has none left, and when it is full
/// without one.
pub(crate) fn after(full_at: u64, allowance: Allowance, now: u64) -> Result<u64, (u64, TooSoon)> {
    let most = now.saturating_add(allowance.to_fill());
    // A smaller bucket than it was filled for is empty at most.
    let full_at = full_at.min(most);
    let next = full_at.max(now).saturating_add(allowance.interval);
    if next <= most {
        return Ok(next);
    }
    let retry_in = (next - most).div_ceil(SECOND);
    let retry_in = u32::try_from(retry_in).unwrap_or(u32::MAX);
    Err((full_at, TooSoon { retry_in }))
}

/// What is left of a bucket that is full at `full_at`.
pub(crate) fn left(full_at: u64, allowance: Allowance, now: u64) -> Left {
    let missing = full_at.saturating_sub(now);
    let requests = allowance.to_fill().saturating_sub(missing) / allowance.interval;
    Left {
        requests: u32::try_from(requests).unwrap_or(u32::MAX),
        full_in: missing.div_ceil(SECOND),
    }
}

pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
