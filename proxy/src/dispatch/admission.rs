//! A request that finds no capacity: it waits in the queue where one is configured, and otherwise gets a refusal that
//! says when there will be room.

use std::pin::pin;

use switchyard_balance::{Refusal, promises::Wait};
use switchyard_wire::{Code, Failure, Retry};
use tokio::time::Instant;

use super::{
    Dispatcher,
    capacity_forecast::Client,
    charge::Charge,
    exhausted,
    idempotency::Claim,
    operation::Operation,
    queue,
    retry::{RetryState, SafeToRetry, Turn},
    route::SendContext,
    select::Selected,
};
use crate::metrics::Waited;

impl Dispatcher {
    /// The substation to ask next, if this request need not wait for one.
    pub(super) fn admit(
        &self,
        operation: &mut Operation<'_>,
        state: &RetryState,
    ) -> Result<Selected, Refusal> {
        // Requests in the queue come first. (A request with a key may be bound to a substation.)
        let may_wait = state.snapshot.config.admission.queue > 0;
        if may_wait
            && self.state.queue.length() > 0
            && let Operation::Charge {
                charge,
                claim: None,
                ..
            } = operation
            && !self.has_place(charge)
        {
            return Err(Refusal::NoCapacity);
        }
        self.select(operation, state)
    }

    /// Whether a charge may take room: nothing is promised, or its own place is due, or enough is left for all that
    /// were promised a place. `key` stands for its `Idempotency-Key`.
    pub(super) fn may_enter(
        &self,
        charge: &Charge<'_>,
        key: Option<u64>,
        state: &RetryState,
    ) -> bool {
        let forecast = &self.state.forecast;
        if forecast.is_free() || state.attempts > 0 || state.turn() == Turn::Has {
            return true;
        }
        let client = self.client(charge, key);
        let roster = state.snapshot.grid.roster();
        let count = || roster.room_for(charge.load);
        let enters = forecast.enter(client, charge.load, Instant::now(), count);
        state.set_turn(if enters { Turn::Has } else { Turn::Held });
        enters
    }

    /// Whether a charge without a key was promised room for now: it does not stand in the queue then.
    fn has_place(&self, charge: &Charge<'_>) -> bool {
        let forecast = &self.state.forecast;
        !forecast.is_free()
            && forecast.is_due(self.client(charge, None), charge.load, Instant::now())
    }

    fn client(&self, charge: &Charge<'_>, key: Option<u64>) -> Client {
        let by_key = |number| Client {
            number,
            is_named: true,
        };
        let by_body = || self.state.forecast.client(charge.body, charge.is_named);
        key.map_or_else(by_body, by_key)
    }

    /// Handles a request that was not admitted: it waits for room, or is refused.
    pub(super) async fn without_room(
        &self,
        refused: Refusal,
        operation: &mut Operation<'_>,
        context: &mut SendContext<'_>,
    ) -> Result<Selected, Failure> {
        // Substations added since the request began have not been asked yet.
        let mut refused = refused;
        if self.runtime.now().version != context.state.snapshot.version {
            context.state.restart_with(self.runtime.snapshot());
            match self.admit(operation, &context.state) {
                Ok(selected) => return Ok(selected),
                Err(again) => refused = again,
            }
        }
        if let Some(failure) = too_large(operation, refused, &context.state) {
            return Err(failure);
        }
        let state = &context.state;
        let may_wait = state.snapshot.config.admission.queue > 0 && state.lacks_only_room(refused);
        let waited = if may_wait {
            self.wait_in_queue(operation, context).await
        } else {
            Err(refused)
        };
        waited.map_err(|refused| self.no_room(operation, refused, context))
    }

    async fn wait_in_queue(
        &self,
        operation: &mut Operation<'_>,
        context: &mut SendContext<'_>,
    ) -> Result<Selected, Refusal> {
        let metrics = &self.runtime.metrics.requests;
        let rules = &context.state.snapshot.config.admission;
        let until = queue::until(rules, context.head, Instant::now(), context.deadline);
        let Some(place) = self.state.queue.join(until, rules.queue) else {
            metrics.waited(Waited::Full);
            return Err(Refusal::NoCapacity);
        };
        loop {
            if place.is_first() {
                // Substations that refused may have room by now, and new ones may have been added.
                context.state.restart_with(self.runtime.snapshot());
                context.state.since = Instant::now();
                match self.select(operation, &context.state) {
                    Ok(selected) => {
                        metrics.waited(Waited::Admitted);
                        return Ok(selected);
                    }
                    Err(Refusal::NoCapacity) => {}
                    Err(refused) => return Err(refused),
                }
            }
            let waited = context.timer.guard(until, pin!(place.wait())).await;
            if waited != Ok(true) {
                metrics.waited(Waited::InVain);
                return Err(Refusal::NoCapacity);
            }
        }
    }

    /// The answer when no substation is left to ask.
    pub(super) fn no_room(
        &self,
        operation: &Operation<'_>,
        refused: Refusal,
        context: &mut SendContext<'_>,
    ) -> Failure {
        let failure = exhausted::failure_for(refused, &mut context.state);
        self.with_forecast(operation, failure, &context.state)
    }

    /// The answer when the substation that holds the request's key, and so is the only one to ask, did not book.
    pub(super) fn no_room_at_holder(
        &self,
        operation: &Operation<'_>,
        holder: &str,
        why: SafeToRetry,
        context: &mut SendContext<'_>,
    ) -> Failure {
        let failure = exhausted::failure_for_holder(holder, why, &mut context.state);
        self.with_forecast(operation, failure, &context.state)
    }

    /// Adds to a failure for lack of room when there will be room: as it is promised to this client, or as substations
    /// said.
    fn with_forecast(
        &self,
        operation: &Operation<'_>,
        mut failure: Failure,
        state: &RetryState,
    ) -> Failure {
        if let (Code::NoCapacity, Operation::Charge { charge, claim, .. }) =
            (failure.code, operation)
        {
            let client = self.client(charge, claim.as_ref().map(Claim::number));
            let (forecast, now) = (&self.state.forecast, Instant::now());
            let was_held = state.turn() == Turn::Held;
            let wait = self.random(|rng| forecast.promise(client, charge.load, now, was_held, rng));
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
fn too_large(operation: &Operation<'_>, refused: Refusal, state: &RetryState) -> Option<Failure> {
    let Operation::Charge { charge, .. } = operation else {
        return None;
    };
    // What may be booked already is told first.
    if refused != Refusal::NoCapacity || state.broken.is_some() {
        return None;
    }
    let largest = state.snapshot.grid.largest_if_below(charge.load)?;
    let message = format!(
        "a load of {} is more than any substation can bear: the largest capacity is {largest}; nothing is booked: \
         ask for at most that",
        charge.load
    );
    Some(Failure::new(Code::TooLargeLoad, message))
}
