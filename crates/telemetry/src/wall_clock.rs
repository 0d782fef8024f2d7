//! The wall clock, which people and time servers set.
//!
//! A moment is kept as the time that has passed since, which no setting of the clock changes. What is shown is that much
//! before the wall clock of now, so that `time() - this` is the age, also after the clock was set.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use prometheus::{
    GaugeVec,
    core::{Collector, Desc},
    proto::MetricFamily,
};

/// A wall clock that deviates by less from what was expected has not been set. So what is shown stays the same to the
/// last digit, although two clocks never run alike.
const STEP: Duration = Duration::from_secs(1);

/// A reading of the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    unix: Duration,
}

impl WallClock {
    /// The wall clock now.
    #[must_use]
    pub fn now() -> Self {
        Self { unix: unix_now() }
    }

    /// A moment as seconds since the Unix epoch: `after` is how long after this reading it was, and `elapsed` is how
    /// long ago this reading is.
    #[must_use]
    pub fn unix_seconds(self, after: Duration, elapsed: Duration) -> f64 {
        self.unix_seconds_at(unix_now(), after, elapsed)
    }

    fn unix_seconds_at(self, now: Duration, after: Duration, elapsed: Duration) -> f64 {
        let expected = self.unix + elapsed;
        if expected.abs_diff(now) < STEP {
            return (self.unix + after).as_secs_f64();
        }
        let age = elapsed.as_secs_f64() - after.as_secs_f64();
        let millis = (now.as_secs_f64() - age) * 1e3;
        millis.round() / 1e3
    }
}

fn unix_now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// A reading for each set of label values.
type Readings = HashMap<Vec<String>, (WallClock, Instant)>;

/// When something happened last, for each set of labels: gauges of seconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct Stamps {
    family: GaugeVec,
    stamps: Arc<Mutex<Readings>>,
}

impl Stamps {
    pub(crate) fn new(family: GaugeVec) -> Self {
        Self {
            family,
            stamps: Arc::default(),
        }
    }

    /// It happens now.
    pub fn stamp(&self, labels: &[&str]) {
        let labels = labels.iter().map(ToString::to_string).collect();
        let now = (WallClock::now(), Instant::now());
        self.stamps.lock().insert(labels, now);
    }

    /// Removes a series. A missing one is no error.
    pub fn forget(&self, labels: &[&str]) {
        let mut stamps = self.stamps.lock();
        stamps.retain(|of, _| of != labels);
        let _ = self.family.remove_label_values(labels);
    }
}

impl Collector for Stamps {
    fn desc(&self) -> Vec<&Desc> {
        self.family.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let stamps = self.stamps.lock();
        for (labels, (clock, at)) in &*stamps {
            let seconds = clock.unix_seconds(Duration::ZERO, at.elapsed());
            self.family.with_label_values(labels).set(seconds);
        }
        self.family.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn what_is_shown_follows_a_wall_clock_that_is_set() {
        let start = Duration::from_secs(1_700_000_000);
        let clock = WallClock { unix: start };
        let (after, elapsed) = (Duration::from_secs(10), Duration::from_secs(12));
        let shown = |now| clock.unix_seconds_at(now, after, elapsed);
        let expected = start + elapsed;
        assert_eq!(shown(expected).to_string(), "1700000010");
        // Clocks drift apart a little; that moves nothing.
        for drift in [Duration::from_millis(900), Duration::from_nanos(1)] {
            assert_eq!(shown(expected + drift).to_string(), "1700000010");
            assert_eq!(
                shown(expected.saturating_sub(drift)).to_string(),
                "1700000010"
            );
        }
        for set in [
            expected + HOUR,
            expected.saturating_sub(HOUR),
            expected + STEP,
        ] {
            let age = set.as_secs_f64() - shown(set);
            assert!((age - 2.0).abs() < 1e-3, "an age of {age} s at {set:?}");
        }
        // Before 1970, as on a machine without a battery.
        assert!((shown(Duration::ZERO) + 2.0).abs() < 1e-3);
    }

    #[test]
    fn a_stamp_is_shown_from_its_first_event_until_it_is_forgotten() {
        let registry = prometheus::Registry::new();
        let stamps = crate::Registrar::new(&registry)
            .stamps("last_success", "Seconds.", &["source"])
            .unwrap();
        let shown = || -> Vec<f64> {
            let families = registry.gather();
            let metrics = families.iter().flat_map(MetricFamily::get_metric);
            metrics
                .map(|metric| metric.get_gauge().get_value())
                .collect()
        };
        assert!(shown().is_empty(), "0 would read as 1970");
        stamps.stamp(&["a"]);
        let [at] = shown()[..] else {
            panic!("one series");
        };
        assert!((unix_now().as_secs_f64() - at).abs() < 60.0);
        // The wall clock is set: the stamp was made an hour earlier by the old one.
        for (clock, _) in stamps.stamps.lock().values_mut() {
            clock.unix = clock.unix.saturating_sub(HOUR);
        }
        let [followed] = shown()[..] else {
            panic!("one series");
        };
        assert!((followed - at).abs() < 60.0, "{followed} for {at}");
        stamps.forget(&["a"]);
        assert!(shown().is_empty());
    }
}
