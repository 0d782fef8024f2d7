//! What follows from a substation's refusals.
//!
//! A substation may refuse although its gauge shows room. Then every request would try it first,
//! and each would cost a retry. So a refusal takes precedence over the gauge: for some time the
//! substation gets no request of that load or more, only smaller ones. The time doubles while it
//! refuses again. It ends early when the gauge has fallen by that load, because then there is room.
//!
//! This is pure code: moments and loads are passed in.

use std::time::Duration;

use switchyard_balance::Load;

use crate::clock::Moment;

/// How long the first refusal counts; in any case until the next sample.
const FIRST: Duration = Duration::from_millis(500);
/// The longest time that a refusal counts, even if the substation asks for more.
const LONGEST: Duration = Duration::from_secs(8);

/// The refusals of one substation.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Refusals since it last booked as much as it refused.
    in_a_row: u32,
    /// The least load among them.
    least: Option<Load>,
    held: Option<Hold>,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    until: Moment,
    /// The gauge as it was at the refusal.
    value: Option<Load>,
}

impl Refusals {
    /// Records a refusal of `load` with the gauge at `value`. `room_in` is after what time it
    /// expects to have room.
    pub(super) fn refused(
        &mut self,
        load: Load,
        value: Option<Load>,
        now: Moment,
        room_in: Option<Duration>,
    ) {
        // Of concurrent refusals only the first counts.
        if self.held.is_none() {
            self.in_a_row += 1;
        }
        let doublings = self.in_a_row.saturating_sub(1);
        let lasts = FIRST
            .saturating_mul(2_u32.saturating_pow(doublings))
            .max(room_in.unwrap_or_default())
            .min(LONGEST);
        self.least = Some(self.least.map_or(load, |least| least.min(load)));
        self.held = Some(Hold {
            until: now.plus(lasts),
            value,
        });
    }

    /// Records that it booked `load`.
    pub(super) fn booked(&mut self, load: Load) {
        if self.least.is_some_and(|least| load >= least) {
            *self = Self::default();
        }
    }

    /// Takes a new sample into account, and returns the load that still counts as refused.
    pub(super) fn sampled(&mut self, value: Option<Load>, now: Moment) -> Option<Load> {
        let load = self.least?.micros();
        self.held = self.held.filter(|hold| {
            let has_fallen = match (hold.value, value) {
                (Some(then), Some(now)) => now.micros() + load <= then.micros(),
                _ => false,
            };
            now < hold.until && !has_fallen
        });
        self.held()
    }

    /// The least load that counts as refused now.
    pub(super) fn held(&self) -> Option<Load> {
        self.held.and(self.least)
    }

    /// Whether a booking would change nothing.
    pub(super) fn is_clean(&self) -> bool {
        self.in_a_row == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(units: f64) -> Load {
        Load::new(units).unwrap()
    }

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    #[test]
    fn refusals_in_a_row_count_longer_and_a_booking_ends_them() {
        let (mut refusals, mut now) = (Refusals::default(), 0);
        for lasts in [500, 1_000, 2_000, 4_000, 8_000, 8_000] {
            refusals.refused(load(11.0), None, at(now), None);
            refusals.refused(load(11.0), None, at(now), None);
            assert_eq!(
                refusals.sampled(None, at(now + lasts - 1)),
                Some(load(11.0))
            );
            assert_eq!(refusals.sampled(None, at(now + lasts)), None);
            now += lasts;
        }
        refusals.booked(load(11.0));
        assert!(refusals.is_clean());
        refusals.refused(load(11.0), None, at(now), None);
        assert_eq!(refusals.sampled(None, at(now + 500)), None);
    }

    #[test]
    fn smaller_requests_go_on_and_the_smallest_refused_load_counts() {
        let mut refusals = Refusals::default();
        refusals.refused(load(22.0), None, at(0), Some(Duration::from_secs(3)));
        refusals.refused(load(11.0), None, at(0), Some(Duration::from_secs(3)));
        refusals.booked(load(3.7));
        assert_eq!(refusals.sampled(None, at(2_999)), Some(load(11.0)));
        assert_eq!(refusals.sampled(None, at(3_000)), None);
        refusals.booked(load(3.7));
        assert!(!refusals.is_clean(), "they go on counting");
        refusals.booked(load(11.0));
        assert!(refusals.is_clean());
    }

    #[test]
    fn a_gauge_that_has_fallen_by_the_refused_load_ends_the_refusal() {
        let mut refusals = Refusals::default();
        refusals.refused(
            load(11.0),
            Some(load(90.0)),
            at(0),
            Some(Duration::from_secs(8)),
        );
        assert!(refusals.sampled(Some(load(80.0)), at(1)).is_some());
        assert!(refusals.sampled(Some(load(79.0)), at(2)).is_none());
    }
}
