//! How long a substation takes to answer a charge: always the same time, or only for a while.
//!
//! One that becomes slow and recovers is what a proxy has to notice twice. The times count from when the substation was
//! made, so whoever starts it knows them.

use std::time::Duration;

use tokio::time::Instant;

/// The delay of charges, and when it applies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    delay: Duration,
    made: Instant,
    from: Duration,
    until: Option<Duration>,
}

impl Pace {
    /// A delay that applies `from` so long after now, and then for `lasts`, or for good.
    pub(crate) fn new(delay: Duration, from: Duration, lasts: Option<Duration>) -> Self {
        Self {
            delay,
            made: Instant::now(),
            from,
            until: lasts.map(|lasts| from.saturating_add(lasts)),
        }
    }

    /// How long a charge that arrives now has to wait.
    pub(crate) fn delay(&self) -> Duration {
        // Most are never slow, and need no clock.
        if self.delay.is_zero() {
            return Duration::ZERO;
        }
        let age = self.made.elapsed();
        let is_slow = age >= self.from && self.until.is_none_or(|until| age < until);
        if is_slow { self.delay } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_delay_begins_and_ends_when_it_was_said() {
        let (delay, second) = (Duration::from_millis(200), Duration::from_secs(1));
        let pace = Pace::new(delay, 5 * second, Some(10 * second));
        let for_good = Pace::new(delay, Duration::ZERO, None);
        let seen = async |at: u32| {
            advance((at * second).saturating_sub(pace.made.elapsed())).await;
            (pace.delay(), for_good.delay())
        };
        assert_eq!(seen(4).await, (Duration::ZERO, delay));
        assert_eq!(seen(5).await, (delay, delay));
        assert_eq!(seen(14).await, (delay, delay));
        assert_eq!(seen(15).await, (Duration::ZERO, delay));
    }
}
