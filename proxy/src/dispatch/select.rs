//! Selects the substation to ask next: the one that may have booked the request's key, or else the best one.

use std::sync::Arc;

use fastrand::Rng;
use switchyard_balance::{
    Choice, Explanation, Lasts, Load, Preference, Ranking, Reason, Refusal, Request, Reservation,
};
use switchyard_grid::{ChoiceMetrics, Substation, Trial};
use switchyard_upstream::Mark;
use tokio::time::Instant;

use super::{
    Dispatcher, authority::Proposal, charge::Charge, decisions::Decision, needs::Ask,
    operation::Operation, retry::RetryState,
};
use crate::snapshot::Snapshot;

/// By how many requests like it a request with a key may be sent to a fuller substation than the best, if that ranks first
/// for its key. Two proxies without a store then choose the same substation for a repetition more often, and loads stay as
/// even within a request: with 5, 20 and 100 substations, 58, 76 and 88 % of repetitions through another proxy go
/// elsewhere, instead of 80, 95 and 99 %.
const KEY_TOLERANCE: f64 = 0.5;
/// In a larger grid proxies would hardly ever choose alike, and to look for it costs a look at each substation.
const MOST_RANKED: usize = 1_000;

/// A selected substation.
pub(super) struct Selected {
    /// Its position in the request's grid; `None` if it is no longer in it.
    pub(super) at: Option<usize>,
    pub(super) substation: Arc<Substation>,
    /// `None` for a session: nothing is chosen and nothing reserved.
    pub(super) placement: Option<Placement>,
    /// The record of the choice, if one was made.
    pub(super) decision: Option<Box<Decision>>,
}

/// What a charge holds at its substation.
pub(super) struct Placement {
    pub(super) reservation: Reservation<Substation>,
    /// Why the substation was chosen; `None` if it was not chosen but holds the request's key.
    pub(super) reason: Option<Reason>,
    /// Under which mark its write is open for others, if `balance.tolerance` lets them come along.
    pub(super) open_as: Option<Mark>,
    /// Set if this request is the trial that decides whether the substation returns to rotation.
    pub(super) trial: Option<Trial>,
}

impl Placement {
    /// The same, whose load lasts so long.
    pub(super) fn lasting(self, lasts: Lasts) -> Self {
        Self {
            reservation: self.reservation.lasting(lasts),
            ..self
        }
    }

    /// Whether the substation was asked because it holds the request's key, so that an earlier request with it has
    /// gone there.
    pub(super) fn is_repeat(&self) -> bool {
        self.reason.is_none()
    }
}

impl Selected {
    /// It is not asked.
    pub(super) fn cancel(self) {
        if let Some(placement) = self.placement {
            placement.reservation.cancel();
        }
    }
}

/// What has to be agreed on with others before this substation is asked.
pub(super) fn proposal(
    operation: &Operation<'_>,
    selected: &Selected,
    state: &RetryState,
) -> Option<Proposal> {
    let Operation::Charge {
        claim: Some(claim), ..
    } = operation
    else {
        return None;
    };
    let asker = claim.proposed_as()?;
    Some(Proposal {
        key: claim.hash(),
        fingerprint: claim.fingerprint(),
        asker,
        candidate: Arc::clone(selected.substation.holder_id()),
        kept_for: state.snapshot.config.retry.keys_for,
    })
}

impl Dispatcher {
    /// The substation to ask next: the only one that can answer, or else the best one.
    pub(super) fn select(
        &self,
        operation: &mut Operation<'_>,
        state: &RetryState,
    ) -> Result<Selected, Refusal> {
        operation.follow(&state.snapshot);
        match operation {
            Operation::Session { holder, .. } => Ok(Selected {
                at: None,
                substation: Arc::clone(holder),
                placement: None,
                decision: None,
            }),
            Operation::Charge {
                charge,
                claim,
                possible,
                ..
            } => match claim {
                None => self.enter(charge, None, state),
                Some(claim) => self.select_by_key(charge, (claim, *possible), state),
            },
        }
    }

    /// The best substation that admits a request: one on trial admits only one. `key` stands for the request's key.
    pub(super) fn enter(
        &self,
        charge: &Charge<'_>,
        key: Option<u64>,
        state: &RetryState,
    ) -> Result<Selected, Refusal> {
        if charge.needs.not_sent.is_some() {
            return Err(Refusal::NoUpstream);
        }
        if !self.may_enter(charge, key, state) {
            return Err(Refusal::NoCapacity);
        }
        let ask = charge.ask(key);
        let (tried, snapshot) = (state.excluded(), &state.snapshot);
        match &charge.route {
            None => self.best(ask, tried, snapshot, state.since),
            Some(routed) if routed.rule.config.any => self.any(ask, tried, snapshot),
            Some(routed) => match self.best(ask, tried, snapshot, state.since) {
                Err(Refusal::NoCapacity) if routed.needs_no_room() => {
                    self.any(ask, tried, snapshot)
                }
                chosen => chosen,
            },
        }
    }

    /// Any substation in rotation but those `tried`, full or not. Nothing is reserved there.
    fn any(&self, ask: Ask<'_>, tried: &[usize], snapshot: &Snapshot) -> Result<Selected, Refusal> {
        let grid = &snapshot.grid;
        let draw = |tried: &[usize]| {
            let any = |request: Request<'_>, rng: &mut Rng| grid.roster().any(&request, rng);
            self.random(|rng| ask.with(tried, |request| any(request, rng)))
        };
        let mut closed = Vec::new();
        loop {
            let tried = [tried, closed.as_slice()].concat();
            let at = draw(&tried).ok_or(Refusal::NoUpstream)?;
            let substation = grid.substations().get(at).ok_or(Refusal::NoUpstream)?;
            // One on trial takes one request, and may have it already.
            let Ok(trial) = grid.enter(substation, Load::ZERO) else {
                closed.push(at);
                continue;
            };
            return Ok(Selected {
                at: Some(at),
                substation: Arc::clone(substation),
                placement: Some(Placement {
                    reservation: Reservation::of(Arc::clone(substation), Load::ZERO),
                    reason: Some(Reason::Tie),
                    open_as: None,
                    trial,
                }),
                decision: None,
            });
        }
    }

    /// The best substation but those `tried`, at `since`.
    pub(super) fn best(
        &self,
        ask: Ask<'_>,
        tried: &[usize],
        snapshot: &Snapshot,
        since: Instant,
    ) -> Result<Selected, Refusal> {
        let grid = &snapshot.grid;
        loop {
            let (choice, decision) = match self.choose(ask, tried, snapshot, since) {
                Err(Refusal::NoCapacity) if grid.open_probes() => {
                    self.choose(ask, tried, snapshot, since)?
                }
                chosen => chosen?,
            };
            let substation = choice.reservation.upstream();
            if let Ok(trial) = grid.enter(substation, ask.load) {
                return Ok(Selected {
                    at: Some(choice.at),
                    substation: Arc::clone(choice.reservation.upstream()),
                    placement: Some(Placement {
                        reservation: choice.reservation,
                        reason: Some(choice.reason),
                        open_as: (snapshot.config.balance.tolerance > 0.0).then_some(Mark {
                            version: snapshot.version,
                            at: choice.at,
                        }),
                        trial,
                    }),
                    decision,
                });
            }
            choice.reservation.cancel();
        }
    }

    /// Chooses and reserves. Some choices are recorded, for `/decisions` and for traces, and some are timed.
    fn choose(
        &self,
        ask: Ask<'_>,
        tried: &[usize],
        snapshot: &Snapshot,
        since: Instant,
    ) -> Result<(Choice<Substation>, Option<Box<Decision>>), Refusal> {
        let grid = &snapshot.grid;
        let key = ask.key.filter(|_| grid.roster().len() <= MOST_RANKED);
        let decisions = &self.state.decisions;
        let now = grid.clock().at(since);
        let is_recorded = ask.is_traced || decisions.should_record(now);
        let explain = |request: Request<'_>| Explanation::of(grid.roster(), &request);
        let explanation = is_recorded.then(|| ask.with(tried, explain));
        let choose = |request: Request<'_>, rng: &mut Rng| {
            let is_timed = rng.u32(..).is_multiple_of(ChoiceMetrics::SAMPLING);
            let before = is_timed.then(std::time::Instant::now);
            let (selector, roster) = (grid.selector(), grid.roster());
            let choice = match key {
                None => {
                    let prefer = self.preference(snapshot);
                    selector.reserve_near(roster, request, prefer, rng)?
                }
                Some(key) => {
                    let all = grid.substations();
                    let rank = |at: usize| all.get(at).map_or(0, |one| one.rank_for(key));
                    let ranking = Ranking {
                        rank: &rank,
                        requests: KEY_TOLERANCE,
                    };
                    selector.reserve_ranked(roster, request, ranking, rng)?
                }
            };
            if let Some(before) = before {
                let metrics = grid.choice_metrics();
                metrics.seconds.observe(before.elapsed().as_secs_f64());
                if let Some(sampled_at) = choice.reservation.upstream().sampled_at() {
                    let age = now.since(sampled_at);
                    metrics.sample_age_seconds.observe(age.as_secs_f64());
                }
            }
            Ok(choice)
        };
        let choice = self.random(|rng| ask.with(tried, |request| choose(request, rng)))?;
        let decision = explanation.map(|explanation| {
            let decision = Decision::new(grid, now, ask.load, &choice, explanation);
            Box::new(decision.asked(&ask, snapshot))
        });
        Ok((choice, decision))
    }

    /// The substation to which this worker is about to write, if `balance.tolerance` allows a choice to prefer it.
    fn preference(&self, snapshot: &Snapshot) -> Option<Preference> {
        let tolerance = snapshot.config.balance.tolerance;
        if tolerance <= 0.0 {
            return None;
        }
        let open = self.connections.client.open_write()?;
        // In another grid the same position is another substation.
        (open.version == snapshot.version).then_some(Preference {
            at: open.at,
            tolerance,
        })
    }

    /// Counts which substation was selected for a charge, and why a charge is sent again.
    pub(super) fn count_choice(&self, selected: &Selected, state: &RetryState) {
        let Some(placement) = &selected.placement else {
            return;
        };
        let metrics = selected.substation.metrics();
        let requests = &self.runtime.metrics.requests;
        match (placement.reason, state.last) {
            (None, _) => {
                metrics.chosen_by_key.inc();
                if state.attempts > 0 {
                    requests.failover("again");
                }
            }
            (Some(reason), last) => {
                metrics.chosen(reason, state.snapshot.grid.selector().policy());
                if let Some(why) = last {
                    requests.failover(why.name());
                }
            }
        }
    }
}
