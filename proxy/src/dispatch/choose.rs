//! Which substation is asked next: who may have booked the request's key already, or else the best one.

use std::sync::Arc;

use switchyard_balance::{Choice, Explanation, Load, Reason, Refusal, Reservation};

use super::{Decision, Lane, charge::Charge, keys::Claim, retry::Journey};
use crate::{
    grid::{Substation, Trial},
    metrics::ChoiceMetrics,
};

/// A substation that is about to be asked.
pub(super) struct Picked {
    /// Its position in the grid that the request goes by; none where it has left that and has the request's key.
    pub(super) at: Option<usize>,
    pub(super) reservation: Reservation<Substation>,
    /// Why it was chosen; none where it was not, but has the request's key.
    reason: Option<Reason>,
    /// This request decides whether it is back.
    pub(super) trial: Option<Trial>,
}

impl Lane {
    /// The substation to ask next: who has the key, or else the best one.
    pub(super) fn pick(
        &self,
        charge: &Charge<'_>,
        journey: &Journey,
        claim: Option<&mut Claim<'_, Arc<Substation>>>,
    ) -> Result<Picked, Refusal> {
        let Some(claim) = claim else {
            return self.enter(charge, journey);
        };
        loop {
            if let Some(holder) = claim.ask_holder() {
                let at = journey.by.grid.position(&holder);
                if at.is_none_or(|at| !journey.passed_over().contains(&at)) {
                    // The load was set aside when the key came first.
                    let reservation = Reservation::of(holder, Load::ZERO);
                    return Ok(Picked {
                        at,
                        reservation,
                        reason: None,
                        trial: None,
                    });
                }
                claim.leave();
                return Err(Refusal::NoUpstream);
            }
            let picked = self.enter(charge, journey)?;
            if claim.ask(picked.reservation.upstream()) {
                return Ok(picked);
            }
            // Another request with the same key was faster.
            picked.reservation.refused();
        }
    }

    /// The best one that may be asked: one that is on trial takes one request only.
    fn enter(&self, charge: &Charge<'_>, journey: &Journey) -> Result<Picked, Refusal> {
        loop {
            let choice = self.choose(charge, journey)?;
            if let Ok(trial) = journey.by.grid.enter(choice.reservation.upstream()) {
                return Ok(Picked {
                    at: Some(choice.at),
                    reservation: choice.reservation,
                    reason: Some(choice.reason),
                    trial,
                });
            }
            choice.reservation.refused();
        }
    }

    /// Chooses and reserves. Now and then it looks at what it does: keeps a record for `/decisions`, and times it.
    fn choose(
        &self,
        charge: &Charge<'_>,
        journey: &Journey,
    ) -> Result<Choice<Substation>, Refusal> {
        let (grid, decisions) = (&journey.by.grid, &self.shared.decisions);
        let tried = journey.passed_over();
        let now = grid.clock().at(journey.since);
        let is_kept = decisions.wants(now);
        let explanation = is_kept.then(|| Explanation::of(grid.roster(), charge.load, tried));
        let choice = self.exchange.random(|rng| {
            let is_timed = rng.u32(..) % ChoiceMetrics::SAMPLING == 0;
            let before = is_timed.then(std::time::Instant::now);
            let choice = grid
                .selector()
                .reserve(grid.roster(), charge.load, tried, rng)?;
            if let Some(before) = before {
                let metrics = grid.choice_metrics();
                metrics.seconds.observe(before.elapsed().as_secs_f64());
                if let Some(sampled_at) = choice.reservation.upstream().sampled_at() {
                    let age = now.since(sampled_at);
                    metrics.sample_age_seconds.observe(age.as_secs_f64());
                }
            }
            Ok(choice)
        })?;
        if let Some(explanation) = explanation {
            decisions.keep(Decision::new(grid, now, charge.load, &choice, explanation));
        }
        Ok(choice)
    }

    /// Counts who was picked, and where the request was sent before, what for it is sent once more.
    pub(super) fn count_choice(&self, picked: &Picked, journey: &Journey) {
        let metrics = picked.reservation.upstream().metrics();
        let requests = self.shared.metrics.requests();
        match (picked.reason, journey.unbooked) {
            (None, _) => {
                metrics.chosen_by_key.inc();
                if journey.attempts > 0 {
                    requests.failover("again");
                }
            }
            (Some(reason), unbooked) => {
                metrics.chosen(reason, journey.by.grid.selector().policy());
                if let Some(why) = unbooked {
                    requests.failover(why.name());
                }
            }
        }
    }
}
