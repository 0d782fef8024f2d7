//! Selects for a charge with an `Idempotency-Key`: the substation that holds the key, or may hold it.
//!
//! Such a substation is asked although it may be full or out of rotation, because whether it has booked is for it to say.
//! The feeders above it can't say anything: so a reservation that adds load takes them too, or is not made.

use std::sync::Arc;

use switchyard_balance::{Load, Refusal, Reservation};
use switchyard_grid::Substation;
use switchyard_idempotency::{Asked, Claim, HolderId};
use switchyard_wire::{Code, Failure};

use super::{
    Dispatcher,
    charge::Charge,
    limit::Limit,
    needs::{self, Needs},
    retry::RetryState,
    select::{Placement, Selected},
};

impl Selected {
    /// A substation that is asked for its own sake, with a reservation of `load`. Fails if a feeder above it has no room.
    fn asked(substation: Arc<Substation>, at: Option<usize>, load: Load) -> Result<Self, Refusal> {
        let reservation = Reservation::within_feeders(Arc::clone(&substation), load);
        Ok(Self {
            at,
            substation,
            placement: Some(Placement {
                reservation: reservation.ok_or(Refusal::NoCapacity)?,
                reason: None,
                open_as: None,
                trial: None,
            }),
            decision: None,
        })
    }

    /// The substation with this id, because it holds the request's key. Fails if this proxy does not know it, or it has
    /// refused the request already, or the feeders above it have no room.
    pub(super) fn holder(
        holder: &HolderId,
        load: Load,
        state: &RetryState,
    ) -> Result<Self, Refusal> {
        let substation = state.snapshot.names.by_id(holder);
        let substation = substation.ok_or(Refusal::NoUpstream)?;
        let at = state.snapshot.grid.position(&substation);
        if at.is_some_and(|at| state.excluded().contains(&at)) {
            return Err(Refusal::NoUpstream);
        }
        // The first request with the key has reserved the load, unless the holder has refused it since.
        let load = if state.was_refused_by(&substation) {
            load
        } else {
            Load::ZERO
        };
        Self::asked(substation, at, load)
    }
}

impl Dispatcher {
    /// The substation that holds the key, or else the best one. Where others decide who holds it, the best one is proposed
    /// to them: see [`Dispatcher::agree`].
    pub(super) fn select_by_key(
        &self,
        charge: &mut Charge<'_>,
        (claim, possible): (&mut Claim<'_>, Option<u64>),
        state: &RetryState,
    ) -> Result<Selected, Refusal> {
        loop {
            if let Some(holder) = claim.holder() {
                let selected = if state.attempts == 0 && claim.is_in_doubt() {
                    in_doubt(&holder, charge, state)?
                } else {
                    Selected::holder(&holder, charge.load, state)?
                };
                if claim.ask_again(&holder) {
                    return Ok(selected);
                }
                // The key has become free meanwhile.
                selected.cancel();
                continue;
            }
            let named = possible.and_then(|sign| possible_holder(sign, charge, state));
            let is_named = named.is_some();
            let selected = match named {
                Some(named) => named?,
                None => self.enter(charge, Some(claim.number()), state)?,
            };
            match claim.ask(selected.substation.holder_id()) {
                Asked::Yes => {
                    if is_named {
                        claim.pin();
                    }
                    return Ok(selected);
                }
                Asked::Propose(_) => return Ok(selected),
                // Another request with the same key has selected another substation meanwhile.
                Asked::Other => selected.cancel(),
            }
        }
    }
}

/// The substation with this id, which may have booked the request's key, or may book it only now. What the first request
/// reserved is forgotten once a sample does not show it. So the load is set aside again, or the substation is not asked.
fn in_doubt(
    holder: &HolderId,
    charge: &mut Charge<'_>,
    state: &RetryState,
) -> Result<Selected, Refusal> {
    let selected = Selected::holder(holder, Load::ZERO, state)?;
    let placed = selected.placement.as_ref();
    if placed.is_none_or(|placed| placed.reservation.feeders().is_empty()) {
        return Ok(selected);
    }
    let (at, substation) = (selected.at, Arc::clone(&selected.substation));
    selected.cancel();
    Selected::asked(Arc::clone(&substation), at, charge.load).map_err(|_| {
        let failure = full_above(&substation, at, charge.load, state);
        charge.needs.not_sent = Some(Box::new(failure));
        Refusal::NoUpstream
    })
}

/// The substation with this sign, which may have booked the request's key before. Its load is set aside, because only the
/// substation knows whether it has it already. None if it is not known, or has refused the request.
///
/// Fails if it must not be asked, because a feeder above it has no room or it has not what the request needs. Then no
/// other is asked either: the request may be booked there.
fn possible_holder(
    sign: u64,
    charge: &mut Charge<'_>,
    state: &RetryState,
) -> Option<Result<Selected, Refusal>> {
    let substation = state.snapshot.names.by_sign(sign)?;
    let at = state.snapshot.grid.position(&substation);
    if at.is_some_and(|at| state.excluded().contains(&at)) {
        return None;
    }
    let lacking = at.and_then(|at| lacking(at, charge, state));
    let asked = match lacking {
        Some(failure) => Err(failure),
        None => Selected::asked(Arc::clone(&substation), at, charge.load)
            .map_err(|_| full_above(&substation, at, charge.load, state)),
    };
    Some(asked.map_err(|failure| {
        charge.needs.not_sent = Some(Box::new(failure));
        Refusal::NoUpstream
    }))
}

/// The failure of a charge that may be booked at a substation which has not what it needs.
fn lacking(at: usize, charge: &Charge<'_>, state: &RetryState) -> Option<Failure> {
    let Needs {
        selection,
        not_sent,
        ..
    } = &charge.needs;
    if let Some(not_sent) = not_sent {
        return Some((**not_sent).clone());
    }
    let routed = charge.route.as_ref();
    let selections = match routed {
        None => state.snapshot.selections.as_ref(),
        Some(routed) => routed.rule.selections.as_ref(),
    }?;
    let no_match = selections.lacking(selection.as_deref()?, at)?;
    Some(needs::failure(no_match))
}

/// The failure of a charge that may be booked at a substation to which nothing may be added.
fn full_above(
    substation: &Substation,
    at: Option<usize>,
    load: Load,
    state: &RetryState,
) -> Failure {
    let name = substation.public_name();
    let name = name.as_str();
    let limit = at.and_then(|at| Limit::above(at, load, &state.snapshot));
    let why = limit.as_ref().map_or_else(
        || "the feeders above it have no room".to_owned(),
        ToString::to_string,
    );
    let message = format!(
        "{name} may hold this Idempotency-Key, and {why}; nothing more is booked: try again with the same key"
    );
    let failure = Failure::new(Code::NoCapacity, message);
    match limit {
        Some(limit) => limit.tell(failure),
        None => failure,
    }
}
