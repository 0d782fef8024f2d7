//! Traces that show what a bucket of the histogram of requests has: one for each bucket, the last that was sampled.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use enum_map::EnumMap;
use parking_lot::Mutex;
use strum::VariantArray as _;
use switchyard_telemetry::{Exemplar, Exemplars, request_buckets};
use switchyard_wire::Outcome;

/// The last traces of the buckets, by outcome. Empty until the first request is sampled.
#[derive(Debug, Default)]
pub(super) struct Kept {
    others: Outcomes,
    /// Of requests of routes, by route.
    routed: Mutex<BTreeMap<String, Arc<Outcomes>>>,
}

type Outcomes = EnumMap<Outcome, OnceLock<Buckets>>;

/// One for each bound, and one above all.
type Buckets = Vec<Mutex<Option<Exemplar>>>;

impl Kept {
    /// Keeps the trace of a request that took this long. If another thread is at the same bucket, that one's is kept: any
    /// will do, and nothing waits.
    pub(super) fn keep(
        &self,
        route: Option<&str>,
        (outcome, took): (Outcome, Duration),
        trace_id: String,
    ) {
        let routed = route.map(|route| self.routed(route));
        let all = routed.as_deref().unwrap_or(&self.others);
        let seconds = took.as_secs_f64();
        let bounds = request_buckets();
        let at = bounds.partition_point(|bound| *bound < seconds);
        let new = || (0..=bounds.len()).map(|_| Mutex::default()).collect();
        let bucket = all[outcome].get_or_init(new).get(at);
        if let Some(mut kept) = bucket.and_then(Mutex::try_lock) {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            *kept = Some(Exemplar {
                trace_id,
                value: seconds,
                unix_seconds: now.unwrap_or_default().as_secs_f64(),
            });
        }
    }

    /// All, by their series in the family `name`.
    pub(super) fn all(&self, name: &str) -> Exemplars {
        let bounds = request_buckets().into_iter();
        let bounds: Vec<_> = bounds.map(|bound| bound.to_string()).collect();
        let mut all = Exemplars::new();
        let mut add = |outcomes: &Outcomes, route: &str| {
            for outcome in Outcome::VARIANTS {
                let buckets = outcomes[*outcome].get().into_iter().flatten();
                let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
                for (bucket, bound) in buckets.zip(bounds) {
                    if let Some(exemplar) = bucket.lock().clone() {
                        let result: &str = (*outcome).into();
                        let series =
                            format!("{name}_bucket{{result=\"{result}\",{route}le=\"{bound}\"}}");
                        all.insert(series, exemplar);
                    }
                }
            }
        };
        add(&self.others, "");
        for (route, outcomes) in &*self.routed.lock() {
            // As the text format escapes the values of labels.
            let route = route.replace('\\', "\\\\").replace('"', "\\\"");
            add(outcomes, &format!("route=\"{route}\","));
        }
        all
    }

    fn routed(&self, route: &str) -> Arc<Outcomes> {
        let mut routed = self.routed.lock();
        if let Some(kept) = routed.get(route) {
            return Arc::clone(kept);
        }
        Arc::clone(routed.entry(route.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_has_the_last_trace_of_its_outcome() {
        let kept = Kept::default();
        assert!(kept.all("x").is_empty());
        let microseconds = Duration::from_micros;
        for (outcome, took, trace) in [
            (Outcome::Booked, microseconds(50), "a"),
            (Outcome::Booked, microseconds(51), "b"),
            (Outcome::Booked, microseconds(99), "c"),
            (Outcome::Answered, microseconds(99), "d"),
            (Outcome::Booked, Duration::from_hours(1), "e"),
        ] {
            kept.keep(None, (outcome, took), trace.to_owned());
        }
        let at_a_route = (Outcome::Booked, microseconds(50));
        kept.keep(Some("/v1/"), at_a_route, "f".to_owned());
        let all = kept.all("x");
        let trace = |series: &str| all.get(series).map(|kept| kept.trace_id.as_str());
        assert_eq!(all.len(), 5);
        assert_eq!(
            trace("x_bucket{result=\"booked\",route=\"/v1/\",le=\"0.00005\"}"),
            Some("f")
        );
        let booked = |bound| format!("x_bucket{{result=\"booked\",le=\"{bound}\"}}");
        assert_eq!(trace(&booked("0.00005")), Some("a"));
        assert_eq!(trace(&booked("0.0001")), Some("c"));
        assert_eq!(trace(&booked("+Inf")), Some("e"));
        assert_eq!(
            trace("x_bucket{result=\"answered\",le=\"0.0001\"}"),
            Some("d")
        );
    }
}
