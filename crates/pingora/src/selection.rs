//! The choice in the form that Pingora needs: an iterator over candidates, best first.
//!
//! Each candidate is reserved when the iterator returns it, because another thread may fill the same gap before a later
//! reservation. If Pingora rejects a candidate (unhealthy, disabled, not accepted), its reservation is cancelled when
//! Pingora asks for the next candidate or drops the iterator.

use std::{collections::BTreeSet, sync::Arc};

use fastrand::Rng;
use pingora_load_balancing::{
    Backend,
    selection::{BackendIter, BackendSelection},
};
use switchyard_balance::{Lasts, Load, Policy, Request, Roster, Selector};

use crate::{key::load_of, reservation::ReservationSlot, upstream::Upstream};

/// How [`LeastLoad`] chooses.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The policy.
    pub policy: Policy,
    /// The load of a request whose key carries no load.
    pub default_load: Load,
    /// How long the load of a request lasts.
    pub lasts: Lasts,
}

impl Default for Rule {
    /// The lowest load, and one unit of the gauge a request. That is right for a gauge of requests or sessions.
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            default_load: Load::new(1.0).unwrap_or_default(),
            lasts: Lasts::default(),
        }
    }
}

/// Chooses among one set of backends by their ledgers.
///
/// Backends that carry no [`Upstream`] are never chosen.
#[derive(Debug)]
pub struct LeastLoad {
    backends: Box<[Backend]>,
    roster: Roster<Upstream>,
    selector: Selector,
    default_load: Load,
}

impl BackendSelection for LeastLoad {
    type Iter = Iter;
    type Config = Rule;

    fn build_with_config(backends: &BTreeSet<Backend>, rule: &Rule) -> Self {
        let with_upstream = backends
            .iter()
            .filter_map(|backend| Some((backend.clone(), Arc::clone(Upstream::of(backend)?))));
        let (backends, upstreams): (Vec<_>, Vec<_>) = with_upstream.unzip();
        for upstream in &upstreams {
            upstream.ledger().set_lasts(rule.lasts);
        }
        Self {
            backends: backends.into(),
            roster: Roster::new(upstreams).for_requests_of(rule.default_load),
            selector: Selector::new(rule.policy),
            default_load: rule.default_load,
        }
    }

    fn build(backends: &BTreeSet<Backend>) -> Self {
        Self::build_with_config(backends, &Rule::default())
    }

    fn iter(self: &Arc<Self>, key: &[u8]) -> Iter {
        Iter {
            load: load_of(key).unwrap_or(self.default_load),
            selection: Arc::clone(self),
            rng: Rng::new(),
            tried: Vec::new(),
            candidate: None,
        }
    }
}

/// Candidates for one request, best first. The current one is reserved.
#[derive(Debug)]
pub struct Iter {
    selection: Arc<LeastLoad>,
    load: Load,
    rng: Rng,
    tried: Vec<usize>,
    candidate: Option<(Backend, Arc<ReservationSlot>)>,
}

impl Iter {
    /// Cancels the reservation of the last candidate, unless Pingora has kept the candidate.
    fn cancel_candidate(&mut self) {
        if let Some((backend, slot)) = self.candidate.take() {
            drop(backend);
            if let Some(slot) = Arc::into_inner(slot) {
                slot.cancel();
            }
        }
    }
}

impl BackendIter for Iter {
    fn next(&mut self) -> Option<&Backend> {
        self.cancel_candidate();
        let selection = &self.selection;
        let chosen = selection
            .selector
            .reserve(
                &selection.roster,
                Request::of(self.load).without(&self.tried),
                &mut self.rng,
            )
            .ok()?;
        self.tried.push(chosen.at);
        let mut backend = selection.backends.get(chosen.at)?.clone();
        let slot = ReservationSlot::put(&mut backend, chosen.reservation);
        let (backend, _) = self.candidate.insert((backend, slot));
        Some(backend)
    }
}

impl Drop for Iter {
    fn drop(&mut self) {
        self.cancel_candidate();
    }
}
