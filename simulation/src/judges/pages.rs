//! What a proxy says of itself, on the pages that operators read.

use serde::Deserialize;
use serde_json::Value;

/// The families of the metrics page that are zero when nothing is under way, and one that always is.
pub(super) const IDLE: [&str; 5] = [
    "switchyard_requests_in_flight",
    "switchyard_connections",
    "switchyard_admission_waiting",
    "switchyard_upstream_in_flight",
    PANICS,
];
/// Counts what must never happen.
pub(super) const PANICS: &str = "switchyard_panics_total";

/// A part of `/status`.
#[derive(Deserialize)]
pub(super) struct Page {
    pub(super) substations: Vec<Listed>,
    #[serde(default)]
    pub(super) feeders: Vec<Fed>,
}

/// A substation in `/status`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) current_load: Option<f64>,
    pub(super) estimated_load: f64,
    pub(super) unseen_load: f64,
    pub(super) in_flight: u64,
    pub(super) request_limit: Option<u32>,
    #[serde(default)]
    pub(super) distrusted: bool,
    pub(super) health: Health,
}

/// Why it is in its state.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Health {
    pub(super) share: f64,
    pub(super) refuses_from: Option<f64>,
}

/// A feeder in `/status`.
#[derive(Debug, Deserialize)]
pub(super) struct Fed {
    pub(super) name: String,
    pub(super) estimated_load: f64,
}

impl Page {
    /// Reads `/status`. Numbers below zero where there can be none are faults of it.
    pub(super) fn read(status: &Value) -> Result<Self, String> {
        Self::deserialize(status).map_err(|error| format!("/status can't be read: {error}"))
    }
}

impl Listed {
    /// The number of a substation of the simulation.
    pub(super) fn id(&self) -> Option<usize> {
        self.name.strip_prefix('s')?.parse().ok()
    }
}

/// The sum of a family's series.
pub(super) fn sum(metrics: &str, family: &str) -> f64 {
    metrics
        .lines()
        .filter_map(|line| line.strip_prefix(family))
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pages_are_read() {
        let health = json!({"share": 1.0, "refuses_from": null, "stage": "in"});
        let one = json!({"name": "s12", "state": "up", "current_load": null, "estimated_load": 2, "unseen_load": 1,
            "in_flight": 3, "request_limit": null, "distrusted": true, "health": health});
        let page = Page::read(&json!({"policy": "least_load", "substations": [one]})).unwrap();
        assert_eq!(
            (page.substations[0].id(), page.feeders.len()),
            (Some(12), 0)
        );
        assert!(Page::read(&json!({})).is_err());
        let metrics =
            "# TYPE a gauge\na 2\na_total 9\nb{substation=\"x y\"} 1\nb{substation=\"z\"} 2\n";
        assert!((sum(metrics, "a") - 2.0).abs() < 1e-9);
        assert!((sum(metrics, "b") - 3.0).abs() < 1e-9);
    }
}
