//! Which upstreams a search looks at.

use crate::{Ledger, Load};

/// Which upstreams are eligible, and the weight of each.
///
/// There are four implementations, and most choices need only the first, [`Sampled`]. They are types, so that the hot
/// loop is compiled for each without branches.
pub(crate) trait Eligibility {
    /// The factor that turns a load into a score. NaN if the upstream is not eligible: a score of NaN is never less
    /// than another.
    fn weight(ledger: &Ledger) -> f64;

    /// Whether the upstream can take `load`, for this `assigned`.
    fn has_room(ledger: &Ledger, assigned: i64, load: Load) -> bool {
        ledger.has_room(assigned, load)
    }

    /// Whether the upstream has as many requests under way as it may have.
    #[inline]
    fn is_at_limit(ledger: &Ledger) -> bool {
        ledger.is_at_limit()
    }

    /// Whether the groups' floors are computed from these weights.
    const HAS_FLOORS: bool = false;
}

/// Upstreams in rotation with a sample: the normal case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampled;

impl Eligibility for Sampled {
    const HAS_FLOORS: bool = true;

    #[inline]
    fn weight(ledger: &Ledger) -> f64 {
        ledger.weight()
    }
}

/// The same, whatever a soft limit of requests says: used if no other upstream has room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BeyondLimit;

impl Eligibility for BeyondLimit {
    const HAS_FLOORS: bool = true;

    #[inline]
    fn weight(ledger: &Ledger) -> f64 {
        ledger.weight()
    }

    #[inline]
    fn is_at_limit(ledger: &Ledger) -> bool {
        ledger.is_at_hard_limit()
    }
}

/// Upstreams in rotation without a sample: used if no upstream in rotation has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsampled;

impl Eligibility for Unsampled {
    fn weight(ledger: &Ledger) -> f64 {
        if ledger.is_in() && !ledger.is_sampled() {
            ledger.inverse_bound()
        } else {
            f64::NAN
        }
    }

    fn is_at_limit(ledger: &Ledger) -> bool {
        ledger.is_at_hard_limit()
    }
}

/// Upstreams whose sample is stale, full or not: used if no other upstream has room. An estimate that has not been
/// corrected for so long is no reason to refuse all requests; the upstream refuses them itself if it is full. A request
/// above its capacity would only be refused. (A limit from outside, and that of a feeder, it does not know: they count.)
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stale;

impl Eligibility for Stale {
    fn weight(ledger: &Ledger) -> f64 {
        if ledger.is_stale() {
            ledger.weight()
        } else {
            f64::NAN
        }
    }

    fn has_room(ledger: &Ledger, assigned: i64, load: Load) -> bool {
        if ledger.limit().is_some() {
            return ledger.has_room(assigned, load);
        }
        ledger.is_countable(assigned, load)
            && ledger.capacity().is_none_or(|capacity| load <= capacity)
    }
}
