//! Choose, reserve, exchange; and once more, but only where that can't book twice.
//!
//! A request without an `Idempotency-Key` is never sent to a second substation while the first may have
//! booked it: the client is told so instead. With a key the *same* substation may be asked again, and it
//! alone: also by the client's own repetition, also while it is ejected or draining ([`Keys`](super::keys)).

use std::{pin::pin, sync::Arc};

use http::HeaderValue;
use switchyard_balance::Refusal;
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::{
    Failure, Lane, Snapshot,
    attempt::{self, Attempt},
    charge::Charge,
    choose::Picked,
    exchange::{Answer, Break, Outgoing, Progress},
    head::Head,
    keys::{self, Claim},
    retry::{Journey, Unbooked},
    watchdog::Watchdog,
};
use crate::grid::Substation;

/// A substation's answer, and whose it is.
#[derive(Debug)]
pub(super) struct Routed {
    pub(super) answer: Answer,
    pub(super) substation: Arc<Substation>,
}

/// A request on its way: what is asked, and by when.
pub(super) struct Asked<'a> {
    pub(super) head: Head<'a>,
    pub(super) charge: &'a Charge<'a>,
    pub(super) request_id: &'a HeaderValue,
    pub(super) deadline: Instant,
    pub(super) watchdog: &'a mut Watchdog,
}

impl Lane {
    /// Finds a substation that takes the charge, and returns its answer. `started` is now.
    pub(super) async fn route(
        &self,
        by: Arc<Snapshot>,
        head: Head<'_>,
        charge: &Charge<'_>,
        request_id: &HeaderValue,
        watchdog: &mut Watchdog,
        started: Instant,
    ) -> Result<Routed, Failure> {
        let deadline = started + by.config.timeouts.request;
        let mut asked = Asked {
            head,
            charge,
            request_id,
            deadline,
            watchdog,
        };
        let rules = &by.config.retry;
        let key = keys::key_of(head)?;
        let mut claim = key.map(|key| self.shared.keys.claim(key, started, rules));
        self.shared.budget.request(rules.budget);
        let mut journey = Journey::new(by, started);
        loop {
            let picked = match self.admit(charge, &journey, claim.as_mut()) {
                Ok(picked) => picked,
                // Boxed, so that requests that find room need no room for what happens without.
                Err(refused) => {
                    let waits = self.without_room(refused, &mut asked, &mut journey, &mut claim);
                    Box::pin(waits).await?
                }
            };
            let (at, substation) = (picked.at, Arc::clone(picked.reservation.upstream()));
            let sent = if journey.attempts == 0 {
                started
            } else {
                Instant::now()
            };
            let attempt = self
                .attempt(picked, &substation, &mut asked, &journey, sent)
                .await;
            let may_go_elsewhere = match &mut claim {
                Some(claim) => settle(claim, &attempt),
                None => true,
            };
            journey.attempts += 1;
            match attempt {
                Attempt::Answered(answer) => {
                    if (200..300).contains(&answer.status) {
                        let departures = &self.shared.departures;
                        departures.booked(charge.load, &answer.body, sent);
                    }
                    return Ok(Routed { answer, substation });
                }
                Attempt::Late(failure, progress) => {
                    let broken = journey.broken.filter(|_| progress == Progress::Unsent);
                    return Err(broken.unwrap_or(failure));
                }
                Attempt::Unbooked(why, room_in) if may_go_elsewhere => {
                    debug!(
                        substation = substation.name(),
                        reason = why.name(),
                        "Not booked"
                    );
                    journey.hint(room_in);
                    if let Some(at) = at {
                        journey.pass_over(at, why);
                    }
                    if !self.may_retry(&journey) {
                        return Err(self.refuse(charge, Refusal::NoUpstream, &mut journey));
                    }
                }
                Attempt::Unbooked(why, room_in) => {
                    journey.hint(room_in);
                    if why == Unbooked::Refused || !self.may_retry(&journey) {
                        let name = substation.name();
                        return Err(self.refuse_of_holder(charge, name, why, &mut journey));
                    }
                    self.pause(&journey, &mut asked).await;
                }
                Attempt::Broken(failure) => {
                    if claim.is_none() || !self.may_retry(&journey) {
                        return Err(failure);
                    }
                    debug!(
                        substation = substation.name(),
                        "Broken: asked again, with the key"
                    );
                    journey.broken = Some(failure);
                    self.pause(&journey, &mut asked).await;
                }
            }
        }
    }

    /// One exchange with the substation that was picked, and what its end proves.
    async fn attempt(
        &self,
        picked: Picked,
        substation: &Arc<Substation>,
        asked: &mut Asked<'_>,
        journey: &Journey,
        sent: Instant,
    ) -> Attempt {
        self.count_choice(&picked, journey);
        let Picked {
            reservation, trial, ..
        } = picked;
        let report = substation.ledger().report_sent();
        let outgoing = Outgoing {
            line: &substation.charge_head(),
            head: asked.head,
            request_id: asked.request_id,
            body: asked.charge.body,
        };
        let mut progress = Progress::Unsent;
        let to = self.destination(&journey.by, substation);
        let exchange = self.exchange.send(to, &outgoing, &mut progress, sent);
        let result = asked.watchdog.guard(asked.deadline, pin!(exchange)).await;
        substation
            .metrics()
            .upstream_seconds
            .observe(sent.elapsed().as_secs_f64());
        let result = result.unwrap_or(Err(Break::Deadline));
        let attempt = attempt::end(
            &journey.by,
            reservation,
            substation,
            report,
            progress,
            result,
        );
        // After the verdict: a trial without one would be begun anew.
        drop(trial);
        attempt
    }

    /// Whether attempts and the budget last for one more. If so, it is taken out of the budget.
    fn may_retry(&self, journey: &Journey) -> bool {
        let rules = &journey.by.config.retry;
        journey.attempts < rules.attempts as usize && self.shared.budget.take(rules.budget)
    }

    /// Waits a little before the same substation is asked again. The deadline is looked at with the attempt.
    async fn pause(&self, journey: &Journey, asked: &mut Asked<'_>) {
        let pause = self.exchange.random(|rng| journey.pause(rng));
        if !pause.is_zero() {
            // Cut off by the deadline: then so will be the attempt.
            let _ = asked
                .watchdog
                .guard(asked.deadline, pin!(sleep(pause)))
                .await;
        }
    }
}

/// Notes with the key what an attempt has proved. True if another substation may be asked.
fn settle(claim: &mut Claim<'_, Arc<Substation>>, attempt: &Attempt) -> bool {
    match attempt {
        Attempt::Unbooked(..) | Attempt::Late(_, Progress::Unsent) => claim.leave(),
        Attempt::Answered(answer) if (400..500).contains(&answer.status) => claim.leave(),
        Attempt::Answered(_) | Attempt::Broken(_) | Attempt::Late(_, Progress::Sent) => {
            claim.bind();
            false
        }
    }
}
