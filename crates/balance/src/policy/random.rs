//! Any upstream, at random: the baseline for every other policy.

use fastrand::Rng;

use super::{Candidates, Choose, Chosen, Eligibility, candidates::nth};
use crate::Ledger;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Random;

impl Choose for Random {
    fn choose<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        candidates: &Candidates<'_, U, E>,
        rng: &mut Rng,
    ) -> Option<Chosen> {
        let count = candidates.iter().count();
        let drawn = (count > 0).then(|| rng.usize(..count))?;
        nth(candidates.iter(), drawn).map(|candidate| candidate.chosen())
    }
}
