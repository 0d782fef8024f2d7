//! The feeders on the metrics page.

use switchyard_telemetry::{Label, Number, Page};

use super::{FeederState, FeederView, Feeders};
use crate::clock::Moment;
use crate::metrics::by_variant;
use std::time::Duration;

/// The label with a feeder's name.
const FEEDER: &str = "feeder";

impl Feeders {
    /// Writes the gauges of all feeders as they are `now`, and the counters of their meters.
    pub(crate) fn write(&self, page: &mut Page, now: Moment, stale_after: Duration) {
        if self.all().is_empty() {
            return;
        }
        let views = self.views(now, stale_after);
        let all: Vec<_> = views.map(|view| (Label::new(view.name), view)).collect();
        let mut write = Writer { page, all: &all };
        write.gauges(
            "feeder_load",
            "The load of a feeder as its meter measured it last; without a meter, as the gauges of its substations have it together. Absent before a first sample.",
            |view| view.current_load,
        );
        write.gauges(
            "feeder_estimated_load",
            "The estimated load of a feeder now.",
            |view| Some(view.estimated_load),
        );
        write.gauges(
            "feeder_capacity",
            "The capacity of a feeder, as configured or measured. Absent where none is known.",
            |view| view.capacity,
        );
        write.gauges(
            "feeder_limit",
            "The limit in force of a feeder. Absent where there is none.",
            |view| view.limit,
        );
        write.gauges(
            "feeder_sample_age_seconds",
            "How old the last sample of a feeder's meter is. Absent without a meter, and before a first sample.",
            |view| view.sample_age.map(|age| age.as_secs_f64()),
        );
        write.gauges(
            "feeder_up",
            "1 if the last sample of a feeder's meter is fresh, or it has no meter; 0 while its meter is silent, so that its load is extrapolated.",
            |view| Some(view.state == FeederState::Up),
        );
        let metered = self
            .all()
            .iter()
            .filter_map(|one| Some((one, one.meter()?)));
        let metered: Vec<_> = metered
            .map(|(feeder, meter)| (Label::new(feeder.name()), meter))
            .collect();
        let mut family = page.counters(
            "feeder_polls_total",
            "Scrapes of a feeder's meter, by outcome.",
        );
        by_variant(&mut family, (FEEDER, "outcome"), &metered, |meter| {
            meter.polls()
        });
    }
}

struct Writer<'p, 'v> {
    page: &'p mut Page,
    all: &'v [(Label<'v>, FeederView<'v>)],
}

impl Writer<'_, '_> {
    /// One gauge of each feeder that has a value for it.
    fn gauges<N: Number>(
        &mut self,
        name: &str,
        help: &str,
        value: impl Fn(&FeederView<'_>) -> Option<N>,
    ) {
        let lines = self.all.iter();
        let lines = lines.filter_map(|(label, view)| Some((label, value(view)?)));
        self.page.gauges(name, help).lines(FEEDER, None, lines);
    }
}
