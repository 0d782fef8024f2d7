//! What follows from a substation's refusals.
//!
//! A substation may refuse although its gauge shows room. Then every request would try it first,
//! and each would cost a retry. So a refusal for want of room takes precedence over the gauge: for
//! some time the substation gets no request of that load or more, only smaller ones. The time
//! doubles while it refuses again. It ends early when the gauge has fallen by that load, because
//! then there is room.
//!
//! When the time is over, one request of that load, the probe, goes there, and no other before it
//! has ended. If it is booked, the refusal has ended; otherwise the next time begins. So a
//! substation that refuses most, or takes long to say so, costs one request at a time a retry, and
//! not all that come in that time. A refusal may be over sooner than it says, so there is also a
//! probe a second. What the substation told the refused client about when to come back concerns
//! that client alone.
//!
//! This is pure code: moments and loads are passed in.

use std::time::Duration;

use switchyard_balance::Load;

use crate::clock::Moment;

mod carry;

pub use carry::{CarriedHold, CarriedRefusals};

/// How long the first refusal counts; in any case until the next sample, or until a request would
/// find no room otherwise.
const FIRST: Duration = Duration::from_millis(500);
/// The longest time that a refusal counts.
const LONGEST: Duration = Duration::from_secs(8);
/// The time from a refusal, or from a probe, to the next probe.
const PROBE_AFTER: Duration = Duration::from_secs(1);
/// If there is no request to be the probe for so long, the refusal is forgotten.
const FORGOTTEN: Duration = Duration::from_mins(1);

/// The refusals of one substation.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Refusals since it last booked as much as it refused.
    in_a_row: u32,
    /// The least load among those that count at the same time.
    least: Option<Load>,
    held: Option<Hold>,
    /// Whether a probe is under way.
    is_probed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Hold {
    until: Moment,
    /// The gauge as it was at the refusal.
    value: Option<Load>,
    probe_at: Moment,
    /// When it was refused.
    at: Moment,
    /// Whether the next request may be the probe.
    is_open: bool,
}

impl Refusals {
    /// Records a refusal of `load` with the gauge at `value`.
    pub(super) fn refused(&mut self, load: Load, value: Option<Load>, now: Moment) {
        // Of concurrent refusals only the first counts, and the least load of them.
        if self.held.is_none_or(|hold| now >= hold.until) {
            self.in_a_row += 1;
            self.least = None;
        }
        let doublings = self.in_a_row.saturating_sub(1);
        let lasts = FIRST
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(LONGEST);
        self.least = Some(self.least.map_or(load, |least| least.min(load)));
        self.held = Some(Hold {
            until: now.plus(lasts),
            value,
            probe_at: now.plus(PROBE_AFTER),
            at: now,
            is_open: false,
        });
    }

    /// Records that it booked `load`. True if that ends a refusal.
    pub(super) fn booked(&mut self, load: Load) -> bool {
        let is_over = self.least.is_some_and(|least| load >= least);
        let was_held = self.held.is_some();
        if is_over {
            *self = Self::default();
        }
        is_over && was_held
    }

    /// Takes a new sample into account, which was taken `then`, and returns the load that still counts as refused. `None`
    /// also while the next request may be the probe.
    pub(super) fn sampled(
        &mut self,
        value: Option<Load>,
        then: Moment,
        now: Moment,
    ) -> Option<Load> {
        let load = self.least?.micros();
        self.held = self.held.filter(|hold| {
            let has_fallen = match (hold.value, value) {
                // One that was taken before the refusal does not tell what has become of it.
                (Some(before), Some(value)) if then >= hold.at => {
                    value.micros() + load <= before.micros()
                }
                _ => false,
            };
            now < hold.until.plus(FORGOTTEN) && !has_fallen
        });
        self.open(now);
        self.held().filter(|_| !self.is_open())
    }

    /// Lets the next request be the probe, if it is time for one and none is under way. True if
    /// that is new.
    pub(super) fn open(&mut self, now: Moment) -> bool {
        let is_probed = self.is_probed;
        let Some(hold) = &mut self.held else {
            return false;
        };
        let is_due = now >= hold.until.min(hold.probe_at) && !hold.is_open && !is_probed;
        hold.is_open |= is_due;
        is_due
    }

    /// Makes a request of `load` the probe, if there is to be one. Then it returns the load that
    /// counts as refused again from now on. [`Refusals::probe_ended`] must follow.
    pub(super) fn probe(&mut self, load: Load, now: Moment) -> Option<Load> {
        let least = self.least.filter(|least| load >= *least)?;
        let hold = self.held.as_mut().filter(|hold| hold.is_open)?;
        hold.is_open = false;
        hold.probe_at = now.plus(PROBE_AFTER);
        self.is_probed = true;
        Some(least)
    }

    /// The least load that counts as refused, if a request of `load` is not to be sent there.
    pub(super) fn forbids(&self, load: Load) -> Option<Load> {
        self.held()
            .filter(|least| load >= *least && !self.is_open())
    }

    /// The probe has ended, with any result or none.
    pub(super) fn probe_ended(&mut self) {
        self.is_probed = false;
    }

    /// Whether the next request may be the probe.
    pub(super) fn is_open(&self) -> bool {
        self.held.is_some_and(|hold| hold.is_open)
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
            refusals.refused(load(11.0), None, at(now));
            refusals.refused(load(11.0), None, at(now));
            refusals.sampled(None, at(now + lasts - 1), at(now + lasts - 1));
            assert_eq!(refusals.held(), Some(load(11.0)));
            assert!(!refusals.is_open() || lasts > 1_000);
            assert_eq!(
                refusals.sampled(None, at(now + lasts), at(now + lasts)),
                None
            );
            assert!(refusals.is_open(), "for one");
            now += lasts;
        }
        assert!(refusals.booked(load(11.0)), "nothing is held any more");
        assert!(refusals.is_clean());
        refusals.refused(load(11.0), None, at(now));
        assert_eq!(refusals.sampled(None, at(now + 500), at(now + 500)), None);
    }

    #[test]
    fn smaller_requests_go_on_and_the_smallest_load_refused_at_the_same_time_counts() {
        let mut refusals = Refusals::default();
        refusals.refused(load(22.0), None, at(0));
        refusals.refused(load(11.0), None, at(0));
        assert!(!refusals.booked(load(3.7)));
        assert_eq!(refusals.sampled(None, at(499), at(499)), Some(load(11.0)));
        assert_eq!(refusals.sampled(None, at(500), at(500)), None);
        assert!(!refusals.booked(load(3.7)));
        assert!(!refusals.is_clean(), "they go on counting");
        refusals.refused(load(50.0), None, at(600));
        let held = refusals.sampled(None, at(700), at(700));
        assert_eq!(held, Some(load(50.0)), "not what was refused long ago");
        assert!(refusals.booked(load(50.0)));
        assert!(refusals.is_clean());
    }

    #[test]
    fn a_gauge_that_has_fallen_by_the_refused_load_ends_the_refusal() {
        let mut refusals = Refusals::default();
        refusals.refused(load(11.0), Some(load(90.0)), at(0));
        assert!(refusals.sampled(Some(load(80.0)), at(1), at(1)).is_some());
        assert!(refusals.sampled(Some(load(79.0)), at(2), at(2)).is_none());
    }

    #[test]
    fn a_sample_of_before_the_refusal_does_not_end_it() {
        let mut refusals = Refusals::default();
        refusals.refused(load(11.0), Some(load(90.0)), at(1_000));
        let fallen = Some(load(60.0));
        assert!(refusals.sampled(fallen, at(999), at(1_100)).is_some());
        assert!(refusals.sampled(fallen, at(1_000), at(1_200)).is_none());
    }

    /// Refusals that count for 8 s.
    fn stubborn() -> Refusals {
        let mut refusals = Refusals::default();
        for _ in 0..5 {
            refusals.refused(load(11.0), None, at(0));
            refusals.held = None;
        }
        refusals.refused(load(11.0), None, at(0));
        refusals
    }

    #[test]
    fn after_a_hold_one_request_at_a_time_is_tried_however_long_it_takes() {
        let mut refusals = Refusals::default();
        refusals.refused(load(11.0), None, at(0));
        assert_eq!(refusals.sampled(None, at(500), at(500)), None);
        assert_eq!(refusals.probe(load(11.0), at(500)), Some(load(11.0)));
        for now in [501, 1_500, 5_000, 50_000] {
            assert_eq!(
                refusals.sampled(None, at(now), at(now)),
                Some(load(11.0)),
                "{now}"
            );
            assert!(!refusals.open(at(now)), "{now}");
            assert_eq!(refusals.probe(load(11.0), at(now)), None, "{now}");
            assert_eq!(refusals.forbids(load(11.0)), Some(load(11.0)), "{now}");
            assert_eq!(refusals.forbids(load(10.0)), None, "{now}");
        }
        // It ends without a word: the next one is tried.
        refusals.probe_ended();
        assert_eq!(refusals.sampled(None, at(50_001), at(50_001)), None);
        assert_eq!(refusals.probe(load(11.0), at(50_001)), Some(load(11.0)));
        // It is refused: a second this time.
        refusals.refused(load(11.0), None, at(52_000));
        refusals.probe_ended();
        assert_eq!(
            refusals.sampled(None, at(52_999), at(52_999)),
            Some(load(11.0))
        );
        assert_eq!(refusals.sampled(None, at(53_000), at(53_000)), None);
        // With nothing to try it with, it is forgotten.
        refusals.sampled(None, at(53_000 + 60_000), at(53_000 + 60_000));
        assert_eq!(refusals.held(), None);
    }

    #[test]
    fn while_a_refusal_counts_one_request_a_second_is_let_through() {
        let mut refusals = stubborn();
        assert_eq!(refusals.sampled(None, at(999), at(999)), Some(load(11.0)));
        assert_eq!(refusals.probe(load(11.0), at(999)), None, "not yet");
        for second in 1..8 {
            let now = at(1_000 * second);
            assert_eq!(refusals.sampled(None, now, now), None, "the way is open");
            assert_eq!(refusals.probe(load(3.7), now), None, "too small to tell");
            assert_eq!(refusals.probe(load(22.0), now), Some(load(11.0)));
            assert_eq!(refusals.probe(load(22.0), now), None, "one at a time");
            refusals.probe_ended();
            assert_eq!(refusals.sampled(None, now, now), Some(load(11.0)));
            assert_eq!(refusals.held(), Some(load(11.0)));
        }
        assert!(
            refusals.booked(load(22.0)),
            "a probe that is booked ends it"
        );
    }

    #[test]
    fn without_samples_the_way_opens_when_a_request_finds_no_room() {
        let mut refusals = Refusals::default();
        assert!(!refusals.open(at(0)));
        refusals.refused(load(11.0), None, at(0));
        assert!(!refusals.open(at(499)));
        assert!(refusals.open(at(500)));
        assert!(!refusals.open(at(501)), "it is open already");
        assert_eq!(refusals.probe(load(11.0), at(501)), Some(load(11.0)));
        let mut refusals = stubborn();
        assert!(!refusals.open(at(999)));
        assert!(refusals.open(at(1_000)));
    }
}
