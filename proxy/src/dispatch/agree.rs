//! Agrees with others on the substation that holds a request's key, before it is asked and after it has refused. Only
//! where [others decide](super::authority).

use std::{pin::pin, sync::Arc};

use switchyard_balance::Refusal;
use switchyard_config::WhenUnreachable;
use switchyard_idempotency::{Asker, Claim, Claimed, HolderId, Release, Released};
use switchyard_wire::{Code, Failure, Retry};
use tracing::debug;

use super::{
    Dispatcher,
    authority::{Proposal, Unavailable},
    idempotency::reused,
    operation::Operation,
    route::SendContext,
    select::Selected,
};

impl Dispatcher {
    /// The substation to ask, after this one was proposed: it, or the one that holds the key.
    pub(super) async fn agree(
        &self,
        selected: Selected,
        proposal: Proposal,
        operation: &mut Operation<'_>,
        context: &mut SendContext<'_>,
    ) -> Result<Selected, Failure> {
        let claimed = pin!(self.state.keys.claim(&proposal));
        let claimed = context.timer.guard(context.deadline, claimed).await;
        let Operation::Charge {
            charge,
            claim: Some(claim),
            possible,
            ..
        } = operation
        else {
            return Ok(selected);
        };
        let late = |_| Err(Unavailable("there was no time left to ask".to_owned()));
        let held = match claimed.unwrap_or_else(late) {
            Ok(Claimed::Holder(holder)) => Arc::new(holder),
            Ok(Claimed::Reused) => {
                claim.withdraw();
                selected.cancel();
                return Err(reused());
            }
            Err(unavailable) => {
                debug!(%unavailable, "Holder of a key unknown");
                if !self.decides_alone(context) {
                    claim.withdraw();
                    selected.cancel();
                    return Err(unknown());
                }
                self.runtime.metrics.requests.local_keys.inc();
                Arc::clone(&proposal.candidate)
            }
        };
        let holder = if *held == *proposal.candidate {
            claim.agree(Arc::clone(&proposal.candidate))
        } else {
            claim.agree(held)
        };
        if self.state.queue.length() > 0 {
            self.state.queue.call(claim.number());
        }
        if *holder == **selected.substation.holder_id() {
            if possible.is_some() && *possible == selected.substation.public_name().sign() {
                claim.pin();
            }
            return Ok(selected);
        }
        selected.cancel();
        let load = charge.load;
        if context.state.snapshot.names.by_id(&holder).is_none() {
            // It may be listed by now.
            context.state.restart_with(self.runtime.snapshot());
        }
        match Selected::holder(&holder, load, &context.state) {
            Ok(selected) => Ok(selected),
            Err(refused) => Err(self.not_asked(&holder, refused, operation, context).await),
        }
    }

    /// The failure of a request whose key is held by a substation that can't be asked: it is not listed here, or has
    /// refused the request before.
    async fn not_asked(
        &self,
        holder: &HolderId,
        refused: Refusal,
        operation: &mut Operation<'_>,
        context: &mut SendContext<'_>,
    ) -> Failure {
        if let Some(Release::Leave(asker)) = operation.claim().map(Claim::release) {
            self.leave(operation, asker, context).await;
        }
        if context.state.snapshot.names.by_id(holder).is_none() {
            return unlisted();
        }
        self.no_room(operation, refused, context)
    }

    /// Says that this asker has certainly booked nothing. True if another substation may be asked.
    pub(super) async fn leave(
        &self,
        operation: &mut Operation<'_>,
        asker: Asker,
        context: &SendContext<'_>,
    ) -> bool {
        let Some(key) = operation.claim().map(|claim| claim.hash()) else {
            return true;
        };
        // On a task of its own: a client that leaves meanwhile must not leave the key held by nobody.
        let state = Arc::clone(&self.state);
        let left = tokio::spawn(async move { state.keys.release(key, asker).await });
        match left.await {
            Ok(Ok(released)) => released == Released::Free,
            Ok(Err(unavailable)) => {
                debug!(%unavailable, "Key stays with its holder");
                self.decides_alone(context)
            }
            Err(_) => false,
        }
    }

    /// Whether this proxy's own keys decide while the store can't be asked.
    fn decides_alone(&self, context: &SendContext<'_>) -> bool {
        let fleet = context.state.snapshot.config.fleet.as_ref();
        let rule = fleet.map(|fleet| fleet.when_unreachable);
        self.state.keys.is_shared() && rule == Some(WhenUnreachable::Local)
    }
}

/// The failure of a request whose key may be held by a substation that only others know. Why they can't be asked is for
/// the operator.
fn unknown() -> Failure {
    let message = "the substation that holds this Idempotency-Key can't be looked up now (fleet.store); nothing more is \
                   booked: try again with the same key";
    Failure {
        retry: Retry::After(1),
        ..Failure::new(Code::StoreUnavailable, message)
    }
}

/// The failure of a request whose key is held by a substation that this proxy does not list.
pub(super) fn unlisted() -> Failure {
    let message = "the substation that holds this Idempotency-Key is not listed here; nothing more is booked: try again \
                   with the same key";
    Failure::new(Code::NoSubstation, message)
}
