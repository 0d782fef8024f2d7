//! The loop of attempts, for charges and for sessions.
//!
//! A request without an `Idempotency-Key` is never sent to a second substation while the first may have booked it; the
//! client gets an error that says so. With a key the *same* substation may be asked again, and no other: also when the
//! client repeats the request, also while the substation is ejected or draining
//! ([`Keys`](switchyard_idempotency::Keys)).

use std::{pin::pin, sync::Arc};

use http::HeaderValue;
use switchyard_balance::{Lasts, Refusal};
use switchyard_grid::{Blame, Source, Substation};
use switchyard_http1::{Answer, Head, Origin};
use switchyard_idempotency::{Claim, Release};
use switchyard_transport::Refusal as TlsRefusal;
use switchyard_upstream::{Outgoing, Progress, UpstreamError};
use switchyard_wire::{Consequence, Failure};
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::{
    Dispatcher,
    attempt::{self, Attempt, ExchangeEnd},
    decisions::Decision,
    limit,
    operation::Operation,
    origin::{Client, OriginFields},
    quota::Quota,
    reply::RoutedAnswer,
    request::RequestContext,
    request_trace::TraceHeaders,
    retry::{RetryState, SafeToRetry},
    select::{Placement, Selected, proposal},
    streamed::Streamed,
    trail::Trail,
};
use crate::{client_watch::ClientWatch, deadline_timer::DeadlineTimer};

/// The retry budget is told of one booking in so many: it wants to know which client books most, and all threads write
/// that.
const BOOKINGS_SAMPLED: u32 = 16;

/// What all attempts of a request share: its head and id, its deadline, and its retry state.
pub(super) struct SendContext<'a> {
    pub(super) head: Head<'a>,
    pub(super) origin: &'a OriginFields<'a>,
    pub(super) request_id: &'a HeaderValue,
    pub(super) source: Source,
    client: &'a Client,
    pub(super) deadline: Instant,
    /// When the whole request had arrived.
    pub(super) arrived: Instant,
    /// Until when it may wait for room, once it has had to.
    pub(super) until: Option<Instant>,
    pub(super) timer: &'a mut DeadlineTimer,
    /// Notices that the client leaves.
    pub(super) watch: ClientWatch<'a>,
    pub(super) state: RetryState,
    /// What happens to it, if that is asked for.
    pub(super) trail: Option<&'a mut Trail>,
    /// When its first byte arrived.
    pub(super) started: Instant,
    /// What its client may still ask for, if it has a limit.
    pub(super) quota: Option<Quota>,
}

/// What came back to a request.
pub(super) enum Delivered {
    /// A whole answer, which its client has not got yet.
    Answer(RoutedAnswer),
    /// An answer that its client has got as it came.
    Stream(Streamed),
}

impl<'a> SendContext<'a> {
    /// Before the first attempt.
    fn new(
        context: &'a mut RequestContext<'_>,
        head: Head<'a>,
        origin: &'a OriginFields<'a>,
        request_id: &'a HeaderValue,
        watch: ClientWatch<'a>,
    ) -> Self {
        Self {
            head,
            origin,
            request_id,
            source: origin.source(),
            client: context.client,
            deadline: context.arrived + context.snapshot.config.timeouts.request,
            state: RetryState::new(Arc::clone(&context.snapshot), context.arrived),
            arrived: context.arrived,
            until: None,
            timer: context.timer,
            watch,
            trail: context.trail.as_deref_mut(),
            started: context.started,
            quota: context.quota.as_deref().copied(),
        }
    }
}

impl Dispatcher {
    /// Sends the operation to substations until one answers, and returns that answer.
    pub(super) async fn send(
        &self,
        operation: &mut Operation<'_>,
        (request, head, origin, request_id, watch): (
            &mut RequestContext<'_>,
            Head<'_>,
            &OriginFields<'_>,
            &HeaderValue,
            ClientWatch<'_>,
        ),
    ) -> Result<Delivered, Failure> {
        // Made here, where it stays: as an argument it would be copied.
        let mut context = SendContext::new(request, head, origin, request_id, watch);
        let mut next = None;
        loop {
            let admitted = next
                .take()
                .map_or_else(|| self.admit(operation, &context.state), Ok);
            let selected = match admitted {
                Ok(selected) => selected,
                // Boxed, so that the future of a request that finds room does not reserve memory for this case.
                Err(refused) => {
                    Box::pin(self.without_room(refused, operation, &mut context)).await?
                }
            };
            // Boxed for the same reason: a request without a key has nothing to agree on.
            let selected = match proposal(operation, &selected, &context.state) {
                None => selected,
                Some(proposal) => {
                    Box::pin(self.agree(selected, proposal, operation, &mut context)).await?
                }
            };
            self.count_choice(&selected, &context.state);
            let Selected {
                at,
                substation,
                placement,
                decision,
            } = selected;
            let headers = self.note_choice(decision, &mut context);
            let placement = match operation.routed() {
                None => placement,
                Some(routed) => placement.map(|placement| placement.lasting(routed.lasts())),
            };
            let sent = if context.state.attempts == 0 {
                context.state.since
            } else {
                Instant::now()
            };
            let to = (&substation, headers);
            let attempt = self
                .attempt(operation, to, placement, &mut context, sent)
                .await;
            let may_go_elsewhere = match operation.settle(&attempt) {
                Release::Free => true,
                Release::Held => false,
                Release::Leave(asker) => Box::pin(self.leave(operation, asker, &context)).await,
            };
            context.state.attempts += 1;
            match attempt {
                Attempt::Answered(answer) => {
                    self.note_booked(operation, (&substation, at), &answer, sent, &context);
                    return Ok(Delivered::Answer(RoutedAnswer { answer, substation }));
                }
                Attempt::Streamed(streamed) => return Ok(Delivered::Stream(streamed)),
                Attempt::Final(failure, progress) => {
                    let broken = context
                        .state
                        .broken
                        .filter(|_| progress == Progress::Unsent);
                    return Err(broken.unwrap_or(failure));
                }
                Attempt::SafeToRetry(why, wait) => {
                    context.state.not_booked(&substation, why, wait);
                    if let Some(trail) = &mut context.trail {
                        trail.is_safe_to_retry(why.name());
                    }
                    if may_go_elsewhere {
                        let (name, reason) = (substation.name(), why.name());
                        debug!(substation = name, reason, "Request not booked");
                        if let Some(at) = at {
                            context.state.exclude(at, why);
                        }
                        if !self.may_retry(&mut context, Some(why)) {
                            return Err(self.no_room(operation, Refusal::NoUpstream, &mut context));
                        }
                    } else {
                        let is_full = why == SafeToRetry::Refused;
                        let has_retry = (is_full || !why.is_answer())
                            && self.may_retry(&mut context, Some(why));
                        if why.is_answer() || !has_retry {
                            let refused = (&substation, why, has_retry);
                            let waited =
                                self.without_room_at_holder(operation, refused, &mut context);
                            next = Some(Box::pin(waited).await?);
                        } else {
                            self.pause(&mut context).await;
                        }
                    }
                }
                Attempt::Broken(failure, progress) => {
                    if !operation.may_repeat(progress) || !self.may_retry(&mut context, None) {
                        return Err(failure);
                    }
                    let name = substation.name();
                    debug!(substation = name, "Connection lost: asking again");
                    note_broken(operation, (failure, progress), at, &mut context.state);
                    self.pause(&mut context).await;
                }
            }
        }
    }

    /// Keeps the record of a choice, if one was made. Returns the headers that the substation gets if the trace of the
    /// request is sampled.
    fn note_choice(
        &self,
        decision: Option<Box<Decision>>,
        context: &mut SendContext<'_>,
    ) -> Option<TraceHeaders> {
        let trail = context.trail.as_deref_mut();
        let trace = trail.and_then(|trail| trail.trace.as_mut());
        let trace_id = trace.as_ref().map(|trace| trace.context.trace_id);
        let decision = decision.map(|decision| {
            let decision = Arc::new(decision.made_for(context.request_id, trace_id));
            self.state.decisions.record(Arc::clone(&decision));
            decision
        });
        trace.map(|trace| trace.begin(decision, self.random(|rng| rng.u64(..))))
    }

    /// One exchange with the selected substation, and what its end proves.
    async fn attempt(
        &self,
        operation: &Operation<'_>,
        (substation, trace): (&Arc<Substation>, Option<TraceHeaders>),
        placement: Option<Placement>,
        context: &mut SendContext<'_>,
        sent: Instant,
    ) -> Attempt {
        if let ClientWatch::Stream(_) = context.watch {
            let to = (substation, trace);
            // Boxed, so that a request that is sent whole does not reserve memory for this case.
            return Box::pin(self.stream(operation, to, placement, context, sent)).await;
        }
        let snapshot = &*context.state.snapshot;
        let report = substation.ledger().report_sent();
        let (charge_head, routed_head, with_query);
        let (line, body) = match operation {
            Operation::Charge { charge, query, .. } => {
                charge_head = substation.charge_head();
                routed_head = charge.route.as_ref().and_then(|routed| {
                    // It was checked when it was read, so it is fit.
                    routed.line(&substation.authority()).ok()
                });
                let line = routed_head.as_ref().unwrap_or(&**charge_head);
                with_query = query.and_then(|query| line.with_query(query).ok());
                (with_query.as_ref().unwrap_or(line), charge.body)
            }
            Operation::Session { line, .. } => (line, &[][..]),
        };
        let trace = trace.as_ref().map(TraceHeaders::fields);
        let outgoing = Outgoing {
            line,
            head: context.head,
            origin: Origin {
                more: trace.as_ref().map_or(&[], |fields| fields.as_slice()),
                ..context.origin.origin()
            },
            request_id: context.request_id,
            body,
        };
        let mut progress = Progress::Unsent;
        let now = snapshot.grid.clock().at(sent);
        let record = &context.client.record;
        let may_share = self.state.suspects.may_share(context.source, record, now);
        let open_as = placement.as_ref().and_then(|placement| placement.open_as);
        let to = self.destination(snapshot, substation, may_share, open_as);
        let exchange = self
            .connections
            .client
            .send(to, &outgoing, &mut progress, sent);
        let result = context.timer.guard(context.deadline, pin!(exchange)).await;
        let took = sent.elapsed();
        match &result {
            Ok(Ok(answer)) if answer.keep_alive || answer.status < 400 => record.good(),
            Ok(Err(UpstreamError::Connect(error))) => {
                if let Some(refusal) = TlsRefusal::of(error) {
                    substation.tls_failed(refusal);
                }
            }
            Ok(Err(UpstreamError::Lacking(_))) => {}
            // It ended the connection, or would hold up those behind it.
            Ok(_) | Err(_) => {
                record.broke();
                self.state.suspects.note(context.source, now);
            }
        }
        let result = result.unwrap_or(Err(UpstreamError::Deadline));
        if let Some(trail) = &mut context.trail {
            let reason = placement.as_ref().and_then(|placement| placement.reason);
            trail.attempted(substation, reason, (sent, took), (&result, progress));
        }
        let is_repeat = placement.as_ref().is_some_and(Placement::is_repeat);
        let end = ExchangeEnd {
            result,
            progress,
            consequence: operation.consequence(progress),
            limit: snapshot.config.timeouts.request,
            largest: snapshot.config.limits.answer,
            took,
            blame: Blame {
                source: context.source,
                is_repeat,
            },
        };
        let Some(Placement {
            reservation, trial, ..
        }) = placement
        else {
            return attempt::of_session(substation.public_name().as_str(), end);
        };
        substation.metrics().upstream_seconds.observe(took);
        if snapshot.config.admission.queue > 0 {
            let is_cut = matches!(end.result, Err(UpstreamError::Deadline));
            self.state.exchange_time.note(took, is_cut);
        }
        let attempt = attempt::of_charge(&snapshot.grid, substation, reservation, report, end);
        // Dropped only after the verdict: a trial that ends without one starts again.
        drop(trial);
        attempt
    }

    /// Learns from the answer to a booking: when the session ends, for the forecast, and what the substation calls
    /// itself.
    fn note_booked(
        &self,
        operation: &mut Operation<'_>,
        (substation, at): (&Arc<Substation>, Option<usize>),
        answer: &Answer,
        now: Instant,
        context: &SendContext<'_>,
    ) {
        let state = &context.state;
        if let Operation::Charge {
            charge,
            claim,
            permit,
            ..
        } = operation
            && (200..300).contains(&answer.status)
        {
            if self
                .random(|rng| rng.u32(..))
                .is_multiple_of(BOOKINGS_SAMPLED)
            {
                self.state.budget.booked(context.source);
            }
            let outlives = match &charge.route {
                None => substation.ledger().lasts() == Lasts::Session,
                Some(routed) => routed.outlives(),
            };
            if let Some(permit) = permit.take() {
                self.note_owned(permit, (charge.load, outlives), answer, state);
            }
            // Otherwise the load has ended with the answer.
            if outlives {
                // Its end is noticed with the next sample.
                let unseen = state.snapshot.grid.sample_interval();
                let forecast = &self.state.forecast;
                let key = claim.as_ref().map(Claim::number);
                let ask = charge.ask(key);
                let scopes = || limit::scopes(&ask, at, &state.snapshot);
                let when = (now, unseen);
                let lasts = forecast.booked(charge.load, &answer.body, when, scopes());
                let client = || Self::client(charge, key);
                forecast.entered(scopes(), charge.load, now, client);
                if let Some(lasts) = lasts {
                    let sent = state.snapshot.grid.clock().since_start(now);
                    substation.ledger().lasts_for(charge.load, lasts, sent);
                }
            }
            state.snapshot.grid.booked_by(substation, &answer.body);
        }
    }

    /// Whether the attempts and the budget allow one more attempt. If so, withdraws it from the budget.
    fn may_retry(&self, context: &mut SendContext<'_>, after: Option<SafeToRetry>) -> bool {
        let (budget, client) = (&self.state.budget, context.source);
        let withdraw = |share| budget.withdraw(share, client);
        context.state.may_retry(after, withdraw)
    }

    /// Waits a little before the same substation is asked again. The next attempt checks the deadline.
    async fn pause(&self, context: &mut SendContext<'_>) {
        let pause = self.random(|rng| context.state.pause(rng));
        if !pause.is_zero() {
            // If the deadline cuts it short, the next attempt fails at once.
            let _ = context
                .timer
                .guard(context.deadline, pin!(sleep(pause)))
                .await;
        }
    }
}

/// Notes that the substation at a position has lost the connection, before the request is sent again.
fn note_broken(
    operation: &Operation<'_>,
    (failure, progress): (Failure, Progress),
    at: Option<usize>,
    state: &mut RetryState,
) {
    let is_elsewhere = operation.may_repeat_elsewhere();
    // A charge that may be booked says so whatever comes later; of a session the newest failure counts.
    if is_elsewhere || operation.consequence(progress) == Consequence::MayBeBooked {
        state.broken = Some(failure);
    }
    if let (true, Some(at)) = (is_elsewhere, at) {
        state.exclude_sent(at);
    }
}
