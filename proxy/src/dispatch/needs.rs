//! What a charge asks of a choice: its load, and by `select` which substations it can use and would rather have.
//!
//! A request without `select` in its configuration pays a branch for this. With it, its values are looked up while its
//! body is parsed, and the masks come from the snapshot's [`Selections`](switchyard_selection::Selections). Masks are of
//! positions in one grid: a charge that goes on with another snapshot is read again.

use std::sync::Arc;

use switchyard_balance::{Load, Mask, Preferred, Request};
use switchyard_selection::{MOST_RULES, NoMatch, Selection};
use switchyard_wire::{Code, Detail, Failure};

use super::capacity_forecast::ScopeName;

/// What is asked of a choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) load: Load,
    /// Stands for the request's `Idempotency-Key`.
    pub(super) key: Option<u64>,
    pub(super) selection: Option<&'a Arc<Selection>>,
    /// Whether the choice is recorded in any case: a trace tells of it.
    pub(super) is_traced: bool,
}

/// What a charge can use of one snapshot's substations.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// The version of the snapshot.
    pub(super) version: u64,
    /// None if it can use all alike.
    pub(super) selection: Option<Arc<Selection>>,
    /// Why it must not be sent, unless to a substation that may have booked it before: no substation has what it needs, for
    /// one.
    pub(super) not_sent: Option<Box<Failure>>,
}

impl Ask<'_> {
    /// Calls `choose` with what is asked for, but not at the positions `tried`.
    #[inline]
    pub(super) fn with<T>(&self, tried: &[usize], choose: impl FnOnce(Request<'_>) -> T) -> T {
        let request = Request::of(self.load).without(tried);
        let Some(selection) = self.selection else {
            return choose(request);
        };
        let request = Request {
            among: selection.needs(),
            ..request
        };
        if selection.preferred().is_empty() {
            return choose(request);
        }
        let none = Mask::default();
        let mut preferred = [Preferred {
            mask: &none,
            spill_at: None,
        }; MOST_RULES];
        for (place, (mask, spill_at)) in preferred.iter_mut().zip(selection.preferred()) {
            let spill_at = *spill_at;
            *place = Preferred { mask, spill_at };
        }
        let count = selection.preferred().len();
        choose(Request {
            preferred: preferred.get(..count).unwrap_or_default(),
            ..request
        })
    }

    /// The forecast of all that need the same, if not every substation can be used.
    pub(super) fn scope(&self) -> Option<ScopeName> {
        self.selection?.needs_in_words().map(ScopeName::Selection)
    }

    /// The same for all that can use the same substations, and 0 for those that can use all.
    pub(super) fn kind(&self) -> u64 {
        self.selection.map_or(0, |selection| selection.number())
    }
}

/// The failure of a request that needs what no substation has.
pub(super) fn failure(no_match: NoMatch) -> Failure {
    let NoMatch {
        label,
        value,
        is_together,
    } = no_match;
    let what = if is_together {
        format!("no substation has {label} {value:?} together with what else this charge needs")
    } else {
        format!("no substation has {label} {value:?}")
    };
    let message = format!("{what}; nothing is booked: ask for another {label}");
    Failure::new(Code::NoMatch, message).about(Detail::Unmatched { label, value })
}
