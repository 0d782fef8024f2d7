//! How full the upstreams are together that a request would rather have.
//!
//! A request stays among the upstreams that it prefers until they are, all together, as full as
//! [`Preferred::spill_at`](crate::Preferred::spill_at) says. Several proxies see that gap at once, and each may fill its
//! [share](crate::share) of it only:
//!
//! ```text
//! own_unseen + request ≤ σ · (spill_at · Σ bounds − Σ values)
//! ```
//!
//! With a share of 1 that is Σ estimates + request ≤ `spill_at` · Σ bounds. Where the shares add up to 1, the proxies together
//! fill the gap once between two samples, however many they are.
//!
//! Sums of up to [`SMALL`] upstreams are made anew for each choice. Larger ones are kept, and own choices added, until the
//! next round of samples or until a number of choices that grows with the upstreams. So what is kept lacks no
//! more than what others than these choices have booked or taken back since.

use std::sync::PoisonError;

use crate::{Ledger, Load, Mask, Preferred, Roster, mask::Sums};

/// The most upstreams that are added up for each choice.
const SMALL: usize = 64;

/// Whether the preferred upstreams together are not too full for `load` more.
pub(crate) fn takes<U: AsRef<Ledger>>(
    roster: &Roster<U>,
    preferred: &Preferred<'_>,
    load: Load,
) -> bool {
    let Some(spill_at) = preferred.spill_at else {
        return true;
    };
    let sums = sums(roster, preferred.mask);
    let gap = spill_at * sums.bound - sums.value;
    sums.unseen + millionths(load) <= roster.share() * gap
}

/// To be called when `load` was booked on one of the upstreams of `mask` because it was preferred.
pub(crate) fn booked(mask: &Mask, load: Load) {
    if mask.len() <= SMALL {
        return;
    }
    if let Some(kept) = mask.kept() {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.sums.unseen += millionths(load);
    }
}

fn sums<U: AsRef<Ledger>>(roster: &Roster<U>, mask: &Mask) -> Sums {
    let Some(kept) = mask.kept().filter(|_| mask.len() > SMALL) else {
        return add_up(roster, mask);
    };
    let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
    let round = roster.round();
    {
        let mut kept = lock();
        if kept.round == round && kept.choices > 0 && kept.sums.bound > 0.0 {
            kept.choices -= 1;
            return kept.sums;
        }
        // Other threads go on with the old sums while this one adds up.
        kept.round = round;
        kept.choices = SMALL.max(mask.len() / 16);
    }
    let sums = add_up(roster, mask);
    lock().sums = sums;
    sums
}

fn add_up<U: AsRef<Ledger>>(roster: &Roster<U>, mask: &Mask) -> Sums {
    let mut sums = Sums::default();
    for at in mask.iter() {
        let Some(upstream) = roster.get(at) else {
            continue;
        };
        let ledger = (**upstream).as_ref();
        // One out of rotation, or without a sample, has neither load nor room that counts.
        if ledger.weight().is_nan() {
            continue;
        }
        let (value, unseen) = ledger.gauge_and_unseen();
        sums.value += value;
        sums.unseen += unseen;
        sums.bound += ledger.bound().map_or(f64::INFINITY, millionths);
    }
    sums
}

#[expect(clippy::cast_precision_loss, reason = "16 digits are enough for a sum")]
fn millionths(load: Load) -> f64 {
    load.micros() as f64
}
