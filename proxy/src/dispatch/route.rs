//! The one loop of attempts: for charges and for sessions.
//!
//! A request without an `Idempotency-Key` is never sent to a second substation while the first may have booked it: the
//! client is told so instead. With a key the *same* substation may be asked again, and it alone: also by the client's own
//! repetition, also while it is ejected or draining ([`IdempotencyKeys`](super::idempotency)).

use std::{pin::pin, sync::Arc};

use http::HeaderValue;
use switchyard_balance::Refusal;
use switchyard_grid::Substation;
use switchyard_http1::{Answer, Head};
use switchyard_upstream::{Outgoing, Progress, UpstreamError};
use switchyard_wire::Failure;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::{
    Dispatcher,
    attempt::{self, Attempt, Exchanged},
    errand::Errand,
    reply::Routed,
    request::RequestContext,
    retry::{RetryState, SafeToRetry},
    select::{Hold, Selected},
};
use crate::deadline_timer::DeadlineTimer;

/// A request on its way: what is sent with it, by when it must be answered, and what was tried.
pub(super) struct Sending<'a> {
    pub(super) head: Head<'a>,
    request_id: &'a HeaderValue,
    pub(super) deadline: Instant,
    pub(super) timer: &'a mut DeadlineTimer,
    pub(super) state: RetryState,
}

impl<'a> Sending<'a> {
    /// Before the first attempt.
    pub(super) fn new(
        context: &'a mut RequestContext<'_>,
        head: Head<'a>,
        request_id: &'a HeaderValue,
    ) -> Self {
        Self {
            head,
            request_id,
            deadline: context.arrived + context.snapshot.config.timeouts.request,
            state: RetryState::new(Arc::clone(&context.snapshot), context.arrived),
            timer: context.timer,
        }
    }
}

impl Dispatcher {
    /// Has the errand done by a substation, and returns its answer.
    pub(super) async fn send(
        &self,
        mut errand: Errand<'_>,
        mut sending: Sending<'_>,
    ) -> Result<Routed, Failure> {
        loop {
            let selected = match self.admit(&mut errand, &sending.state) {
                Ok(selected) => selected,
                // Boxed, so that requests that find room need no room for what happens without.
                Err(refused) => {
                    Box::pin(self.without_room(refused, &mut errand, &mut sending)).await?
                }
            };
            self.count_choice(&selected, &sending.state);
            let Selected {
                at,
                substation,
                hold,
            } = selected;
            let sent = if sending.state.attempts == 0 {
                sending.state.since
            } else {
                Instant::now()
            };
            let attempt = self
                .attempt(&errand, &substation, hold, &mut sending, sent)
                .await;
            let may_go_elsewhere = errand.settle(&attempt);
            sending.state.attempts += 1;
            match attempt {
                Attempt::Answered(answer) => {
                    self.note_end(&errand, &answer, sent);
                    return Ok(Routed { answer, substation });
                }
                Attempt::Final(failure, progress) => {
                    let broken = sending
                        .state
                        .broken
                        .filter(|_| progress == Progress::Unsent);
                    return Err(broken.unwrap_or(failure));
                }
                Attempt::SafeToRetry(why, room_in) => {
                    sending.state.hint(room_in);
                    if may_go_elsewhere {
                        let (name, reason) = (substation.name(), why.name());
                        debug!(substation = name, reason, "Not booked");
                        if let Some(at) = at {
                            sending.state.pass_over(at, why);
                        }
                        if !self.may_retry(&sending.state) {
                            return Err(self.no_room(&errand, Refusal::NoUpstream, &mut sending));
                        }
                    } else {
                        if why == SafeToRetry::Refused || !self.may_retry(&sending.state) {
                            let name = substation.name();
                            return Err(self.no_room_at_holder(&errand, name, why, &mut sending));
                        }
                        self.pause(&mut sending).await;
                    }
                }
                Attempt::Broken(failure, progress) => {
                    if !errand.may_repeat(progress) || !self.may_retry(&sending.state) {
                        return Err(failure);
                    }
                    debug!(substation = substation.name(), "Broke off: asked again");
                    sending.state.broken = Some(failure);
                    self.pause(&mut sending).await;
                }
            }
        }
    }

    /// One exchange with the substation that was selected, and what its end proves.
    async fn attempt(
        &self,
        errand: &Errand<'_>,
        substation: &Arc<Substation>,
        hold: Option<Hold>,
        sending: &mut Sending<'_>,
        sent: Instant,
    ) -> Attempt {
        let snapshot = &*sending.state.snapshot;
        let report = substation.ledger().report_sent();
        let charge_head;
        let (line, body) = match errand {
            Errand::Charge { charge, .. } => {
                charge_head = substation.charge_head();
                (&**charge_head, charge.body)
            }
            Errand::Session { line, .. } => (line, &[][..]),
        };
        let outgoing = Outgoing {
            line,
            head: sending.head,
            request_id: sending.request_id,
            body,
        };
        let mut progress = Progress::Unsent;
        let to = self.destination(snapshot, substation);
        let exchange = self.upstream.send(to, &outgoing, &mut progress, sent);
        let result = sending.timer.guard(sending.deadline, pin!(exchange)).await;
        let exchanged = Exchanged {
            result: result.unwrap_or(Err(UpstreamError::Deadline)),
            progress,
            means: errand.means(progress),
            limit: snapshot.config.timeouts.request,
        };
        let Some(Hold {
            reservation, trial, ..
        }) = hold
        else {
            return attempt::of_session(substation.name(), exchanged);
        };
        let took = sent.elapsed().as_secs_f64();
        substation.metrics().upstream_seconds.observe(took);
        let attempt =
            attempt::of_charge(&snapshot.grid, substation, reservation, report, exchanged);
        // After the verdict: a trial without one would be begun anew.
        drop(trial);
        attempt
    }

    /// Notes how long a session that was booked lasts, where its answer says so.
    fn note_end(&self, errand: &Errand<'_>, answer: &Answer, now: Instant) {
        if let Errand::Charge { charge, .. } = errand
            && (200..300).contains(&answer.status)
        {
            self.state.forecast.booked(charge.load, &answer.body, now);
        }
    }

    /// Whether attempts and the budget last for one more. If so, it is withdrawn from the budget.
    fn may_retry(&self, state: &RetryState) -> bool {
        let rules = &state.snapshot.config.retry;
        state.attempts < rules.attempts as usize && self.state.budget.withdraw(rules.budget)
    }

    /// Waits a little before the same substation is asked again. The deadline is looked at with the attempt.
    async fn pause(&self, sending: &mut Sending<'_>) {
        let pause = self.random(|rng| sending.state.pause(rng));
        if !pause.is_zero() {
            // Cut off by the deadline: then so will be the attempt.
            let _ = sending
                .timer
                .guard(sending.deadline, pin!(sleep(pause)))
                .await;
        }
    }
}
