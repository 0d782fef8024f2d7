//! Choose, reserve, exchange; and again elsewhere, but only where that can't book twice.
//!
//! A request goes to another substation only if the one before certainly did not book it: no connection
//! could be made, nothing was written, or it said so itself (503, 429). Everything else ends here, and the
//! client is told whether its session may be booked.

use std::{pin::pin, sync::Arc};

use http::HeaderValue;
use pingora_http::RequestHeader;
use switchyard_balance::{Choice, Explanation, Load, Refusal, Reservation, ledger::ReportSent};
use tokio::time::Instant;
use tracing::debug;

use super::{
    Code, Decision, Failure, Lane, Shared,
    charge::Charge,
    exchange::{Answer, Break, Progress},
    watchdog::Watchdog,
};
use crate::{
    clock::Moment,
    config::MOST_ATTEMPTS,
    grid::{Substation, health::Verdict},
    metrics::{ChoiceMetrics, UpstreamOutcome},
};

/// A substation's answer, and whose it is.
pub(super) struct Routed {
    pub(super) answer: Answer,
    pub(super) substation: Arc<Substation>,
}

/// Why a request may go elsewhere.
#[derive(Clone, Copy)]
enum Unbooked {
    Connect,
    Unsent,
    Refused,
}

impl Unbooked {
    const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Unsent => "unsent",
            Self::Refused => "refused",
        }
    }
}

/// How one attempt ended.
enum Attempt {
    Answered(Answer),
    Unbooked(Unbooked),
    Failed(Failure),
}

/// Those that a request went to already.
#[derive(Default)]
struct Tried {
    at: [usize; MOST_ATTEMPTS],
    count: usize,
}

impl Tried {
    fn push(&mut self, at: usize) {
        if let Some(slot) = self.at.get_mut(self.count) {
            *slot = at;
            self.count += 1;
        }
    }

    fn as_slice(&self) -> &[usize] {
        self.at.get(..self.count).unwrap_or_default()
    }
}

impl Lane {
    /// Finds a substation that takes the charge, and returns its answer.
    pub(super) async fn route(
        &self,
        head: &RequestHeader,
        charge: &Charge,
        request_id: &HeaderValue,
        watchdog: &mut Watchdog,
    ) -> Result<Routed, Failure> {
        let started = Instant::now();
        let deadline = started + self.shared.config.timeouts.request;
        let attempts = self.shared.config.retry.attempts as usize;
        let mut tried = Tried::default();
        let mut unbooked: Option<Unbooked> = None;
        self.shared.budget.request();
        loop {
            let sent = if tried.count == 0 {
                started
            } else {
                Instant::now()
            };
            let Choice {
                at,
                reservation,
                reason,
            } = self
                .choose(charge, tried.as_slice(), self.shared.grid.clock().at(sent))
                .map_err(|r| refusal(r, unbooked))?;
            let substation = Arc::clone(reservation.upstream());
            let metrics = substation.metrics();
            metrics.chosen(reason);
            if let Some(unbooked) = unbooked {
                self.shared.metrics.requests().failover(unbooked.name());
            }
            let asked = substation.ledger().report_sent();
            let mut progress = Progress::Unsent;
            let exchange =
                self.exchange
                    .send(at, &substation, head, charge, request_id, &mut progress);
            let result = watchdog.guard(deadline, pin!(exchange)).await;
            metrics
                .upstream_seconds
                .observe(sent.elapsed().as_secs_f64());
            let result = result.unwrap_or(Err(Break::Deadline));
            match self.end(reservation, asked, progress, result) {
                Attempt::Answered(answer) => return Ok(Routed { answer, substation }),
                Attempt::Failed(failure) => return Err(failure),
                Attempt::Unbooked(reason) => {
                    debug!(
                        substation = substation.name(),
                        reason = reason.name(),
                        "Not booked"
                    );
                    unbooked = Some(reason);
                    tried.push(at);
                    if tried.count >= attempts || !self.shared.budget.take() {
                        return Err(refusal(Refusal::NoUpstream, unbooked));
                    }
                }
            }
        }
    }

    /// Chooses and reserves. Now and then it looks at what it does: keeps a record for `/decisions`, and times it.
    fn choose(
        &self,
        charge: &Charge,
        tried: &[usize],
        now: Moment,
    ) -> Result<Choice<Substation>, Refusal> {
        let Shared {
            grid, decisions, ..
        } = &*self.shared;
        let is_kept = decisions.wants(now);
        let explanation = is_kept.then(|| Explanation::of(grid.roster(), charge.load, tried));
        let choice = self.exchange.random(|rng| {
            let is_timed = rng.u32(..) % ChoiceMetrics::SAMPLING == 0;
            let before = is_timed.then(std::time::Instant::now);
            let choice = grid
                .selector()
                .reserve(grid.roster(), charge.load, tried, rng);
            if let Some(before) = before {
                let metrics = grid.choice_metrics();
                metrics.seconds.observe(before.elapsed().as_secs_f64());
                let chosen = choice
                    .as_ref()
                    .ok()
                    .map(|choice| choice.reservation.upstream());
                if let Some(sampled_at) = chosen.and_then(|chosen| chosen.sampled_at()) {
                    let age = now.since(sampled_at);
                    metrics.sample_age_seconds.observe(age.as_secs_f64());
                }
            }
            choice
        })?;
        if let Some(explanation) = explanation {
            decisions.keep(Decision::new(grid, now, charge.load, &choice, explanation));
        }
        Ok(choice)
    }

    /// Ends a reservation as what the exchange proved, and says what that means for the request.
    fn end(
        &self,
        reservation: Reservation<Substation>,
        asked: ReportSent,
        progress: Progress,
        result: Result<Answer, Break>,
    ) -> Attempt {
        let substation = Arc::clone(reservation.upstream());
        let now = self.shared.grid.clock();
        let count = |outcome| substation.metrics().exchange(outcome);
        match result {
            Ok(answer) => {
                let status = answer.status;
                let refused = matches!(status, 503 | 429);
                count(if refused {
                    UpstreamOutcome::Refused
                } else {
                    UpstreamOutcome::Ok
                });
                let failed = status >= 500 && !refused;
                // A fast path for the ordinary case: no clock is read for a good answer.
                substation.report_answer(if failed { Verdict::Bad } else { Verdict::Good }, now);
                let reported = |own| {
                    let reports = self.shared.grid.reports();
                    reports.take(&answer, &substation, asked, own, now);
                };
                let load = reservation.load();
                match status {
                    503 | 429 => {
                        reservation.refused();
                        reported(Load::ZERO);
                        return Attempt::Unbooked(Unbooked::Refused);
                    }
                    200..300 => reservation.booked(),
                    // It understood, and declined.
                    400..500 => reservation.refused(),
                    _ => reservation.unknown(),
                }
                reported(if (200..300).contains(&status) {
                    load
                } else {
                    Load::ZERO
                });
                Attempt::Answered(answer)
            }
            Err(Break::Connect(error)) => {
                count(UpstreamOutcome::Connect);
                debug!(substation = substation.name(), %error, "No connection");
                reservation.refused();
                substation.report(Verdict::Unreachable, now.now());
                Attempt::Unbooked(Unbooked::Connect)
            }
            Err(Break::Lost(reason)) if progress == Progress::Unsent => {
                count(UpstreamOutcome::Reset);
                debug!(substation = substation.name(), reason, "Nothing was sent");
                reservation.refused();
                substation.report(Verdict::Bad, now.now());
                Attempt::Unbooked(Unbooked::Unsent)
            }
            Err(Break::Lost(reason)) => {
                count(UpstreamOutcome::Reset);
                reservation.unknown();
                substation.report(Verdict::Bad, now.now());
                let name = substation.name();
                let message = format!(
                    "{name} broke off: {reason}; the session may be booked there, so it was not sent elsewhere"
                );
                Attempt::Failed(Failure::new(Code::SubstationFailed, message))
            }
            Err(Break::Deadline) => {
                count(UpstreamOutcome::Timeout);
                substation.report(Verdict::Bad, now.now());
                let limit = humantime::format_duration(self.shared.config.timeouts.request);
                let name = substation.name();
                let message = if progress == Progress::Unsent {
                    reservation.refused();
                    format!(
                        "no answer within {limit} (timeouts.request); the session is not booked: try again"
                    )
                } else {
                    reservation.unknown();
                    format!(
                        "{name} did not answer within {limit} (timeouts.request); the session may be booked there"
                    )
                };
                Attempt::Failed(Failure::new(Code::DeadlineExceeded, message))
            }
        }
    }
}

/// What the client is told when there is nobody left to ask.
fn refusal(refusal: Refusal, unbooked: Option<Unbooked>) -> Failure {
    match (refusal, unbooked) {
        (Refusal::NoCapacity, _) | (_, Some(Unbooked::Refused)) => Failure::new(
            Code::NoCapacity,
            "no substation has room for this charge now; nothing is booked",
        ),
        (Refusal::NoUpstream, _) => Failure::new(
            Code::NoSubstation,
            "no substation can be reached now; nothing is booked",
        ),
    }
}
