//! How uneven it was: on average over time, and at the worst.

use std::time::Duration;

/// Watches a value that changes in steps, between two moments.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    from: Duration,
    to: Duration,
    now: Duration,
    value: f64,
    area: f64,
    peak: f64,
}

impl Meter {
    pub(crate) fn new(from: Duration, to: Duration) -> Self {
        Self {
            from,
            to,
            now: Duration::ZERO,
            value: 1.0,
            area: 0.0,
            peak: 1.0,
        }
    }

    /// The value stood as it was until `now`.
    pub(crate) fn advance(&mut self, now: Duration) {
        let begin = self.now.clamp(self.from, self.to);
        let end = now.clamp(self.from, self.to);
        self.now = now;
        let passed = end.saturating_sub(begin);
        if !passed.is_zero() {
            self.area += self.value * passed.as_secs_f64();
            self.peak = self.peak.max(self.value);
        }
    }

    /// It changes now.
    pub(crate) fn set(&mut self, value: f64) {
        self.value = value;
    }

    /// Its average over the time watched so far.
    pub(crate) fn average(&self) -> f64 {
        let watched = self.now.min(self.to).saturating_sub(self.from);
        if watched.is_zero() {
            1.0
        } else {
            self.area / watched.as_secs_f64()
        }
    }

    /// The highest it was for any time at all.
    pub(crate) fn peak(&self) -> f64 {
        self.peak
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_between_the_two_moments_counts() {
        let second = Duration::from_secs;
        let mut meter = Meter::new(second(10), second(20));
        meter.set(9.0);
        meter.advance(second(10));
        meter.set(2.0);
        meter.advance(second(15));
        meter.set(7.0);
        meter.advance(second(15));
        meter.set(1.0);
        meter.advance(second(30));
        meter.set(9.0);
        meter.advance(second(40));
        assert!((meter.average() - 1.5).abs() < 1e-12);
        assert!((meter.peak() - 2.0).abs() < 1e-12, "7 lasted no time");
    }
}
