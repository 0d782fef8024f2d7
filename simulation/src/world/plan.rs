//! What a seed means, written down before anything happens.
//!
//! The plan is plain data, so that a failing day can be made smaller: [`Plan::parts`] names all that can be left out, and
//! [`Plan::without`] leaves it out and changes nothing else. Each part keeps its number for that.

mod client;
mod draw;
mod fault;
mod machine;
mod parts;
mod settings;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use client::{ClientPlan, Protocol};
pub use fault::{Fault, FaultPlan, Gauge, Limited, Victim};
pub use machine::Machine;
pub use parts::{Part, UnknownPart};
pub use settings::{Discovery, Feeder, Lasts, Settings, Store};

/// All that will happen.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Plan {
    /// What it was drawn from; actors draw their own chances from it.
    pub seed: u64,
    /// What the configuration of all proxies says.
    pub settings: Settings,
    /// The numbers of the proxies. The machine of proxy 0 has the address 10.0.0.1.
    pub proxies: Vec<usize>,
    /// Where charges are booked.
    pub substations: Vec<SubstationPlan>,
    /// Who asks for charges.
    pub clients: Vec<ClientPlan>,
    /// What goes wrong, in the order in which it begins.
    pub faults: Vec<FaultPlan>,
    /// How long a packet takes, and by how much that varies.
    pub link: LinkPlan,
    /// When clients begin: proxies have started by then.
    pub begins: Duration,
    /// When the last fault has ended.
    pub calm_from: Duration,
    /// When clients stop: at least ten polls after the last fault.
    pub ends: Duration,
}

/// A substation. It is honest and quick, unless a fault says otherwise.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SubstationPlan {
    /// Its number, which is part of its name and its address.
    pub id: usize,
    /// The most load that it bears.
    pub capacity: f64,
    /// The feeder above it, by its place in [`Settings::feeders`].
    pub feeder: Option<usize>,
    /// Whether its bookings and keys outlive its process.
    pub has_journal: bool,
    /// How long it takes to book.
    pub pace: Duration,
    /// Whether its answers say its load.
    pub reports: bool,
}

impl SubstationPlan {
    /// What it calls itself, and how proxies list it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("s{}", self.id)
    }
}

/// How packets travel without a fault.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct LinkPlan {
    /// The least time from end to end.
    pub delay: Duration,
    /// What may come on top.
    pub jitter: Duration,
}

impl Plan {
    /// The length of the day until clients stop.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        self.ends
    }

    /// The substation with this number, unless it was left out.
    #[must_use]
    pub fn substation(&self, id: usize) -> Option<&SubstationPlan> {
        self.substations
            .iter()
            .find(|substation| substation.id == id)
    }
}

#[cfg(test)]
mod tests;
