//! Traces that show what a bucket of the histogram of requests has: one for each bucket, the last that was sampled.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use enum_map::EnumMap;
use parking_lot::Mutex;
use strum::VariantArray as _;
use switchyard_telemetry::{Exemplar, Exemplars, request_buckets};
use switchyard_wire::Outcome;

/// The last traces of the buckets, by outcome. Empty until the first request is sampled.
#[derive(Debug, Default)]
pub(super) struct Kept(EnumMap<Outcome, OnceLock<Buckets>>);

/// One for each bound, and one above all.
type Buckets = Vec<Mutex<Option<Exemplar>>>;

impl Kept {
    /// Keeps the trace of a request that took this long. If another thread is at the same bucket, that one's is kept: any
    /// will do, and nothing waits.
    pub(super) fn keep(&self, outcome: Outcome, took: Duration, trace_id: String) {
        let seconds = took.as_secs_f64();
        let bounds = request_buckets();
        let at = bounds.partition_point(|bound| *bound < seconds);
        let new = || (0..=bounds.len()).map(|_| Mutex::default()).collect();
        let bucket = self.0[outcome].get_or_init(new).get(at);
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
        for outcome in Outcome::VARIANTS {
            let buckets = self.0[*outcome].get().into_iter().flatten();
            let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
            for (bucket, bound) in buckets.zip(bounds) {
                if let Some(exemplar) = bucket.lock().clone() {
                    let result: &str = (*outcome).into();
                    let series = format!("{name}_bucket{{result=\"{result}\",le=\"{bound}\"}}");
                    all.insert(series, exemplar);
                }
            }
        }
        all
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
            kept.keep(outcome, took, trace.to_owned());
        }
        let all = kept.all("x");
        let trace = |series: &str| all.get(series).map(|kept| kept.trace_id.as_str());
        assert_eq!(all.len(), 4);
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
