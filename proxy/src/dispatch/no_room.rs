//! The answer to a charge that found no room: which limit binds, and when to come back.

use std::sync::Arc;

use switchyard_balance::{Refusal, promises::Wait};
use switchyard_idempotency::Claim;
use switchyard_wire::{Code, Detail, Failure, Retry};
use tokio::time::Instant;

use super::{
    Dispatcher,
    agree::unlisted,
    capacity_forecast::ScopeName,
    exhausted,
    limit::{self, Limit},
    operation::Operation,
    retry::{RetryState, SafeToRetry, Turn},
    route::SendContext,
};

impl Dispatcher {
    /// The answer when no substation is left to ask.
    pub(super) fn no_room(
        &self,
        operation: &Operation<'_>,
        refused: Refusal,
        context: &mut SendContext<'_>,
    ) -> Failure {
        if let Operation::Charge {
            claim: Some(claim), ..
        } = operation
            && let Some(holder) = claim.holder()
            && context.state.snapshot.names.by_id(&holder).is_none()
        {
            return unlisted();
        }
        if context.state.broken.is_none()
            && let Some(failure) = operation.not_sent()
        {
            return self.not_sent(failure, operation, context);
        }
        let snapshot = Arc::clone(&context.state.snapshot);
        let ask = operation.ask();
        // A substation that said so itself is known to be full; what others have left matters only if it was looked for.
        let limit = ask.as_ref().filter(|_| refused == Refusal::NoCapacity);
        let limit = limit.and_then(|ask| Limit::of(ask, context.state.excluded(), &snapshot));
        let failure = exhausted::failure_for(refused, limit.as_ref(), &mut context.state);
        let scope = match (limit, ask) {
            (Some(limit), Some(ask)) => limit.scope(&ask),
            (None, Some(ask)) => ask.scope(),
            _ => None,
        };
        self.with_forecast(operation, failure, scope.as_ref(), &context.state)
    }

    /// The answer when the substation that holds the request's key, and so is the only one to ask, did not book.
    pub(super) fn no_room_at_holder(
        &self,
        operation: &Operation<'_>,
        holder: &str,
        why: SafeToRetry,
        context: &mut SendContext<'_>,
    ) -> Failure {
        let mut failure = exhausted::failure_for_holder(holder, why, &mut context.state);
        if failure.code == Code::NoCapacity && failure.detail.is_none() {
            failure = failure.about(Detail::Limit(holder.to_owned()));
        }
        let scope = operation.ask().and_then(|ask| ask.scope());
        self.with_forecast(operation, failure, scope.as_ref(), &context.state)
    }

    /// The answer to a charge that must not be sent at all.
    pub(super) fn not_sent(
        &self,
        failure: Failure,
        operation: &Operation<'_>,
        context: &SendContext<'_>,
    ) -> Failure {
        let feeder = match failure.detail.as_deref() {
            Some(Detail::Limit(name)) => Some(ScopeName::Feeder(name.clone())),
            _ => None,
        };
        self.with_forecast(operation, failure, feeder.as_ref(), &context.state)
    }

    /// Adds to a failure for lack of room when there will be room: as it is promised to this client, or as substations
    /// said. `scope` is where it is missing, if others have room.
    fn with_forecast(
        &self,
        operation: &Operation<'_>,
        mut failure: Failure,
        scope: Option<&ScopeName>,
        state: &RetryState,
    ) -> Failure {
        if let (Code::NoCapacity, Operation::Charge { charge, claim, .. }) =
            (failure.code, operation)
        {
            let key = claim.as_ref().map(Claim::number);
            let client = Self::client(charge, key);
            let (forecast, now) = (&self.state.forecast, Instant::now());
            let was_held = state.turn() == Turn::Held;
            let wanted = (charge.load, charge.ask(key).kind());
            let wait = self.random(|rng| match scope.filter(|_| !was_held) {
                Some(scope) => forecast.promise_in(scope, client, (charge.load, now), rng),
                None => forecast.promise(client, wanted, now, was_held, rng),
            });
            failure.retry = match (wait, state.room_in()) {
                // What a substation says is the same for all, so it would bring them all back together.
                (Wait::Promised(seconds), _) => Retry::After(seconds),
                (Wait::Longer(seconds), said) => {
                    Retry::RoomIn(said.unwrap_or(seconds).min(seconds))
                }
                (Wait::Unknown, said) => said.map_or(Retry::Soon, Retry::RoomIn),
            };
        }
        failure
    }
}

/// The failure of a charge that no substation can ever bear: waiting does not help.
pub(super) fn too_large(
    operation: &Operation<'_>,
    refused: Refusal,
    state: &RetryState,
) -> Option<Failure> {
    // What may be booked already is told first.
    if refused != Refusal::NoCapacity || state.broken.is_some() {
        return None;
    }
    limit::too_large(&operation.ask()?, &state.snapshot)
}

/// The failure of a request whose client has left. It reads no answer, unless it has closed its sending side only.
pub(super) fn left() -> Failure {
    let message = "the client closed its side of the connection while the request waited for room (admission.queue); \
                   nothing is booked";
    Failure::new(Code::NoCapacity, message).closing()
}
