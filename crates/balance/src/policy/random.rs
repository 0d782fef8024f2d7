//! Any: what every other policy has to beat.

use fastrand::Rng;

use super::{Choose, Chosen, Field, Pass, field::nth};
use crate::Ledger;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Random;

impl Choose for Random {
    fn choose<U: AsRef<Ledger>, P: Pass>(
        &self,
        field: &Field<'_, U, P>,
        rng: &mut Rng,
    ) -> Option<Chosen> {
        let count = field.candidates().count();
        let drawn = (count > 0).then(|| rng.usize(..count))?;
        nth(field.candidates(), drawn).map(|candidate| candidate.chosen())
    }
}
