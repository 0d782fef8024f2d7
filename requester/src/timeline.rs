//! How the run went, moment by moment: what a single figure for all of it hides.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::Error;
use crate::number::{micros, seconds, share};
use crate::report::{Moment, Timeline};
use crate::tally::histogram;

/// A run is cut into at most about this many moments, none shorter than a second.
const MOMENTS: u32 = 300;
const SHORTEST: Duration = Duration::from_secs(1);

/// However long the answers take after the last offer, no more than this many are kept.
const MOST: usize = 2000;

/// The counts of one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    offered: u64,
    answered: u64,
    refused: u64,
    failed: u64,
    /// p50, p99 and the highest, in microseconds, once the moment is over.
    latency: Option<[u64; 3]>,
}

/// The moments of a run while it goes on.
#[derive(Debug)]
pub(crate) struct Moments {
    width: Duration,
    slots: Vec<Slot>,
    /// Of the moment that answers are counted in now.
    latencies: Histogram<u64>,
    open: usize,
}

impl Moments {
    /// For a run in which requests are offered for so long.
    pub(crate) fn new(duration: Duration) -> Result<Self, Error> {
        Ok(Self {
            width: (duration / MOMENTS).max(SHORTEST),
            slots: Vec::new(),
            latencies: histogram()?,
            open: 0,
        })
    }

    /// A request was due.
    pub(crate) fn offered(&mut self, at: Duration) {
        let number = self.number(at);
        self.count(number, |slot| slot.offered += 1);
    }

    /// A request was answered.
    pub(crate) fn answered(&mut self, at: Duration, latency: Duration, refused: bool) {
        let number = self.number(at);
        if number > self.open {
            self.close();
            self.open = number;
        }
        // With several threads an answer may come a little out of turn; it then counts in the later moment.
        self.latencies.saturating_record(micros(latency));
        self.count(self.open, |slot| {
            slot.answered += 1;
            slot.refused += u64::from(refused);
        });
    }

    /// A request ended without an answer.
    pub(crate) fn failed(&mut self, at: Duration) {
        let number = self.number(at);
        self.count(number, |slot| slot.failed += 1);
    }

    /// All of it, for a run that took so long.
    pub(crate) fn report(&self, duration: Duration) -> Timeline {
        let width = self.width.as_secs_f64();
        let begins = (0..).map(|number| f64::from(number) * width);
        let moments = begins
            .zip(&self.slots)
            .enumerate()
            .map(|(number, (at, slot))| {
                let latency = match slot.latency {
                    None if number == self.open => self.quantiles(),
                    known => known,
                };
                let latency = latency.map(|latency| latency.map(seconds));
                Moment {
                    at_seconds: at,
                    seconds: (duration.as_secs_f64() - at).clamp(0.0, width),
                    offered: slot.offered,
                    answered: slot.answered,
                    refused: slot.refused,
                    failed: slot.failed,
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
            reason = "not negative, and cut off at MOST"
        )]
        let number = number as usize;
        number.min(MOST - 1)
    }

    fn count(&mut self, number: usize, count: impl FnOnce(&mut Slot)) {
        if self.slots.len() <= number {
            self.slots.resize(number + 1, Slot::default());
        }
        if let Some(slot) = self.slots.get_mut(number) {
            count(slot);
        }
    }

    /// Keeps the quantiles of the moment that is over, and begins anew.
    fn close(&mut self) {
        let latency = self.quantiles();
        self.latencies.reset();
        self.count(self.open, |slot| slot.latency = latency);
    }

    fn quantiles(&self) -> Option<[u64; 3]> {
        let quantiles = || [0.5, 0.99, 1.0].map(|part| self.latencies.value_at_quantile(part));
        (!self.latencies.is_empty()).then(quantiles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn each_moment_has_its_own_counts_and_latencies() {
        let mut moments = Moments::new(Duration::from_secs(3)).unwrap();
        for at in 0..30 {
            moments.offered(100 * MILLI * at);
        }
        for at in 0..10 {
            moments.answered(100 * MILLI * at, MILLI, false);
        }
        moments.answered(2500 * MILLI, 40 * MILLI, true);
        moments.failed(2600 * MILLI);
        let report = moments.report(2700 * MILLI);
        assert_eq!(report.interval_seconds, 1.0);
        let [first, second, third] = report.moments.as_slice() else {
            panic!("{report:?}")
        };
        assert_eq!((first.offered, first.answered, first.refused), (10, 10, 0));
        assert_eq!(first.p99_seconds, Some(0.001));
        assert_eq!((second.offered, second.answered), (10, 0));
        assert_eq!(second.p50_seconds, None, "no answer is no latency");
        assert_eq!((third.answered, third.refused, third.failed), (1, 1, 1));
        assert_eq!(third.max_seconds.map(|max| (max * 1e3).round()), Some(40.0));
        assert!(
            (third.seconds - 0.7).abs() < 1e-9,
            "the last one was cut short"
        );
    }

    #[test]
    fn a_long_run_has_no_more_moments_than_a_picture_can_show() {
        let mut moments = Moments::new(Duration::from_hours(24)).unwrap();
        moments.offered(MILLI * (24 * 3_600_000 - 1));
        moments.failed(Duration::from_hours(24 * 366));
        let report = moments.report(Duration::from_hours(25));
        assert_eq!(report.interval_seconds, 288.0);
        assert_eq!(report.moments.len(), MOST);
        assert_eq!(report.moments[299].offered, 1);
    }
}
