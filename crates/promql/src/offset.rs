//! By how much another clock is ahead of this one.
//!
//! An answer says when it was made, in whole seconds. It was made after its question was sent and before it arrived. So
//! each answer bounds the offset of the clock that it was made by, within a second and the time of the travel, and
//! several answers within less. If the bounds of two answers exclude each other, a clock was set, and the newer ones
//! count.
//!
//! Samples count as older, never as newer, for what is found here: a date may come from a cache.

/// Bounds of how far another clock is ahead of this one, in milliseconds; negative if it is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offset(Option<Bounds>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    least: i64,
    most: i64,
}

impl Offset {
    /// The bounds that one answer gives: `date` is what it says, in seconds since the Unix epoch; it was asked for at
    /// `sent`, and arrived at `received`, both in milliseconds since then by this clock.
    #[must_use]
    pub fn of(date: i64, sent: i64, received: i64) -> Self {
        let date = date.saturating_mul(1_000);
        Self(Some(Bounds {
            least: date.saturating_sub(received),
            most: date.saturating_add(1_000).saturating_sub(sent),
        }))
    }

    /// What is known after another answer.
    #[must_use]
    pub fn and(self, newer: Self) -> Self {
        let (Some(known), Some(found)) = (self.0, newer.0) else {
            return Self(newer.0.or(self.0));
        };
        let both = Bounds {
            least: known.least.max(found.least),
            most: known.most.min(found.most),
        };
        Self(Some(if both.least <= both.most { both } else { found }))
    }

    /// How far the other clock may be ahead, where it is known to be ahead; otherwise 0.
    #[must_use]
    pub fn ahead(self) -> i64 {
        self.0.filter(|it| it.least > 0).map_or(0, |it| it.most)
    }

    /// The offset as far as it is proved: 0 while the clocks may agree.
    #[must_use]
    pub fn proved(self) -> i64 {
        self.0
            .map_or(0, |it| 0.clamp(it.least, it.most.max(it.least)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the offset, and whenever is asked: what is known holds it, and samples are never counted as newer
        /// than they are by more than is not proved yet.
        #[test]
        fn what_is_known_holds_the_offset(
            offset in -5_000_i64..5_000,
            rounds in prop::collection::vec((0_i64..3_000, 0_i64..50, 0_i64..50), 1..40),
        ) {
            let (mut known, mut now) = (Offset::default(), 1_700_000_000_000_i64);
            for (pause, there, back) in rounds {
                let sent = now + pause;
                let date = (sent + there + offset).div_euclid(1_000);
                now = sent + there + back;
                known = known.and(Offset::of(date, sent, now));
                let bounds = known.0.unwrap();
                prop_assert!((bounds.least..=bounds.most).contains(&offset), "{bounds:?}");
                prop_assert!(bounds.most - bounds.least <= 1_100);
                prop_assert!(offset - known.ahead() <= 1_100);
                prop_assert!(known.ahead() == 0 || known.ahead() >= offset);
                prop_assert!(known.proved().abs() <= offset.abs());
            }
        }
    }

    #[test]
    fn a_clock_that_was_set_is_known_anew() {
        let ahead = Offset::default().and(Offset::of(102, 100_000, 100_010));
        assert_eq!((ahead.ahead(), ahead.proved()), (3_000, 1_990));
        let set = ahead.and(Offset::of(105, 105_500, 105_510));
        assert_eq!((set.ahead(), set.proved()), (0, 0));
        let behind = set.and(Offset::of(50, 110_500, 110_510));
        assert_eq!((behind.ahead(), behind.proved()), (0, -59_500));
    }
}
