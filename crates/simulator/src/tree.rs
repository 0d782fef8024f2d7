//! The feeders of a scenario: limits that several substations share.

use std::time::Duration;

/// A daily curve of a street's houses, hour by hour from midnight, as a part of its peak.
const HOUSES: [f64; 24] = [
    0.30, 0.25, 0.22, 0.21, 0.21, 0.25, 0.38, 0.52, 0.50, 0.45, 0.43, 0.45, 0.50, 0.48, 0.45, 0.50,
    0.62, 0.82, 0.97, 1.00, 0.92, 0.78, 0.58, 0.42,
];

/// The feeders above the substations. None by default.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The feeders, each after its parent.
    pub feeders: Vec<Limited>,
    /// The feeder of each substation, by its number.
    pub of: Vec<usize>,
}

/// A feeder, and what it bears.
#[derive(Clone, Copy, Debug)]
pub struct Limited {
    /// The feeder above it, by its number.
    pub parent: Option<usize>,
    /// Its capacity, in the unit of the substations' relative capacities.
    pub capacity: f64,
    /// Load that no substation causes. Only a feeder's own meter shows it, so a feeder with base load has one.
    pub base: Option<Houses>,
}

/// The load of houses, which follows a daily curve.
#[derive(Clone, Copy, Debug)]
pub struct Houses {
    /// Their load at its highest, in the unit of the substations' relative capacities.
    pub peak: f64,
    /// How long a day is.
    pub day: Duration,
}

impl Houses {
    /// Their load at a moment; the simulation begins at midnight.
    #[must_use]
    pub fn at(&self, now: Duration) -> f64 {
        let hour = 24.0 * (now.as_secs_f64() / self.day.as_secs_f64()).fract();
        let mut next = HOUSES.iter().cycle().skip(1);
        let mut number = 0.0;
        for load in HOUSES {
            let next = next.next().copied().unwrap_or(load);
            if hour < number + 1.0 {
                let part = hour - number;
                return self.peak * (load * (1.0 - part) + next * part);
            }
            number += 1.0;
        }
        0.0
    }
}

impl Tree {
    /// Whether there are no feeders.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.feeders.is_empty()
    }

    /// The most that substations of these capacities can bear below their feeders, at the peak of all base load.
    #[must_use]
    pub fn carries(&self, capacities: &[f64]) -> f64 {
        let mut below = vec![0.0; self.feeders.len()];
        let mut carried = 0.0;
        for (at, capacity) in capacities.iter().enumerate() {
            match self.of.get(at).and_then(|feeder| below.get_mut(*feeder)) {
                Some(sum) => *sum += capacity,
                None => carried += capacity,
            }
        }
        // Each after its parent, so from the last to the first every sum is complete when it is used.
        for (at, feeder) in self.feeders.iter().enumerate().rev() {
            let base = feeder.base.map_or(0.0, |houses| houses.peak);
            let bears = below
                .get(at)
                .copied()
                .unwrap_or_default()
                .min(feeder.capacity - base);
            match feeder.parent.and_then(|parent| below.get_mut(parent)) {
                Some(sum) => *sum += bears,
                None => carried += bears,
            }
        }
        carried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(base: Option<Houses>) -> Tree {
        let limited = |parent, capacity, base| Limited {
            parent,
            capacity,
            base,
        };
        Tree {
            feeders: vec![
                limited(None, 10.0, None),
                limited(Some(0), 3.0, None),
                limited(Some(0), 20.0, base),
            ],
            of: vec![1, 1, 2],
        }
    }

    #[test]
    fn what_a_tree_carries_is_limited_on_each_level() {
        assert!(
            (tree(None).carries(&[2.0, 2.0, 4.0]) - 7.0).abs() < 1e-9,
            "3 and 4"
        );
        assert!(
            (tree(None).carries(&[2.0, 2.0, 9.0]) - 10.0).abs() < 1e-9,
            "the transformer"
        );
        let houses = Houses {
            peak: 15.0,
            day: Duration::from_mins(1),
        };
        assert!(
            (tree(Some(houses)).carries(&[2.0, 2.0, 9.0]) - 8.0).abs() < 1e-9,
            "3 and 20 - 15"
        );
        assert!(
            (tree(None).carries(&[1.0, 1.0, 1.0, 5.0]) - 8.0).abs() < 1e-9,
            "the last has no feeder"
        );
    }

    #[test]
    fn houses_have_their_peak_in_the_evening_and_no_jump() {
        let houses = Houses {
            peak: 2.0,
            day: Duration::from_hours(24),
        };
        let at = |minutes: u64| houses.at(Duration::from_mins(minutes));
        assert!((at(19 * 60) - 2.0).abs() < 1e-9);
        assert!((at(24 * 60) - at(0)).abs() < 1e-9);
        for minute in 0..24 * 60 {
            assert!(
                (at(minute) - at(minute + 1)).abs() < 0.01,
                "minute {minute}"
            );
        }
    }
}
