//! The balance crate itself: its ledgers, its selector, its share estimator.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use switchyard_balance::ledger::ScrapeSent;
use switchyard_balance::{
    Feeder, FeederLock, Lasts, LastsEstimator, Ledger, Load, PastStates, Policy, Preference,
    Reading, Roster, Selector, ShareEstimator, Standing, Tree, TrustEstimator,
};

use super::{Pick, Picker, Scrape, World};
use crate::fleet::{Fleet, Session};

/// The notes that a proxy keeps which asks a monitoring system.
const NOTES: usize = 64;

/// A policy on one ledger for each substation.
#[derive(Debug)]
pub struct LedgerPolicy {
    selector: Selector,
    roster: Roster<Ledger>,
    share_estimator: Option<ShareEstimator>,
    lasts_estimator: Option<LastsEstimator>,
    /// How long load lasts, if requests say so.
    said: Option<Lasts>,
    tolerance: f64,
    last: Option<usize>,
    trust_estimator: TrustEstimator,
    past: Vec<PastStates>,
}

impl LedgerPolicy {
    /// Ledgers without a sample.
    #[must_use]
    pub fn new(policy: Policy, fleet: &Fleet) -> Self {
        let ledgers = fleet
            .capacities()
            .into_iter()
            .map(|c| Arc::new(Ledger::new(Some(c))));
        Self {
            selector: Selector::new(policy),
            past: Vec::new(),
            roster: Roster::in_tree(ledgers, tree(fleet)),
            share_estimator: Some(ShareEstimator::new()),
            lasts_estimator: Some(LastsEstimator::new()),
            said: None,
            tolerance: 0.0,
            last: None,
            trust_estimator: TrustEstimator::new(),
        }
    }

    /// The same policy, which takes the same substation again while the best one is better by no more than this part of
    /// a capacity.
    #[must_use]
    pub fn within(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The same policy, before which each request says how long its load lasts, as those of a route do.
    #[must_use]
    pub fn where_requests_say(mut self, lasts: Option<Lasts>) -> Self {
        self.said = lasts;
        self
    }

    /// The same policy, told how long sessions last.
    #[must_use]
    pub fn told(mut self, lasts: Lasts) -> Self {
        self.lasts_estimator = None;
        self.set_lasts(lasts);
        self
    }

    fn set_lasts(&self, lasts: Lasts) {
        for ledger in self.roster.iter() {
            ledger.set_lasts(lasts);
        }
        for meter in self
            .roster
            .feeders()
            .iter()
            .filter_map(|feeder| feeder.meter())
        {
            meter.set_lasts(lasts);
        }
    }

    /// The same policy without a share estimator: each proxy fills a gap completely.
    #[must_use]
    pub fn without_share_estimator(mut self) -> Self {
        self.share_estimator = None;
        self
    }
}

/// The feeders of one proxy, none of which it has sampled.
fn tree(fleet: &Fleet) -> Tree {
    let lock = FeederLock::default();
    let feeders = fleet.feeders().map(|truth| {
        let feeder = Feeder::new(&lock, truth.is_metered());
        feeder.set_capacity(Some(truth.capacity()));
        Arc::new(feeder)
    });
    let (parents, of) = fleet.shape();
    Tree {
        feeders: feeders.collect(),
        parents,
        of,
    }
}

impl Picker for LedgerPolicy {
    fn pick(&mut self, power: Load, world: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        for (ledger, truth) in self.roster.iter().zip(world.fleet.iter()) {
            if ledger.is_in() == truth.is_out() {
                ledger.set_standing(if truth.is_out() {
                    Standing::Out
                } else {
                    Standing::In
                });
            }
        }
        let tolerance = self.tolerance;
        let last = self.last.filter(|_| tolerance > 0.0);
        let prefer = last.map(|at| Preference { at, tolerance });
        let chosen = self
            .selector
            .reserve_near(&self.roster, power.into(), prefer, rng);
        let choice = chosen.ok()?;
        self.last = Some(choice.at);
        let reservation = match self.said {
            Some(lasts) => choice.reservation.lasting(lasts),
            None => choice.reservation,
        };
        Some(Pick {
            at: choice.at,
            reservation: Some(reservation),
        })
    }

    fn room_for(&self, power: Load) -> i128 {
        self.roster.room_for(&power.into())
    }

    fn scrape_sent(&mut self, at: usize) -> Option<ScrapeSent> {
        self.ledger(at).map(Ledger::scrape_sent)
    }

    fn sampled(&mut self, scrape: Scrape, reading: Reading, _: &World<'_>, _: &mut Rng) {
        if let (Some(ledger), Some(sent)) = (self.ledger(scrape.at), scrape.sent) {
            ledger.sample(sent, reading);
        }
    }

    fn note(&mut self, now: Duration) {
        if self.past.is_empty() {
            self.past = self.roster.iter().map(|one| PastStates::new(one)).collect();
        }
        for (past, ledger) in self.past.iter_mut().zip(self.roster.iter()) {
            past.note(ledger, || now, NOTES);
        }
    }

    fn told(&mut self, at: usize, stamp: Duration, skew: Duration, reading: Reading) -> bool {
        let around = self
            .past
            .get(at)
            .and_then(|past| past.around(stamp, skew, skew));
        match (around, self.ledger(at)) {
            (Some(around), Some(ledger)) => {
                ledger.sample_of(&around, reading);
                true
            }
            _ => false,
        }
    }

    fn lasts_for(&self, at: usize, session: Session, now: Duration) {
        if let Some(ledger) = self.ledger(at) {
            ledger.lasts_for(session.power, session.length, now);
        }
    }

    fn round_over(&mut self, now: Duration, interval: Duration) {
        if let Some(estimator) = &mut self.share_estimator {
            estimator.round(&self.roster);
        }
        if let Some(estimator) = &mut self.lasts_estimator
            && let Some(lasts) = estimator.round(&self.roster)
        {
            self.set_lasts(lasts);
        }
        let within = TrustEstimator::within(interval, Duration::ZERO);
        self.trust_estimator.round(&self.roster, now, within);
    }

    fn meter_sent(&mut self, feeder: usize) -> Option<ScrapeSent> {
        Some(self.roster.feeders().get(feeder)?.meter()?.scrape_sent())
    }

    fn meter_sampled(&mut self, feeder: usize, sent: ScrapeSent, reading: Reading) {
        let feeder = self.roster.feeders().get(feeder);
        if let Some(meter) = feeder.and_then(|feeder| feeder.meter()) {
            meter.sample(sent, reading);
        }
    }

    fn set_limit(&mut self, feeder: usize, limit: Option<Load>) {
        if let Some(feeder) = self.roster.feeders().get(feeder) {
            feeder.set_limit(limit);
        }
    }

    fn ledger(&self, at: usize) -> Option<&Ledger> {
        self.roster.get(at).map(AsRef::as_ref)
    }
}
