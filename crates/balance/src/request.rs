//! What a request asks of a choice.

use crate::{Load, Mask};

/// What is to be chosen for: a load, and which upstreams it may go to. `Request::of(load)`, or a [`Load`], is one that may
/// go anywhere.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The load to reserve.
    pub load: Load,
    /// Positions to leave out.
    pub tried: &'a [usize],
    /// The upstreams that it can use. None: all.
    pub among: Option<&'a Mask>,
    /// Upstreams that it would rather have. They are tried in this order before all that it can use, and must be among those.
    pub preferred: &'a [Preferred<'a>],
}

/// Upstreams that a request would rather have, until they are so full together.
#[derive(Clone, Copy, Debug)]
pub struct Preferred<'a> {
    /// Which they are.
    pub mask: &'a Mask,
    /// The utilisation of all of them together beyond which others are chosen too, from 0 to 1. None: while one of them has
    /// room.
    pub spill_at: Option<f64>,
}

impl<'a> Request<'a> {
    /// One that may go to any upstream.
    #[must_use]
    pub const fn of(load: Load) -> Self {
        Self {
            load,
            tried: &[],
            among: None,
            preferred: &[],
        }
    }

    /// The same, but not at these positions.
    #[must_use]
    pub const fn without(self, tried: &'a [usize]) -> Self {
        Self { tried, ..self }
    }

    /// The same, but only to these upstreams.
    #[must_use]
    pub const fn among(self, mask: &'a Mask) -> Self {
        Self {
            among: Some(mask),
            ..self
        }
    }

    /// Whether it may go to the upstream at a position.
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn may_use(&self, at: usize) -> bool {
        self.among.is_none_or(|mask| mask.contains(at)) && !self.tried.contains(&at)
    }
}

impl From<Load> for Request<'_> {
    fn from(load: Load) -> Self {
        Self::of(load)
    }
}
