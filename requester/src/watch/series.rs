//! Loads over time, and what they come to.
//!
//! A figure over time is weighted by time: each look stands for the time until the next. So a peak that
//! lasted for one look of many is a peak, and hardly moves the mean.

use std::collections::BTreeMap;
use std::time::Duration;

use super::counters::Station;
use crate::number::share;
use crate::report::{Grid, Peak, Samples, StationLoad};

/// So many looks are kept for pictures. When there are more, every second one is left out from there on,
/// and all that are wanted again as often; the figures are of all looks.
const KEPT: usize = 1200;

/// Below this mean utilisation a quotient of two small numbers says nothing.
const WORTH_COMPARING: f64 = 0.05;

/// Above this mean utilisation there is hardly room left to be even with.
const ROOM: f64 = 0.95;

/// The fullest against the mean; none while there is little to compare.
pub(crate) fn imbalance(utilisations: &[f64]) -> Option<f64> {
    let mean = mean(utilisations);
    let fullest = utilisations.iter().copied().fold(0.0, f64::max);
    (mean > WORTH_COMPARING).then(|| fullest / mean)
}

#[expect(clippy::cast_precision_loss, reason = "some thousand substations")]
fn mean(values: &[f64]) -> f64 {
    share(values.iter().sum(), values.len() as f64)
}

/// How full a substation is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Level {
    pub(crate) name: String,
    pub(crate) load: f64,
    pub(crate) capacity: Option<f64>,
}

/// A figure over time: its highest value, and its mean weighted by time.
#[derive(Clone, Copy, Debug, Default)]
struct Over {
    peak: f64,
    sum: f64,
    seconds: f64,
}

impl Over {
    fn add(&mut self, value: f64, seconds: f64) {
        self.peak = self.peak.max(value);
        self.sum += value * seconds;
        self.seconds += seconds;
    }

    fn report(self) -> Option<Peak> {
        (self.seconds > 0.0).then(|| Peak {
            peak: self.peak,
            time_weighted: share(self.sum, self.seconds),
        })
    }
}

/// One substation over time.
#[derive(Clone, Debug, Default)]
struct Track {
    name: String,
    capacity: Option<f64>,
    load: Over,
    utilisation: Over,
    over_capacity_seconds: f64,
    over_capacity_looks: u64,
}

/// All substations over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    tracks: Vec<Track>,
    last: Option<(Duration, Vec<f64>)>,
    looks: u64,
    failed_looks: u64,
    imbalance: Over,
    spread: Over,
    utilisation: Over,
    kept: Vec<(f64, Vec<f64>)>,
    /// One look in so many is kept.
    stride: u64,
}

impl Series {
    pub(super) fn new(names: impl Iterator<Item = String>, first: &[Station]) -> Self {
        let tracks = names.zip(first).map(|(name, station)| Track {
            name,
            capacity: station.capacity,
            ..Track::default()
        });
        Self {
            tracks: tracks.collect(),
            stride: 1,
            ..Self::default()
        }
    }

    /// A look at all of them. One that misses a substation is no look: it could only be compared with less.
    pub(super) fn push<'a>(
        &mut self,
        at: Duration,
        stations: impl Iterator<Item = Option<&'a Station>>,
    ) {
        let loads: Option<Vec<f64>> = stations.map(|station| station?.load).collect();
        let Some(loads) = loads.filter(|loads| loads.len() == self.tracks.len()) else {
            self.failed_looks += 1;
            return;
        };
        if let Some((before, held)) = self.last.take() {
            self.weigh(&held, at.saturating_sub(before).as_secs_f64());
        }
        if self.looks.is_multiple_of(self.stride) {
            self.keep(at.as_secs_f64(), loads.clone());
        }
        self.looks += 1;
        self.last = Some((at, loads));
    }

    pub(super) fn levels(&self) -> Vec<Level> {
        let loads = self.last.iter().flat_map(|(_, loads)| loads);
        let levels = self.tracks.iter().zip(loads).map(|(track, load)| Level {
            name: track.name.clone(),
            load: *load,
            capacity: track.capacity,
        });
        levels.collect()
    }

    /// Counts loads that held for so long.
    fn weigh(&mut self, loads: &[f64], seconds: f64) {
        let mut utilisations = Vec::with_capacity(loads.len());
        for (track, load) in self.tracks.iter_mut().zip(loads) {
            track.load.add(*load, seconds);
            if let Some(capacity) = track.capacity {
                let utilisation = share(*load, capacity);
                track.utilisation.add(utilisation, seconds);
                utilisations.push(utilisation);
                // Loads are sums of decimal fractions; a millionth is not a violation.
                if *load > capacity * (1.0 + 1e-6) {
                    track.over_capacity_seconds += seconds;
                    track.over_capacity_looks += 1;
                }
            }
        }
        // Without capacities the loads themselves are compared.
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
            if mean < ROOM {
                self.spread.add(100.0 * (fullest - emptiest), seconds);
            }
        }
    }

    fn keep(&mut self, at: f64, loads: Vec<f64>) {
        self.kept.push((at, loads));
        if self.kept.len() > KEPT {
            let mut number = 0_u64;
            self.kept.retain(|_| {
                number += 1;
                !number.is_multiple_of(2)
            });
            self.stride *= 2;
        }
    }

    pub(super) fn report(&self, delivered_kwh: Option<f64>) -> Grid {
        let tracks = self.tracks.iter();
        let substations = tracks.clone().map(|track| {
            let load = StationLoad {
                capacity: track.capacity,
                load: track.load.report(),
                utilisation: track.utilisation.report(),
                over_capacity_seconds: track.over_capacity_seconds,
            };
            (track.name.clone(), load)
        });
        let series = tracks.clone().enumerate().map(|(place, track)| {
            let loads = self.kept.iter();
            let loads = loads.filter_map(|(_, loads)| loads.get(place).copied());
            (track.name.clone(), loads.collect())
        });
        Grid {
            looks: self.looks,
            failed_looks: self.failed_looks,
            imbalance: self.imbalance.report(),
            spread_points: self.spread.report(),
            utilisation: self.utilisation.report(),
            capacity_violations: tracks.map(|track| track.over_capacity_looks).sum(),
            energy_delivered_kwh: delivered_kwh,
            substations: substations.collect(),
            samples: Samples {
                at_seconds: self.kept.iter().map(|(at, _)| *at).collect(),
                load: series.collect::<BTreeMap<_, _>>(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn station(load: f64, capacity: f64) -> Station {
        Station::read(&format!(
            "substation_current_load {load}\nsubstation_capacity {capacity}\n"
        ))
    }

    /// Two substations of 100 and 200 kW, with these loads from second to second.
    fn seen(loads: &[[f64; 2]]) -> Series {
        let first = [station(0.0, 100.0), station(0.0, 200.0)];
        let names = ["a", "b"].map(str::to_owned).into_iter();
        let mut series = Series::new(names, &first);
        for (at, [a, b]) in (0..).zip(loads) {
            let stations = [station(*a, 100.0), station(*b, 200.0)];
            series.push(SECOND * at, stations.iter().map(Some));
        }
        series
    }

    fn near(found: Option<Peak>, peak: f64, weighted: f64) {
        let found = found.unwrap();
        assert!((found.peak - peak).abs() < 1e-9, "{found:?}");
        assert!((found.time_weighted - weighted).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn what_holds_longer_weighs_more() {
        // 40 % and 40 % for three seconds, then 60 % and 20 % for one.
        let even = [40.0, 80.0];
        let grid = seen(&[even, even, even, [60.0, 40.0], even]).report(None);
        near(grid.imbalance, 1.5, (3.0 * 1.0 + 1.5) / 4.0);
        near(grid.spread_points, 40.0, 10.0);
        near(grid.utilisation, 0.4, 0.4);
        near(grid.substations["a"].utilisation, 0.6, 0.45);
        near(grid.substations["b"].load, 80.0, 70.0);
        assert_eq!((grid.looks, grid.capacity_violations), (5, 0));
        assert_eq!(grid.samples.load["a"], [40.0, 40.0, 40.0, 60.0, 40.0]);
    }

    #[test]
    fn a_load_beyond_capacity_is_a_violation_for_as_long_as_it_lasts() {
        let grid = seen(&[[100.0, 0.0], [100.5, 0.0], [101.0, 0.0], [0.0, 0.0]]).report(None);
        assert_eq!(grid.capacity_violations, 2);
        assert_eq!(grid.substations["a"].over_capacity_seconds, 2.0);
        assert_eq!(grid.substations["b"].over_capacity_seconds, 0.0);
    }

    #[test]
    fn a_look_that_misses_one_is_no_look() {
        let mut series = seen(&[[40.0, 80.0], [40.0, 80.0]]);
        let other = station(0.0, 100.0);
        series.push(2 * SECOND, [Some(&other), None].into_iter());
        let grid = series.report(None);
        assert_eq!((grid.looks, grid.failed_looks), (2, 1));
        near(grid.spread_points, 0.0, 0.0);
    }

    #[test]
    fn imbalance_is_the_fullest_against_the_mean() {
        let found = imbalance(&[0.4, 0.2, 0.3]).unwrap();
        assert!((found - 4.0 / 3.0).abs() < 1e-12, "{found}");
        assert_eq!(imbalance(&[0.01, 0.0]), None, "there is little to compare");
        assert_eq!(imbalance(&[]), None);
    }

    #[test]
    fn nothing_seen_is_no_figure() {
        let grid = seen(&[]).report(None);
        assert_eq!(
            (grid.imbalance, grid.spread_points, grid.utilisation),
            (None, None, None)
        );
    }

    #[test]
    fn a_long_run_keeps_a_picture_and_all_its_figures() {
        let mut loads = vec![[10.0, 20.0]; 5000];
        loads[4001] = [90.0, 20.0];
        let grid = seen(&loads).report(None);
        assert!(grid.samples.at_seconds.len() <= KEPT);
        assert!(grid.samples.at_seconds.is_sorted());
        assert_eq!(grid.looks, 5000);
        near(
            grid.substations["a"].load,
            90.0,
            (4998.0 * 10.0 + 90.0) / 4999.0,
        );
    }
}
