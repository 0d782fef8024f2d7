//! Limits that come and go, as far as the grid knows them: the strictest in force of each name.

use std::sync::Arc;

use switchyard_balance::Load;

use crate::{feeders::Feeder, grid::Grid, substation::Substation};

/// What a limit is set on.
#[derive(Clone, Debug)]
pub enum LimitTarget {
    /// A substation.
    Substation(Arc<Substation>),
    /// A feeder.
    Feeder(Arc<Feeder>),
}

impl LimitTarget {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Substation(substation) => substation.name(),
            Self::Feeder(feeder) => feeder.name(),
        }
    }

    /// Its capacity, where it is known.
    #[must_use]
    pub fn capacity(&self) -> Option<Load> {
        match self {
            Self::Substation(substation) => substation.ledger().capacity(),
            Self::Feeder(feeder) => feeder.balance().capacity(),
        }
    }

    /// The limit that is in force beside the capacity.
    #[must_use]
    pub fn limit(&self) -> Option<Load> {
        match self {
            Self::Substation(substation) => substation.ledger().limit(),
            Self::Feeder(feeder) => feeder.balance().limit(),
        }
    }
}

impl Grid {
    /// The feeder of this name.
    #[must_use]
    pub fn find_feeder(&self, name: &str) -> Option<&Arc<Feeder>> {
        self.feeders.find(name)
    }

    /// The feeder or the substation that is listed under this name.
    #[must_use]
    pub fn limit_target(&self, name: &str) -> Option<LimitTarget> {
        if let Some(feeder) = self.find_feeder(name) {
            return Some(LimitTarget::Feeder(Arc::clone(feeder)));
        }
        let mut all = self.substations().iter();
        let substation = all.find(|one| one.name() == name)?;
        Some(LimitTarget::Substation(Arc::clone(substation)))
    }

    /// Sets the limit in force of this name, or that there is none. It is in force when this returns, whether the name is
    /// listed now or only later: it stays over a reload, and a substation or a feeder that comes, or comes back, under this
    /// name has it from its first moment on.
    pub fn set_limit(&self, name: &str, limit: Option<Load>) {
        let mut limits = self.shared.limits.lock();
        limits.set(name, limit);
        // Through an older grid, too, it counts for the members of the newest.
        for member in self.shared.members().iter() {
            if member.name() == name {
                member.set_limit(limit);
            }
        }
    }
}
