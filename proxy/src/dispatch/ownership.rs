//! Whose session is whose.
//!
//! What a client has booked through this proxy is its own: for another client the session is one that does not exist. An
//! answer that was different for a session that exists would tell so. So the substation is asked in both cases, and where
//! clients are configured *every* session that a substation does not know gets this one answer of the proxy.
//!
//! Whose a session is that was booked elsewhere or long ago is not known here. Then the substation decides, as it
//! does where no clients are configured.

use switchyard_balance::Load;
use switchyard_clients::Permit;
use switchyard_grid::session_in;
use switchyard_http1::Answer;
use switchyard_wire::{Code, Failure};
use tokio::time::Instant;

use super::{
    Dispatcher, operation::Operation, reply::RoutedAnswer, request::RequestContext,
    retry::RetryState, sessions::Action,
};

/// What a substation says of a session that it does not have, or does not have any more.
const GONE: [u16; 2] = [404, 410];

impl Dispatcher {
    /// Notes that the client with this permit has booked. Its load counts as long as the session, unless that has ended
    /// with the answer.
    pub(super) fn note_owned(
        &self,
        permit: Permit,
        (load, outlives): (Load, bool),
        answer: &Answer,
        state: &RetryState,
    ) {
        let now = state.snapshot.grid.clock().since_start(Instant::now());
        let lasts = self.state.forecast.lasts(&answer.body);
        let load = if outlives { load } else { Load::ZERO };
        let session = session_in(&answer.body);
        let accounts = &self.runtime.accounts;
        accounts.booked(permit, session, (load, lasts), now);
    }

    /// An answer about a session as the request's client is to see it.
    #[inline]
    pub(super) fn as_its_client_sees(
        &self,
        routed: RoutedAnswer,
        operation: &Operation<'_>,
        context: &RequestContext<'_>,
    ) -> Result<RoutedAnswer, Failure> {
        match operation {
            Operation::Session {
                action,
                id,
                is_hidden,
                ..
            } if context.caller.is_some() => {
                let status = routed.answer.status;
                let is_gone = GONE.contains(&status);
                if *is_hidden || is_gone {
                    self.note_ended(id, is_gone && !is_hidden, context);
                    return Err(no_session(id));
                }
                let is_ended = *action == Action::Unplug && (200..300).contains(&status);
                self.note_ended(id, is_ended, context);
                Ok(routed)
            }
            _ => Ok(routed),
        }
    }

    fn note_ended(&self, id: &str, is_ended: bool, context: &RequestContext<'_>) {
        if is_ended {
            let now = context.snapshot.grid.clock().since_start(Instant::now());
            self.runtime.accounts.ended(id, now);
        }
    }
}

fn no_session(id: &str) -> Failure {
    Failure::new(
        Code::NotFound,
        format!("this client has no session {id:?} at any substation here"),
    )
}
