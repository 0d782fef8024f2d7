//! What the proxy itself lacked for a connection to a substation: counted, and logged once.
//!
//! Such a shortage says nothing about the substation, so it never ejects one. It strikes many
//! requests and scrapes at once, so a shortage that goes on has one line in the log.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus::IntCounter;
use tracing::warn;

use switchyard_process::Shortage;
use switchyard_telemetry::{Error, Registrar};

use crate::clock::Moment;

/// A shortage that was not met for so long is logged again, in milliseconds.
const QUIET: u64 = 60_000;
/// The moment that means: not met yet.
const NEVER: u64 = u64::MAX;

/// The counters of shortages.
#[derive(Clone, Debug)]
pub struct ShortageMetrics([IntCounter; Shortage::ALL.len()]);

impl ShortageMetrics {
    pub(super) fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let family = make.counters(
            "shortages_total",
            "Connections to substations that failed for want of something on the proxy's side.",
            &["resource"],
        )?;
        Ok(Self(Shortage::ALL.map(|shortage| {
            family.with_label_values(&[shortage.name()])
        })))
    }
}

/// The shortages of one process.
#[derive(Debug)]
pub(super) struct Shortages {
    metrics: ShortageMetrics,
    last: [AtomicU64; Shortage::ALL.len()],
}

impl Shortages {
    pub(super) fn new(metrics: ShortageMetrics) -> Self {
        Self {
            metrics,
            last: Shortage::ALL.map(|_| AtomicU64::new(NEVER)),
        }
    }

    /// Counts a shortage, and logs it unless it goes on from before. True if it was logged.
    pub(super) fn note(&self, shortage: Shortage, now: Moment) -> bool {
        let (Some(counter), Some(last)) = (
            self.metrics.0.get(shortage as usize),
            self.last.get(shortage as usize),
        ) else {
            return false;
        };
        counter.inc();
        let before = last.swap(now.millis(), Relaxed);
        let is_new = before == NEVER || now.millis().saturating_sub(before) >= QUIET;
        if is_new {
            warn!(
                what = %shortage,
                "The proxy is short of something: it can't make connections to substations"
            );
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;

    #[test]
    fn each_shortage_is_counted_and_one_that_goes_on_is_logged_once() {
        let registry = Registry::new();
        let metrics = ShortageMetrics::register(Registrar::new(&registry)).unwrap();
        let shortages = Shortages::new(metrics);
        for shortage in Shortage::ALL {
            let logged = (0..200).filter(|second| {
                let now = Moment::from_millis(1_000 * second);
                shortages.note(shortage, now)
            });
            assert_eq!(logged.count(), 1, "{shortage}");
            assert!(shortages.note(shortage, Moment::from_millis(199_000 + QUIET)));
        }
        let counts = shortages.metrics.0.map(|counter| counter.get());
        assert_eq!(counts, [201; 3]);
    }
}
