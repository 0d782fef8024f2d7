//! Drains on their way to the next process.

use std::sync::Arc;

use crate::{
    drain::{CarriedDrain, Drain, DrainSource},
    drains::Change,
    grid::Grid,
};

impl Grid {
    /// The drains by command. Those of the configuration and of discovery are there for the next process too.
    pub(crate) fn carry_drains(&self) -> Vec<CarriedDrain> {
        let drains = self.shared.drains.lock();
        let all = drains.fleet.iter().chain(&drains.local);
        all.map(|(name, drain)| CarriedDrain {
            name: name.to_string(),
            by: drain.by.to_string(),
            at: drain.at,
            reason: drain.reason.as_deref().map(str::to_owned),
            is_local: drain.source == DrainSource::Local,
        })
        .collect()
    }

    /// Takes over the drains of the process before. What was said to this process counts for more. What the fleet said
    /// holds until the store answers; without a store (`has_store`) it is from now on this proxy's own.
    pub(crate) fn restore_drains(&self, carried: Vec<CarriedDrain>, has_store: bool) {
        let mut drains = self.shared.drains.lock();
        let changes: Vec<_> = carried
            .into_iter()
            .filter_map(|one| {
                let source = if one.is_local || !has_store {
                    DrainSource::Local
                } else {
                    DrainSource::Fleet
                };
                let is_told = match source {
                    DrainSource::Fleet => drains.is_fleet_known,
                    _ => drains.local.contains_key(&*one.name),
                };
                let drain = Drain {
                    source,
                    by: one.by.into(),
                    at: one.at,
                    reason: one.reason.map(Arc::from),
                };
                (!is_told).then(|| Change {
                    name: one.name.into(),
                    source,
                    by: Arc::clone(&drain.by),
                    drain: Some(Arc::new(drain)),
                })
            })
            .collect();
        self.shared.change_drains(&mut drains, &changes);
    }
}
