//! Limits that several substations share, judged by the substations' own readings.

use super::time_weighted::TimeWeighted;
use crate::number::share;
use crate::options::WatchedFeeder;
use crate::report::FeederLoad;

/// A feeder over time.
#[derive(Clone, Debug)]
pub(super) struct Feeder {
    watched: WatchedFeeder,
    /// The places of its members among the substations.
    members: Vec<usize>,
    now: f64,
    load: TimeWeighted,
    over_seconds: f64,
    over_readings: u64,
}

impl Feeder {
    pub(super) fn new(watched: WatchedFeeder, names: &[String]) -> Self {
        let places = names.iter().enumerate();
        let is_member = |name: &String| watched.members.contains(name);
        let members = places
            .filter(|(_, name)| is_member(name))
            .map(|(place, _)| place);
        Self {
            members: members.collect(),
            watched,
            now: 0.0,
            load: TimeWeighted::default(),
            over_seconds: 0.0,
            over_readings: 0,
        }
    }

    /// The substations have these loads.
    pub(super) fn read(&mut self, loads: &[f64]) {
        let members = self.members.iter().filter_map(|place| loads.get(*place));
        self.now = members.sum::<f64>() + self.watched.base.get();
    }

    /// What was read last lasted this long.
    pub(super) fn weigh(&mut self, seconds: f64) {
        self.load.add(self.now, seconds);
        // As for substations: a millionth above is a rounding error.
        if self.now > self.watched.capacity * (1.0 + 1e-6) {
            self.over_seconds += seconds;
            self.over_readings += 1;
        }
    }

    pub(super) fn report(&self) -> (String, FeederLoad) {
        let capacity = self.watched.capacity;
        let report = FeederLoad {
            capacity,
            load: self.load.report(),
            peak_utilisation: self.load.report().map(|load| share(load.peak, capacity)),
            over_capacity_readings: self.over_readings,
            over_capacity_seconds: self.over_seconds,
        };
        (self.watched.name.clone(), report)
    }
}
