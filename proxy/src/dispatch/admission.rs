//! What becomes of a request that finds no room: a wait in line where that is configured, and else a refusal that says
//! when there will be room.

use std::pin::pin;

use switchyard_balance::Refusal;
use switchyard_wire::{Code, Failure};
use tokio::time::Instant;

use super::{
    Dispatcher,
    operation::Operation,
    queue,
    retry::{self, RetryState, SafeToRetry},
    route::SendContext,
    select::Selected,
};
use crate::metrics::Waited;

impl Dispatcher {
    /// The substation to ask next, if there is one for which this request need not wait.
    pub(super) fn admit(
        &self,
        operation: &mut Operation<'_>,
        state: &RetryState,
    ) -> Result<Selected, Refusal> {
        // Those that wait already come first. (A request with a key may have its place at a substation.)
        let may_wait = state.snapshot.config.admission.queue > 0;
        let is_free = matches!(operation, Operation::Charge { claim: None, .. });
        if may_wait && is_free && self.state.queue.length() > 0 {
            return Err(Refusal::NoCapacity);
        }
        self.select(operation, state)
    }

    /// What becomes of a request that was not admitted: a wait for room, or its refusal.
    pub(super) async fn without_room(
        &self,
        refused: Refusal,
        operation: &mut Operation<'_>,
        context: &mut SendContext<'_>,
    ) -> Result<Selected, Failure> {
        // Substations that came since it began have not been asked yet.
        let mut refused = refused;
        if self.runtime.now().version != context.state.snapshot.version {
            context.state.restart_with(self.runtime.snapshot());
            match self.admit(operation, &context.state) {
                Ok(selected) => return Ok(selected),
                Err(again) => refused = again,
            }
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
                // Substations that refused may have room by now, and others may have come.
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

    /// What the client is told when there is no substation left to ask.
    pub(super) fn no_room(
        &self,
        operation: &Operation<'_>,
        refused: Refusal,
        context: &mut SendContext<'_>,
    ) -> Failure {
        let failure = retry::failure_for(refused, &mut context.state);
        self.with_forecast(operation, failure, &context.state)
    }

    /// The same where only one may be asked, because it may have booked the key already.
    pub(super) fn no_room_at_holder(
        &self,
        operation: &Operation<'_>,
        holder: &str,
        why: SafeToRetry,
        context: &mut SendContext<'_>,
    ) -> Failure {
        let failure = retry::failure_for_holder(holder, why, &mut context.state);
        self.with_forecast(operation, failure, &context.state)
    }

    /// Where there is no room, notes when there will be: by the substations' own word, or by the ends of the sessions
    /// that are known.
    fn with_forecast(
        &self,
        operation: &Operation<'_>,
        mut failure: Failure,
        state: &RetryState,
    ) -> Failure {
        if let (Code::NoCapacity, Operation::Charge { charge, .. }) = (failure.code, operation) {
            let known = self.state.forecast.room_in(charge.load, Instant::now());
            failure.room_in = state.room_in.into_iter().chain(known).min();
        }
        failure
    }
}
