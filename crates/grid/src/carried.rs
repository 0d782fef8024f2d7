//! What one process leaves to the next of its substations: plain data, without a moment of its clock.
//!
//! The file has the types, and what carries and restores a substation and a grid is in [`crate::restore`]. Substations
//! are found by name and address, as in a reload. So the next process may have another configuration.

use std::{net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};
use switchyard_balance::{
    Lasts,
    carried::{CarriedLedger, CarriedPace, CarriedShare},
};

use crate::{drain::CarriedDrain, rotation_state::CarriedRotation};

/// What a process knows of its substations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CarriedGrid {
    /// Those that its configuration lists.
    pub substations: Vec<CarriedSubstation>,
    /// Those that have left and are not forgotten, in the order of leaving, and how long ago each left.
    pub departed: Vec<(CarriedSubstation, Duration)>,
    /// The share of the gaps that it fills.
    pub share: Option<CarriedShare>,
    /// How long load lasts, if the gauges have shown it.
    pub lasts: Option<Lasts>,
    /// The drains by command.
    pub drains: Vec<CarriedDrain>,
}

/// What a process knows of one substation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarriedSubstation {
    /// Its name.
    pub name: String,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// What requests to it carry as `host`, where that is not the address.
    pub host: Option<String>,
    /// The configured capacity, in the unit of its gauge.
    pub capacity: Option<f64>,
    /// Its load.
    pub ledger: CarriedLedger,
    /// The age of its last sample.
    pub sample_age: Option<Duration>,
    /// Whether the last scrape that could tell reached it.
    pub is_reachable: bool,
    /// Whether its last scrape brought a sample.
    pub can_scrape: bool,
    /// Its rotation.
    pub rotation: CarriedRotation,
    /// What it calls itself.
    pub naming: CarriedNaming,
    /// How fast it answers, where that is judged.
    pub pace: Option<CarriedPace>,
}

/// What a substation calls itself, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedNaming {
    /// The name.
    pub own: Option<String>,
    /// Whether its metrics page says it.
    pub is_on_page: bool,
    /// Whether it ever answered a scrape.
    pub is_heard: bool,
}

/// What is known of the process that wrote a [`CarriedGrid`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How long ago it wrote.
    pub ago: Duration,
    /// Whether it still waits for answers to requests that it has sent.
    pub is_alive: bool,
}
