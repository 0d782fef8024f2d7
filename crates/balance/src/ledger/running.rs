//! Load under way: what has been reserved less what has ended, and the bounds of what a sample has seen of it.

/// Load that has been reserved, ever, and load whose reservation has ended in any way. Both only grow, so what was under
/// way at some moment lies between what had been reserved before it less what had ended after it, and the reverse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) reserved: i64,
    pub(crate) ended: i64,
}

/// The bounds of an own sum that a sample has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) least: i64,
    pub(crate) most: i64,
}

impl Bounds {
    /// The bounds of the difference between this sum and an earlier one.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            least: self.least.wrapping_sub(before.most),
            most: self.most.wrapping_sub(before.least),
        }
    }

    /// The middle.
    pub(crate) fn middle(self) -> i64 {
        self.least
            .wrapping_add(self.most.wrapping_sub(self.least) / 2)
    }
}

impl Running {
    /// What is under way.
    pub(super) fn under_way(self) -> i64 {
        self.reserved.wrapping_sub(self.ended).max(0)
    }

    /// The bounds of what was under way at any moment between two.
    pub(super) fn between(sent: Self, arrived: Self) -> Bounds {
        let least = sent.reserved.wrapping_sub(arrived.ended).max(0);
        Bounds {
            least,
            // A load that ends right now may have left `assigned` and not have come to its sum yet.
            most: arrived.reserved.wrapping_sub(sent.ended).max(least),
        }
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self {
            reserved: self.reserved.wrapping_sub(other.reserved),
            ended: self.ended.wrapping_sub(other.ended),
        }
    }
}
