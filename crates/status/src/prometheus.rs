//! Prometheus, where it is asked for all loads.

use serde::Serialize;

/// What has come of the rounds of queries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrometheusStatus {
    /// Its URL.
    pub url: String,
    /// Why the last round brought no series; null if it did.
    pub error: Option<String>,
    /// How long ago a round brought series last; null before a first time.
    pub answered_seconds_ago: Option<f64>,
    /// Series in the last answer.
    pub series: usize,
    /// Series in it that match no substation.
    pub unmatched_series: usize,
    /// Substations without a series in it that can be used.
    pub missing_substations: usize,
    /// How often Prometheus scrapes, as its samples show it; null while that is not known.
    pub scrape_interval_seconds: Option<f64>,
    /// The age from which a sample is stale.
    pub stale_after_seconds: f64,
    /// By how much its clock is ahead of this machine's, as far as answers prove it.
    pub clock_offset_seconds: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_null() {
        let status = PrometheusStatus {
            url: "http://a".to_owned(),
            error: None,
            answered_seconds_ago: None,
            series: 1,
            unmatched_series: 0,
            missing_substations: 0,
            scrape_interval_seconds: None,
            stale_after_seconds: 180.0,
            clock_offset_seconds: 0.0,
        };
        assert_eq!(
            serde_json::to_value(status).unwrap(),
            serde_json::json!({
                "url": "http://a", "error": null, "answered_seconds_ago": null, "series": 1, "unmatched_series": 0,
                "missing_substations": 0, "scrape_interval_seconds": null, "stale_after_seconds": 180.0,
                "clock_offset_seconds": 0.0,
            })
        );
    }
}
