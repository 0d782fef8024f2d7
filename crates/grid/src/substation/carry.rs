//! One substation that goes on in the next process.

use std::sync::atomic::Ordering::Relaxed;

use switchyard_balance::Load;
use tokio::time::Instant;

use super::Substation;
use crate::{
    carried::{CarriedSubstation, Written},
    clock::Clock,
};

impl Substation {
    /// What the next process needs to go on.
    pub(crate) fn carry(&self, clock: Clock, instant: Instant) -> CarriedSubstation {
        let now = clock.at(instant);
        let authority = self.authority();
        let is_address = **authority == self.address.to_string();
        CarriedSubstation {
            name: self.name().to_owned(),
            address: self.address,
            host: (!is_address).then(|| authority.to_string()),
            capacity: self.configured_capacity().map(Load::units),
            ledger: self.ledger.carry(clock.since_start(instant)),
            sample_age: self.sampled_at().map(|at| now.since(at)),
            is_reachable: self.is_reachable(),
            can_scrape: self.can_scrape(),
            rotation: self.rotation_state.carry(now),
            naming: self.naming.carry(),
            pace: None,
        }
    }

    /// Goes on from what another process has left. What a scrape of this process has shown stays.
    pub(crate) fn restore(
        &self,
        carried: &CarriedSubstation,
        written: Written,
        clock: Clock,
        instant: Instant,
    ) {
        let (ledger, age) = (&carried.ledger, carried.sample_age);
        self.times
            .restore(&self.ledger, ledger, age, written, clock, instant);
        let is_known_here = self.naming.is_heard() || !self.is_reachable();
        if !is_known_here {
            self.is_reachable.store(carried.is_reachable, Relaxed);
            self.can_scrape.store(carried.can_scrape, Relaxed);
        }
        self.rotation_state.restore(
            &self.ledger,
            &carried.rotation,
            written.ago,
            clock.at(instant),
        );
    }
}
