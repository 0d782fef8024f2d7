//! One feeder at one moment, for `/status`, the live page and the metrics page.

use std::time::Duration;

use super::FeederState;

/// See the [module](self). Loads are in the unit of the load gauge.
#[derive(Clone, Debug)]
pub struct FeederView<'a> {
    /// Unique among feeders and substations.
    pub name: &'a str,
    /// The feeder above it; none for a root.
    pub parent: Option<&'a str>,
    /// Its state.
    pub state: FeederState,
    /// Whether it has a meter of its own.
    pub has_meter: bool,
    /// As its meter measured it last; without a meter the sum of its members' samples.
    pub current_load: Option<f64>,
    /// As configured or measured, without the limit in force.
    pub capacity: Option<f64>,
    /// The limit in force, if there is one.
    pub limit: Option<f64>,
    /// The estimate of its load now.
    pub estimated_load: f64,
    /// How old its meter's sample is.
    pub sample_age: Option<Duration>,
    /// How many substations it has, those of the feeders below it among them.
    pub members: usize,
}
