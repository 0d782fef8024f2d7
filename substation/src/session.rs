//! A charge session, from its demand to its end.

use tokio::time::Instant;

use crate::units::{Energy, Power};

/// What a car asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Demand {
    pub(crate) power: Power,
    pub(crate) energy: Energy,
}

/// A booked session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Session {
    pub(crate) demand: Demand,
    pub(crate) began: Instant,
    pub(crate) ends: Instant,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EndReason {
    /// It has taken its energy.
    Completed,
    /// It was unplugged before.
    Cancelled,
}

/// The end of a session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SessionEnd {
    pub(crate) reason: EndReason,
    /// How long it was plugged in, in simulated seconds.
    pub(crate) seconds: f64,
}
