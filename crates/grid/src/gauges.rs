//! The grid as gauges. They are written when the metrics page is, so they cost nothing between scrapes.

use strum::VariantArray;
use switchyard_telemetry::{Label, Number, Page};

use crate::{grid::Grid, metrics::SUBSTATION, state::SubstationState, view::SubstationView};

/// All substations at one moment, and how a family of gauges is written of them.
struct Gauges<'g>(Vec<(Label<'g>, SubstationView<'g>)>);

impl Gauges<'_> {
    /// One gauge of each substation that has a value for it.
    fn write<N: Number>(
        &self,
        page: &mut Page,
        (name, help): (&str, &str),
        value: impl Fn(&SubstationView<'_>) -> Option<N>,
    ) {
        let lines = self.0.iter();
        let lines = lines.filter_map(|(label, view)| Some((label, value(view)?)));
        page.gauges(name, help).lines(SUBSTATION, None, lines);
    }

    fn write_states(&self, page: &mut Page) {
        let mut family = page.gauges(
            "substation_state",
            "1 for the state a substation is in, 0 for the others.",
        );
        for state in SubstationState::VARIANTS {
            let lines = self
                .0
                .iter()
                .map(|(label, view)| (label, view.state == *state));
            family.lines(SUBSTATION, Some(("state", state.name())), lines);
        }
    }
}

impl Grid {
    /// Writes the gauges of the grid as it is now.
    pub fn write_gauges(&self, page: &mut Page) {
        page.gauge(
            "panic_mode",
            "1 while too few substations are in rotation and ejected ones are used too.",
            self.is_panicking(),
        );
        let drained = self.drained();
        let drained = drained.map(|(source, names)| (Label::new(source.name()), names as u64));
        let lines = drained.iter().map(|(source, names)| (source, *names));
        page.gauges(
            "drains",
            "Substations that are drained, by who says so: the configuration, discovery, the fleet, or a command to this proxy alone (local). Listed or not.",
        )
        .lines("source", None, lines);
        let views = self.views().map(|view| (Label::new(view.name), view));
        let all = Gauges(views.collect());
        let family = (
            "upstream_in_flight",
            "Charges that wait for a substation's answer.",
        );
        all.write(page, family, |view| Some(view.in_flight));
        let family = (
            "upstream_request_limit",
            "The most requests that may be under way to a substation. 0 while there is no limit.",
        );
        all.write(page, family, |view| {
            Some(view.request_limit.map_or(0, u64::from))
        });
        let family = (
            "substation_observed_load",
            "The load gauge as last sampled, in its own unit. Absent before a first sample.",
        );
        all.write(page, family, |view| view.current_load);
        let family = (
            "substation_estimated_load",
            "The estimated load now: the last sample and the unseen load.",
        );
        all.write(page, family, |view| Some(view.estimated_load));
        let family = (
            "substation_unseen_load",
            "The part of the estimate that the last sample can't include.",
        );
        all.write(page, family, |view| Some(view.unseen_load));
        let family = (
            "substation_known_capacity",
            "The capacity that choices use. Absent where none is known.",
        );
        all.write(page, family, |view| view.capacity);
        let family = (
            "load_sample_timestamp_seconds",
            "When the last sample arrived, in seconds since the Unix epoch.",
        );
        let clock = self.clock();
        all.write(page, family, |view| {
            view.sampled_at.map(|at| clock.unix_seconds(at))
        });
        page.gauge(
            "load_stale_after_seconds",
            "The age from which a substation's sample is stale.",
            self.stale_after().as_secs_f64(),
        );
        all.write_states(page);
        let family = (
            "substation_can_scrape",
            "1 if the last scrape brought a sample.",
        );
        all.write(page, family, |view| Some(view.can_scrape));
        let family = (
            "substation_distrusted",
            "1 while the load gauge is not believed, because it does not show what was booked.",
        );
        all.write(page, family, |view| Some(view.is_distrusted));
        let family = ("substation_can_charge", "1 if requests are sent to it.");
        all.write(page, family, |view| Some(view.rotation.is_in_rotation));
        let family = (
            "substation_share",
            "The part of its share that it gets: 1 except during slow start.",
        );
        all.write(page, family, |view| Some(view.rotation.share));
        let family = (
            "substation_limit",
            "The limit in force of a substation. Absent where there is none.",
        );
        all.write(page, family, |view| view.limit);
        if self.polls.queries.is_some() {
            self.shared.queries.write(page);
        }
        self.write_feeders(page);
    }
}
