//! Loads over time, and the figures computed from them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::feeders::Feeder;
use super::pages::SubstationPage;
use super::time_weighted::TimeWeighted;
use crate::number::share;
use crate::options::WatchedFeeder;
use crate::report::{Grid, Samples, StationLoad};

/// The most readings that are kept for charts. At this limit every second one is dropped, and from
/// then on half as many are kept. The figures come from all readings.
const MAX_KEPT: usize = 1200;

/// Below this mean utilisation the imbalance would be a quotient of two small numbers, which means
/// nothing.
const MIN_COMPARABLE: f64 = 0.05;

/// Above this mean utilisation little capacity is left to balance with.
const NEARLY_FULL: f64 = 0.95;

/// The highest utilisation divided by the mean; none while the mean is small.
pub(crate) fn imbalance(utilisations: &[f64]) -> Option<f64> {
    let mean = mean(utilisations);
    let fullest = utilisations.iter().copied().fold(0.0, f64::max);
    (mean > MIN_COMPARABLE).then(|| fullest / mean)
}

#[expect(clippy::cast_precision_loss, reason = "some thousand substations")]
fn mean(values: &[f64]) -> f64 {
    share(values.iter().sum(), values.len() as f64)
}

/// The current load of a substation, with its capacity if it reports one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Level {
    pub(crate) name: String,
    pub(crate) load: f64,
    pub(crate) capacity: Option<f64>,
}

/// One substation over time.
#[derive(Clone, Debug, Default)]
struct Substation {
    name: String,
    capacity: Option<f64>,
    load: TimeWeighted,
    utilisation: TimeWeighted,
    over_capacity_seconds: f64,
    over_capacity_readings: u64,
}

impl Substation {
    /// Whether its load and its capacity were read.
    fn has_utilisation(&self) -> bool {
        self.utilisation.has_time()
    }
}

/// All substations over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    substations: Vec<Substation>,
    feeders: Vec<Feeder>,
    last: Option<(Duration, Vec<f64>)>,
    readings: u64,
    failed_readings: u64,
    imbalance: TimeWeighted,
    spread: TimeWeighted,
    utilisation: TimeWeighted,
    kept: Vec<(f64, Vec<f64>)>,
    /// One reading out of this many is kept.
    stride: u64,
}

impl Series {
    pub(super) fn new(names: impl Iterator<Item = String>, first: &[SubstationPage]) -> Self {
        let substations = names.zip(first).map(|(name, page)| Substation {
            name,
            capacity: page.capacity,
            ..Substation::default()
        });
        Self {
            substations: substations.collect(),
            stride: 1,
            ..Self::default()
        }
    }

    /// The same, with these limits above the substations.
    pub(super) fn with_feeders(mut self, feeders: &[WatchedFeeder]) -> Self {
        let names: Vec<_> = self
            .substations
            .iter()
            .map(|one| one.name.clone())
            .collect();
        let feeders = feeders.iter().cloned();
        self.feeders = feeders.map(|feeder| Feeder::new(feeder, &names)).collect();
        self
    }

    /// Adds a reading of all substations. A reading that lacks a load counts as failed, and is in
    /// no figure.
    pub(super) fn push<'a>(
        &mut self,
        at: Duration,
        pages: impl Iterator<Item = Option<&'a SubstationPage>>,
    ) {
        let loads: Option<Vec<f64>> = pages.map(|page| page?.load).collect();
        let Some(loads) = loads.filter(|loads| loads.len() == self.substations.len()) else {
            self.failed_readings += 1;
            return;
        };
        if let Some((before, held)) = self.last.take() {
            self.weigh(&held, at.saturating_sub(before).as_secs_f64());
        }
        if self.readings.is_multiple_of(self.stride) {
            self.keep(at.as_secs_f64(), loads.clone());
        }
        self.readings += 1;
        for feeder in &mut self.feeders {
            feeder.read(&loads);
        }
        self.last = Some((at, loads));
    }

    pub(super) fn levels(&self) -> Vec<Level> {
        let loads = self.last.iter().flat_map(|(_, loads)| loads);
        let levels = self
            .substations
            .iter()
            .zip(loads)
            .map(|(substation, load)| Level {
                name: substation.name.clone(),
                load: *load,
                capacity: substation.capacity,
            });
        levels.collect()
    }

    /// Counts loads that lasted this long.
    fn weigh(&mut self, loads: &[f64], seconds: f64) {
        for feeder in &mut self.feeders {
            feeder.weigh(seconds);
        }
        let mut utilisations = Vec::with_capacity(loads.len());
        for (substation, load) in self.substations.iter_mut().zip(loads) {
            substation.load.add(*load, seconds);
            if let Some(capacity) = substation.capacity {
                let utilisation = share(*load, capacity);
                substation.utilisation.add(utilisation, seconds);
                utilisations.push(utilisation);
                // Loads are sums of decimal fractions, so a millionth above is a rounding error.
                if *load > capacity * (1.0 + 1e-6) {
                    substation.over_capacity_seconds += seconds;
                    substation.over_capacity_readings += 1;
                }
            }
        }
        // Without capacities, loads are compared.
        let has_capacities = utilisations.len() == loads.len();
        let compared = if has_capacities {
            utilisations.as_slice()
        } else {
            loads
        };
        if let Some(imbalance) = imbalance(compared) {
            self.imbalance.add(imbalance, seconds);
        }
        if has_capacities {
            let fullest = compared.iter().copied().fold(0.0, f64::max);
            let emptiest = compared.iter().copied().fold(f64::INFINITY, f64::min);
            let mean = mean(compared);
            self.utilisation.add(mean, seconds);
            if mean < NEARLY_FULL {
                self.spread.add(100.0 * (fullest - emptiest), seconds);
            }
        }
    }

    fn keep(&mut self, at: f64, loads: Vec<f64>) {
        self.kept.push((at, loads));
        if self.kept.len() > MAX_KEPT {
            let mut number = 0_u64;
            self.kept.retain(|_| {
                number += 1;
                !number.is_multiple_of(2)
            });
            self.stride *= 2;
        }
    }

    pub(super) fn report(&self, delivered_kwh: Option<f64>) -> Grid {
        let each = self.substations.iter();
        let substations = each.clone().map(|substation| {
            let load = StationLoad {
                capacity: substation.capacity,
                load: substation.load.report(),
                utilisation: substation.utilisation.report(),
                over_capacity_seconds: substation
                    .has_utilisation()
                    .then_some(substation.over_capacity_seconds),
            };
            (substation.name.clone(), load)
        });
        let series = each.clone().enumerate().map(|(place, substation)| {
            let loads = self.kept.iter();
            let loads = loads.filter_map(|(_, loads)| loads.get(place).copied());
            (substation.name.clone(), loads.collect())
        });
        Grid {
            looks: self.readings,
            failed_looks: self.failed_readings,
            imbalance: self.imbalance.report(),
            spread_points: self.spread.report(),
            utilisation: self.utilisation.report(),
            capacity_violations: (!self.substations.is_empty())
                .then(|| {
                    each.map(|one| one.has_utilisation().then_some(one.over_capacity_readings))
                        .sum()
                })
                .flatten(),
            energy_delivered_kwh: delivered_kwh,
            substations: substations.collect(),
            feeders: self.feeders.iter().map(Feeder::report).collect(),
            samples: Samples {
                at_seconds: self.kept.iter().map(|(at, _)| *at).collect(),
                load: series.collect::<BTreeMap<_, _>>(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
