//! What gauges show of the truth: an honest gauge may be rough, and one that lies shows something else.

use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::Load;

/// How honest gauges, and the sessions behind them, differ from the plain picture.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// A gauge is computed anew only this long after it was computed last. Zero: at each reading.
    pub refresh: Duration,
    /// The largest deviation from the truth, as a part of it.
    pub noise: f64,
    /// Load that no proxy booked, on each substation, in units.
    pub others: f64,
    /// The part of its told length that a session really lasts, by substation, over and over; 1 where it is empty.
    pub kept: Vec<f64>,
}

impl Gauges {
    /// How long a session of that told length lasts at a substation.
    pub(crate) fn lasts(&self, told: Duration, at: usize) -> Duration {
        let kept = at
            .checked_rem(self.kept.len())
            .and_then(|at| self.kept.get(at));
        kept.map_or(told, |kept| told.mul_f64(*kept))
    }
}

/// A lie of a gauge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lie {
    /// It shows this number of units, whatever the truth.
    Stuck(f64),
    /// It shows what it showed when it began to lie.
    Frozen,
    /// It shows this part of the truth: a thousandth, if it counts in MW what others count in kW.
    Part(f64),
}

/// The gauge of one substation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) lie: Option<Lie>,
    shown: Load,
    next: Duration,
}

impl Gauge {
    /// What it shows of `load` at `now`.
    pub(crate) fn read(
        &mut self,
        load: Load,
        now: Duration,
        rules: &Gauges,
        rng: &mut Rng,
    ) -> Load {
        match self.lie {
            Some(Lie::Stuck(units)) => return Load::new(units).unwrap_or_default(),
            Some(Lie::Frozen) => return self.shown,
            Some(Lie::Part(_)) | None => {}
        }
        if now >= self.next {
            self.next = now + rules.refresh;
            let mut units = load.units() + rules.others;
            if rules.noise > 0.0 {
                units *= 1.0 + rules.noise * (2.0 * rng.f64() - 1.0);
            }
            if let Some(Lie::Part(part)) = self.lie {
                units *= part;
            }
            self.shown = Load::new(units).unwrap_or(load);
        }
        self.shown
    }
}
