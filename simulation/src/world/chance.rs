//! Chances of an actor.

use std::time::Duration;

use fastrand::Rng;

/// Draws for one actor: from the seed of the day and what the actor is, so that no actor changes another's chances.
#[derive(Debug)]
pub(crate) struct Chance(Rng);

impl Chance {
    /// Those of the actor `id` of a kind.
    #[must_use]
    pub(crate) fn of(seed: u64, kind: &str, id: usize) -> Self {
        // FNV: a few bits of difference become many.
        let text = kind.bytes().chain(id.to_le_bytes());
        let hash = text.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(Rng::with_seed(seed.rotate_left(17) ^ hash))
    }

    /// True in this share of all cases.
    pub(crate) fn is(&mut self, share: f64) -> bool {
        // Drawn in any case, so that another share moves nothing else.
        self.0.f64() < share
    }

    /// A time from nothing to twice this, so that this is the mean.
    pub(crate) fn around(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(2.0 * self.0.f64())
    }

    /// A number below `end`, or 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.0.usize(..end) }
    }

    /// A load of whole units, from 1 to this.
    pub(crate) fn load(&mut self, most: f64) -> f64 {
        (self.0.f64() * most).ceil().clamp(1.0, most.max(1.0))
    }
}
