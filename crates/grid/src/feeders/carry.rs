//! Meters that go on in the next process.
//!
//! A feeder without a meter carries nothing: it is the sum of its substations, which are carried themselves.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchyard_balance::{Load, carried::CarriedLedger};
use tokio::time::Instant;

use super::{Feeder, Feeders};
use crate::{carried::Written, clock::Clock};

/// What a process knows of its feeders.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CarriedFeeders {
    /// Those with a meter.
    pub metered: Vec<CarriedFeeder>,
    /// How much of the room the process still keeps for itself, in millionths, by the names of the feeders. Nothing if it
    /// has ended.
    pub kept: Vec<(String, i64)>,
}

impl CarriedFeeders {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.metered.is_empty() && self.kept.is_empty()
    }
}

/// What a process knows of one feeder with a meter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarriedFeeder {
    /// Its name.
    pub name: String,
    /// The series that its meter reads. With another one it begins anew, as in a reload.
    pub series: String,
    /// Its load.
    pub ledger: CarriedLedger,
    /// The age of its last sample.
    pub sample_age: Option<Duration>,
    /// Whether the last scrape that could tell reached it.
    pub is_reachable: bool,
}

impl Feeders {
    /// What the next process needs to go on.
    pub(crate) fn carry(&self, clock: Clock, instant: Instant) -> CarriedFeeders {
        let all = self.all().iter();
        CarriedFeeders {
            metered: all.filter_map(|one| one.carry(clock, instant)).collect(),
            kept: Vec::new(),
        }
    }

    /// From now on this process books at most half of what is left at each feeder. Returns how much that is.
    pub(crate) fn divide(&self) -> Vec<(String, i64)> {
        let halves = self.all().iter().filter_map(|one| {
            let half = one.balance().divide()?;
            Some((one.name().to_owned(), half.micros()))
        });
        halves.collect()
    }

    /// The other process has not come: all room is this one's again.
    pub(crate) fn unite(&self) {
        for feeder in self.all() {
            feeder.balance().unite();
        }
    }

    /// Goes on from what another process has left.
    pub(crate) fn restore(
        &self,
        carried: &CarriedFeeders,
        written: Written,
        clock: Clock,
        instant: Instant,
    ) {
        for carried in &carried.metered {
            if let Some(feeder) = self.find(&carried.name) {
                feeder.restore(carried, written, clock, instant);
            }
        }
        for (name, kept) in carried.kept.iter().filter(|_| written.is_alive) {
            if let Some(feeder) = self.find(name) {
                let kept = Load::from_micros((*kept).max(0)).min(Load::LARGEST);
                feeder.withhold(kept);
            }
        }
    }
}

impl Feeder {
    fn carry(&self, clock: Clock, instant: Instant) -> Option<CarriedFeeder> {
        let (meter, ledger) = self.metered()?;
        let now = clock.at(instant);
        Some(CarriedFeeder {
            name: self.name().to_owned(),
            series: meter.series(),
            ledger: ledger.carry(clock.since_start(instant)),
            sample_age: meter.sampled_at().map(|at| now.since(at)),
            is_reachable: meter.is_reachable(),
        })
    }

    fn restore(&self, carried: &CarriedFeeder, written: Written, clock: Clock, instant: Instant) {
        let Some((meter, ledger)) = self.metered() else {
            return;
        };
        if meter.series() != carried.series {
            return;
        }
        let age = carried.sample_age;
        let is_own_newer =
            meter
                .times()
                .restore(ledger, &carried.ledger, age, written, clock, instant);
        // What a scrape of this process has shown stays.
        if !is_own_newer && meter.is_reachable() {
            meter.set_reachable(carried.is_reachable);
        }
    }
}
