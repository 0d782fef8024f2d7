//! A gauge that is the same to the last bit, round after round, while the load moves.
//!
//! An honest gauge stands still only by a coincidence that does not last: others would have to book what ends, each
//! round anew. But gauges are refreshed at intervals, and pages are cached. So a gauge may stand still three times as
//! long as it ever did before it moved on.

/// Rounds of a standstill that are too long where others move,
const ROUNDS: u32 = 20;
/// and where there is no other.
const ROUNDS_ALONE: u32 = 60;
/// So many times as long as ever before.
const TIMES: u32 = 3;
/// The own load at its highest, as a multiple of that at its lowest, that a gauge can't have missed,
const SWING: f64 = 1.3;
/// and where there is no other.
const SWING_ALONE: f64 = 4.0;

/// How long a gauge has stood still. Loads are in millionths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standstill {
    rounds: u32,
    longest: u32,
    others_moved: u32,
    /// The own load in this time.
    least: f64,
    most: f64,
}

impl Standstill {
    /// A sample, which differs from the one before if the gauge `has_moved`, and the own load then.
    pub(super) fn sampled(&mut self, has_moved: bool, own: f64) {
        if has_moved || self.rounds == 0 {
            // While nothing was booked, a standstill says nothing about how often the gauge is refreshed.
            let longest = if self.is_swung(SWING) { self.rounds } else { 0 };
            *self = Self {
                rounds: 1,
                longest: self.longest.max(longest),
                others_moved: 0,
                least: own,
                most: own,
            };
        } else {
            self.rounds = self.rounds.saturating_add(1);
            self.least = self.least.min(own);
            self.most = self.most.max(own);
        }
    }

    fn is_swung(&self, times: f64) -> bool {
        self.most >= times * self.least && self.most > 0.0
    }

    /// Whether it has stood still for too long. To be called once a round. `has_others_moved`: most other gauges moved
    /// in this round. A swing of the own load counts from `evidence` on.
    pub(super) fn is_frozen(
        &mut self,
        has_others_moved: bool,
        is_alone: bool,
        evidence: f64,
    ) -> bool {
        self.others_moved = self
            .others_moved
            .saturating_add(u32::from(has_others_moved));
        let (rounds, swing) = if is_alone {
            (ROUNDS_ALONE, SWING_ALONE)
        } else {
            (ROUNDS, SWING)
        };
        self.rounds >= rounds.max(TIMES * self.longest)
            && 2 * self.others_moved >= self.rounds
            && self.is_swung(swing)
            && self.most - self.least >= evidence
    }
}
