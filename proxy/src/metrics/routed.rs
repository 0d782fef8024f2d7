//! Series of requests of routes: they have the label `route`, and those of all others don't.
//!
//! Both are one family. What is counted without a route is counted as if there were none, at the same cost.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};
use switchyard_telemetry::{Error, Registrar};

/// The label.
const ROUTE: &str = "route";

/// A family of which some series have the label.
#[derive(Clone, Debug)]
pub(super) struct WithRoutes<C> {
    /// Those without it.
    pub(super) others: C,
    /// Those with it, which is the last of their labels.
    pub(super) routed: C,
}

impl WithRoutes<IntCounterVec> {
    /// Counters with these labels.
    pub(super) fn counters(
        make: Registrar<'_>,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<Self, Error> {
        let options = || Opts::new(name, help);
        make.add(Self {
            others: IntCounterVec::new(options(), labels)?,
            routed: IntCounterVec::new(options(), &with_route(labels))?,
        })
    }
}

impl WithRoutes<HistogramVec> {
    /// Histograms with these labels and upper bounds.
    pub(super) fn histograms(
        make: Registrar<'_>,
        name: &str,
        help: &str,
        labels: &[&str],
        buckets: &[f64],
    ) -> Result<Self, Error> {
        let options = || HistogramOpts::new(name, help).buckets(buckets.to_vec());
        make.add(Self {
            others: HistogramVec::new(options(), labels)?,
            routed: HistogramVec::new(options(), &with_route(labels))?,
        })
    }
}

impl<C: Collector> Collector for WithRoutes<C> {
    fn desc(&self) -> Vec<&Desc> {
        // One name has one description in a registry: that of the series which are there without routes too.
        self.others.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // The registry makes one family of those with the same name.
        let mut families = self.others.collect();
        families.extend(self.routed.collect());
        families
    }
}

fn with_route<'a>(labels: &[&'a str]) -> Vec<&'a str> {
    [labels, &[ROUTE]].concat()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use switchyard_wire::{Code, Outcome};

    use crate::metrics::Metrics;

    #[test]
    fn requests_of_routes_count_in_the_totals_of_all() {
        let metrics = Metrics::new().unwrap();
        let requests = &metrics.requests;
        let took = Duration::from_millis(1);
        requests.ended(200, Outcome::Booked, took);
        for (route, status) in [("/a", 200), ("/b", 200), ("/b", 302)] {
            requests.ended_at(route, status, Outcome::Booked, took);
        }
        requests.ended_at("/b", 404, Outcome::Answered, took);
        requests.rejected("no_match");
        requests.rejected_at("/a", "no_match");
        requests.rejected_at("/b", "no_match");
        let totals = requests.totals();
        assert_eq!(totals.ended.iter().sum::<u64>(), 5);
        assert_eq!(totals.ended[Outcome::Booked as usize], 4);
        let (_, all) = totals.durations.last().unwrap();
        assert_eq!(*all, 5);
        let no_match = totals
            .errors
            .iter()
            .find(|(code, _)| *code == Code::NoMatch.name());
        assert_eq!(no_match, Some(&("no_match", 3)));
    }
}
