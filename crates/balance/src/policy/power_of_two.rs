//! The better of two drawn at random. This is robust against old gauges, because not all requests go to the upstream
//! that seems best (Mitzenmacher, 2000). But it cannot keep the load even, because it does not read the others.

use fastrand::Rng;

use super::{Candidates, Choose, Chosen, Eligibility, candidates::nth};
use crate::Ledger;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PowerOfTwo;

impl Choose for PowerOfTwo {
    fn choose<U: AsRef<Ledger>, E: Eligibility>(
        &self,
        candidates: &Candidates<'_, U, E>,
        rng: &mut Rng,
    ) -> Option<Chosen> {
        let count = candidates.iter().count();
        let first = (count > 0).then(|| rng.usize(..count))?;
        let one = nth(candidates.iter(), first)?;
        if count == 1 {
            return Some(one.chosen());
        }
        // Drawn from the others, so that the two differ.
        let other = (first + 1 + rng.usize(..count - 1)) % count;
        let other = nth(candidates.iter(), other)?;
        // The first of the two was drawn at random, so keeping it breaks a tie at random.
        Some(if other.score < one.score { other } else { one }.chosen())
    }
}
