//! How long a load lasts: longer than the answer to its request, or exactly as long.
//!
//! A charging session goes on when its request has been answered. A completion, a transcoding or a request that the
//! backend holds is a load only while it is under way. The [`ledger`](crate::ledger) needs to know which of the two it
//! counts: for a session, an answer says that the gauge will show the load from now on; for a load that ends with its
//! answer, it says that the gauge will not.
//!
//! A request may say it ([`Reservation::lasting`](crate::Reservation::lasting)). For the others the ledger has a rule.
//! The difference is visible in the gauges, so a [`LastsEstimator`](crate::LastsEstimator) can learn it.

use std::fmt;

/// How long the load of a request lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Lasts {
    /// It outlives the answer, and ends at a time of its own.
    #[default]
    Session,
    /// It ends with the answer.
    Answer,
}

impl Lasts {
    /// Both, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Session, Self::Answer];

    /// Its name in the configuration, in metrics and in `/status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Answer => "answer",
        }
    }

    pub(crate) const fn from_number(number: u8) -> Self {
        if number == Self::Answer as u8 {
            Self::Answer
        } else {
            Self::Session
        }
    }
}

impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
