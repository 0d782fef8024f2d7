//! A limit as `/limits` shows it.

use serde::Serialize;
use switchyard_balance::Load;

use crate::{
    limit::{Limit, Stage},
    timestamp::{Now, Timestamp},
};

/// One limit of one source. Loads are in the unit of the load gauge.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ShownLimit {
    /// The feeder or the substation.
    pub name: String,
    /// The most load, as ordered.
    pub value: f64,
    /// Who has ordered it.
    pub source: String,
    /// When it begins, if that was said.
    pub from: Option<Timestamp>,
    /// When it ends, if it does.
    pub until: Option<Timestamp>,
    /// The most load once the source has fallen silent.
    pub fallback: Option<f64>,
    /// How long the source may be silent.
    pub heartbeat: Option<String>,
    /// How long it has been silent.
    pub heartbeat_age_seconds: Option<f64>,
    /// `waiting`, `in_force` or `fallback`.
    pub state: &'static str,
    /// Whether the fallback has taken the place of the value.
    pub fallback_in_force: bool,
    /// The most load that it allows now: `value`, `fallback`, or nothing while it waits.
    pub in_force: Option<f64>,
}

impl Limit {
    /// As `/limits` shows it.
    #[must_use]
    pub fn shown(&self, name: &str, now: Now) -> ShownLimit {
        let order = self.order();
        let failsafe = order.failsafe;
        ShownLimit {
            name: name.to_owned(),
            value: order.value.units(),
            source: order.source.to_string(),
            from: order.from,
            until: order.until,
            fallback: failsafe.map(|failsafe| failsafe.fallback.units()),
            heartbeat: failsafe
                .map(|failsafe| humantime::format_duration(failsafe.heartbeat).to_string()),
            heartbeat_age_seconds: self.heartbeat_age(now).map(|age| age.as_secs_f64()),
            state: self.stage().name(),
            fallback_in_force: self.stage() == Stage::Fallback,
            in_force: self.load().map(Load::units),
        }
    }
}
