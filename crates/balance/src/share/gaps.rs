//! How much emptier each upstream is than the others, where bookings go by that.
//!
//! Without feeders that is its own utilisation, compared with the mean.
//!
//! Below feeders the fullest level of an upstream decides, and among those that the same feeder binds their own
//! utilisation. So both make the gap. But what is below a full feeder stays emptier than the rest for as long as that
//! feeder is full, and where houses are on a feeder, fewer cars are for good. Such a difference is no gap that anybody
//! fills: bookings there only replace what ends. It would drown what bookings do respond to. So below feeders only the
//! difference to what is usual for an upstream counts.

use super::{Fullest, Slot, Step};
use crate::{Ledger, Load, Roster, ledger::LastSample};

/// What is usual follows the gap by this part of the difference in each round.
const LEARNED: f64 = 0.1;

/// The utilisation of feeders by the gauges, in one round.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    feeders: Vec<f64>,
    /// By feeder: what the upstreams bear that it binds, and their capacity.
    bound: Vec<(f64, f64)>,
}

impl Gaps {
    pub(super) fn read<U: AsRef<Ledger>>(&mut self, roster: &Roster<U>) {
        let utilisation = |feeder: &std::sync::Arc<crate::Feeder>| {
            let bound = feeder.bound().map_or(f64::INFINITY, Load::units);
            feeder.current().map_or(0.0, Load::units) / bound.max(1e-6)
        };
        self.feeders.clear();
        self.feeders
            .extend(roster.feeders().iter().map(utilisation));
    }

    /// The fullest feeder above an upstream, if it is fuller than the upstream itself.
    pub(super) fn fullest_above<U: AsRef<Ledger>>(
        &self,
        roster: &Roster<U>,
        at: usize,
        sample: &LastSample,
    ) -> Option<Fullest> {
        let above = roster.path(at).filter_map(|feeder| {
            let utilisation = self.feeders.get(feeder).copied()?;
            Some(Fullest {
                feeder,
                utilisation,
            })
        });
        let fullest = above.max_by(|a, b| a.utilisation.total_cmp(&b.utilisation))?;
        let own = sample.capacity.map_or(0.0, |capacity| {
            sample.value.units() / capacity.units().max(1e-6)
        });
        (fullest.utilisation > own).then_some(fullest)
    }

    /// Sets the gap of each step of a round.
    pub(super) fn set(&mut self, steps: &mut [Step], slots: &mut [Slot], capacity: f64) {
        let mean = steps.iter().map(Step::level).sum::<f64>() / capacity;
        self.bound.clear();
        self.bound.resize(self.feeders.len(), (0.0, 0.0));
        for step in &*steps {
            let bound = step
                .binding
                .and_then(|fullest| self.bound.get_mut(fullest.feeder));
            if let Some((load, capacity)) = bound {
                *load += step.before;
                *capacity += step.capacity;
            }
        }
        for step in steps {
            step.gap = mean - step.level() / step.capacity;
            let Some(slot) = slots.get_mut(step.at).filter(|_| !self.feeders.is_empty()) else {
                continue;
            };
            if let Some((load, capacity)) = step
                .binding
                .and_then(|fullest| self.bound.get(fullest.feeder))
            {
                step.gap += load / capacity - step.before / step.capacity;
            }
            let usual = slot.usual.unwrap_or(step.gap);
            slot.usual = Some(usual + LEARNED * (step.gap - usual));
            step.gap -= usual;
        }
    }
}
