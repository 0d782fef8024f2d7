//! The average over time and the peak of a value.

use std::time::Duration;

/// Averages a value that changes in steps, between two moments.
#[derive(Clone, Debug)]
pub(crate) struct TimeWeighted {
    from: Duration,
    to: Duration,
    now: Duration,
    value: f64,
    area: f64,
    peak: f64,
}

impl TimeWeighted {
    /// A value that is `value` at the beginning.
    pub(crate) fn new(from: Duration, to: Duration, value: f64) -> Self {
        Self {
            from,
            to,
            now: Duration::ZERO,
            value,
            area: 0.0,
            peak: value,
        }
    }

    /// The value was constant until `now`.
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

    /// The value changes now.
    pub(crate) fn set(&mut self, value: f64) {
        self.value = value;
    }

    /// Its average over the measured time so far.
    pub(crate) fn average(&self) -> f64 {
        let measured = self.now.min(self.to).saturating_sub(self.from);
        if measured.is_zero() {
            self.value
        } else {
            self.area / measured.as_secs_f64()
        }
    }

    /// The highest value that lasted for any time.
    pub(crate) fn peak(&self) -> f64 {
        self.peak
    }
}

#[cfg(test)]
mod tests;
