//! Each in turn.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use fastrand::Rng;

use super::{Candidates, Choose, Chosen, Eligibility, candidates::nth};
use crate::Ledger;

/// See the module. All threads share the turn.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin {
    turn: AtomicUsize,
}

impl RoundRobin {
    /// Begins at a position that depends on `seed`, so that several proxies don't all begin at the first.
    pub(crate) fn with_seed(seed: u64) -> Self {
        Self {
            turn: AtomicUsize::new(Rng::with_seed(seed).u16(..).into()),
        }
    }
}

impl Choose for RoundRobin {
    fn choose<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        candidates: &Candidates<'_, U, E>,
        _: &mut Rng,
    ) -> Option<Chosen> {
        let count = candidates.iter().count();
        let turn = self.turn.fetch_add(1, Relaxed).checked_rem(count)?;
        nth(candidates.iter(), turn).map(|candidate| candidate.chosen())
    }
}
