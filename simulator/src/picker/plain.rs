//! The balance crate as it is: its ledgers, its selector.

use std::sync::Arc;

use fastrand::Rng;
use switchyard_balance::ledger::ScrapeSent;
use switchyard_balance::{Ledger, Load, Policy, Reading, Selector};

use super::{Account, Pick, Picker, Scrape, World};

/// A policy on one ledger for each substation.
#[derive(Debug)]
pub struct Plain {
    selector: Selector,
    accounts: Vec<Arc<Account>>,
}

impl Plain {
    /// Accounts without a sample.
    #[must_use]
    pub fn new(policy: Policy, capacities: &[Load]) -> Self {
        let accounts = capacities.iter().map(|c| Arc::new(Account::new(*c)));
        Self {
            selector: Selector::new(policy),
            accounts: accounts.collect(),
        }
    }
}

impl Picker for Plain {
    fn pick(&mut self, power: Load, _: &World<'_>, rng: &mut Rng) -> Option<Pick> {
        let chosen = self.selector.reserve(&self.accounts, power, &[], rng);
        chosen.ok().map(|(at, reservation)| Pick {
            at,
            reservation: Some(reservation),
        })
    }

    fn scrape_sent(&mut self, at: usize) -> Option<ScrapeSent> {
        self.ledger(at).map(Ledger::scrape_sent)
    }

    fn sampled(&mut self, scrape: Scrape, reading: Reading, _: &World<'_>, _: &mut Rng) {
        if let (Some(ledger), Some(sent)) = (self.ledger(scrape.at), scrape.sent) {
            ledger.sample(sent, reading);
        }
    }

    fn ledger(&self, at: usize) -> Option<&Ledger> {
        self.accounts.get(at).map(|account| (**account).as_ref())
    }
}
