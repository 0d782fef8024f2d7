//! The counts of a run over time, which one figure for the whole run hides.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::error::Error;
use crate::histogram::histogram;
use crate::number::{micros, seconds, share};
use crate::report::{Moment, Timeline};

/// A run is cut into at most about this many moments, none shorter than a second.
const MOMENTS: u32 = 300;
const SHORTEST: Duration = Duration::from_secs(1);

/// The most moments that are kept, however late the last answers come.
const MAX_MOMENTS: usize = 2000;

/// The counts of one moment.
#[derive(Clone, Copy, Debug, Default)]
struct MomentCounts {
    offered: u64,
    answered: u64,
    refused: u64,
    failed: u64,
    /// p50, p99 and maximum, in microseconds, once the moment is over.
    latency: Option<[u64; 3]>,
}

/// The moments of a run while it goes on.
#[derive(Debug)]
pub(crate) struct TimelineCounts {
    width: Duration,
    moments: Vec<MomentCounts>,
    /// The latencies of the moment in which answers are counted now.
    latencies: Histogram<u64>,
    open: usize,
}

impl TimelineCounts {
    /// For a run that offers requests for this long.
    pub(crate) fn new(duration: Duration) -> Result<Self, Error> {
        Ok(Self {
            width: (duration / MOMENTS).max(SHORTEST),
            moments: Vec::new(),
            latencies: histogram()?,
            open: 0,
        })
    }

    /// A request was due.
    pub(crate) fn offered(&mut self, at: Duration) {
        let number = self.number(at);
        self.count(number, |moment| moment.offered += 1);
    }

    /// A request was answered.
    pub(crate) fn answered(&mut self, at: Duration, latency: Duration, refused: bool) {
        let number = self.number(at);
        if number > self.open {
            self.close();
            self.open = number;
        }
        // With several threads an answer may come slightly out of order; it then counts in the
        // later moment.
        self.latencies.saturating_record(micros(latency));
        self.count(self.open, |moment| {
            moment.answered += 1;
            moment.refused += u64::from(refused);
        });
    }

    /// A request ended without an answer.
    pub(crate) fn failed(&mut self, at: Duration) {
        let number = self.number(at);
        self.count(number, |moment| moment.failed += 1);
    }

    /// The timeline of a run that took this long.
    pub(crate) fn report(&self, duration: Duration) -> Timeline {
        let width = self.width.as_secs_f64();
        let begins = (0..).map(|number| f64::from(number) * width);
        let moments = begins
            .zip(&self.moments)
            .enumerate()
            .map(|(number, (at, moment))| {
                let latency = match moment.latency {
                    None if number == self.open => self.quantiles(),
                    known => known,
                };
                let latency = latency.map(|latency| latency.map(seconds));
                Moment {
                    at_seconds: at,
                    seconds: (duration.as_secs_f64() - at).clamp(0.0, width),
                    offered: moment.offered,
                    answered: moment.answered,
                    refused: moment.refused,
                    failed: moment.failed,
                    p50_seconds: latency.map(|[p50, ..]| p50),
                    p99_seconds: latency.map(|[_, p99, _]| p99),
                    max_seconds: latency.map(|[.., max]| max),
                }
            });
        Timeline {
            interval_seconds: width,
            moments: moments.collect(),
        }
    }

    fn number(&self, at: Duration) -> usize {
        let number = share(at.as_secs_f64(), self.width.as_secs_f64());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and limited to MAX_MOMENTS"
        )]
        let number = number as usize;
        number.min(MAX_MOMENTS - 1)
    }

    fn count(&mut self, number: usize, count: impl FnOnce(&mut MomentCounts)) {
        if self.moments.len() <= number {
            self.moments.resize(number + 1, MomentCounts::default());
        }
        if let Some(moment) = self.moments.get_mut(number) {
            count(moment);
        }
    }

    /// Stores the quantiles of the moment that is over, and starts the next one.
    fn close(&mut self) {
        let latency = self.quantiles();
        self.latencies.reset();
        self.count(self.open, |moment| moment.latency = latency);
    }

    fn quantiles(&self) -> Option<[u64; 3]> {
        let quantiles = || [0.5, 0.99, 1.0].map(|part| self.latencies.value_at_quantile(part));
        (!self.latencies.is_empty()).then(quantiles)
    }
}

#[cfg(test)]
mod tests;
