//! The grid as gauges. They are set when the metrics page is rendered, so they cost nothing between
//! scrapes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use prometheus::{GaugeVec, IntGauge, IntGaugeVec};
use strum::VariantArray;
use switchyard_telemetry::{Error, Registrar};

use crate::{grid::Grid, state::SubstationState};

/// The metric families.
#[derive(Debug)]
pub struct GridGauges {
    in_flight: IntGaugeVec,
    request_limit: IntGaugeVec,
    observed: GaugeVec,
    estimated: GaugeVec,
    unseen: GaugeVec,
    capacity: GaugeVec,
    sampled_at: GaugeVec,
    state: IntGaugeVec,
    can_scrape: IntGaugeVec,
    can_charge: IntGaugeVec,
    share: GaugeVec,
    panic: IntGauge,
    /// The configuration version whose substations have series.
    mirrored: AtomicU64,
}

impl GridGauges {
    /// Creates and registers the families. Fails if one is registered already.
    pub fn register(make: Registrar<'_>) -> Result<Self, Error> {
        let one = &["substation"];
        Ok(Self {
            in_flight: make.int_gauges(
                "upstream_in_flight",
                "Charges that wait for a substation's answer.",
                one,
            )?,
            request_limit: make.int_gauges(
                "upstream_request_limit",
                "The most requests that may be under way to a substation. 0 while there is no limit.",
                one,
            )?,
            observed: make.gauges(
                "substation_observed_load",
                "The load gauge as last sampled, in its own unit. Absent before a first sample.",
                one,
            )?,
            estimated: make.gauges(
                "substation_estimated_load",
                "The estimated load now: the last sample and the unseen load.",
                one,
            )?,
            unseen: make.gauges(
                "substation_unseen_load",
                "The part of the estimate that the last sample can't include.",
                one,
            )?,
            capacity: make.gauges(
                "substation_known_capacity",
                "The capacity that choices use. Absent where none is known.",
                one,
            )?,
            sampled_at: make.gauges(
                "load_sample_timestamp_seconds",
                "When the last sample arrived, in seconds since the Unix epoch.",
                one,
            )?,
            state: make.int_gauges(
                "substation_state",
                "1 for the state a substation is in, 0 for the others.",
                &["substation", "state"],
            )?,
            can_scrape: make.int_gauges(
                "substation_can_scrape",
                "1 if the last scrape brought a sample.",
                one,
            )?,
            can_charge: make.int_gauges(
                "substation_can_charge",
                "1 if requests are sent to it.",
                one,
            )?,
            share: make.gauges(
                "substation_share",
                "The part of its share that it gets: 1 except during slow start.",
                one,
            )?,
            panic: make.gauge(
                "panic_mode",
                "1 while too few substations are in rotation and ejected ones are used too.",
            )?,
            mirrored: AtomicU64::new(0),
        })
    }

    /// Removes the series, because their substations may be gone.
    fn clear_gauges(&self) {
        let floats = [
            &self.observed,
            &self.estimated,
            &self.unseen,
            &self.capacity,
            &self.sampled_at,
            &self.share,
        ];
        for gauge in floats {
            gauge.reset();
        }
        for gauge in [
            &self.in_flight,
            &self.request_limit,
            &self.state,
            &self.can_scrape,
            &self.can_charge,
        ] {
            gauge.reset();
        }
    }

    /// Sets the gauges to the grid as it is now. `version` is that of its configuration.
    pub fn mirror(&self, grid: &Grid, version: u64) {
        self.panic.set(i64::from(grid.is_panicking()));
        if self.mirrored.swap(version, Relaxed) != version {
            self.clear_gauges();
        }
        for view in grid.views() {
            let name = &[view.name];
            let in_flight = i64::try_from(view.in_flight).unwrap_or(i64::MAX);
            self.in_flight.with_label_values(name).set(in_flight);
            let request_limit = self.request_limit.with_label_values(name);
            request_limit.set(view.request_limit.map_or(0, i64::from));
            let set = |family: &GaugeVec, value| family.with_label_values(name).set(value);
            set(&self.estimated, view.estimated_load);
            set(&self.unseen, view.unseen_load);
            set(&self.share, view.rotation.share);
            if let Some(load) = view.current_load {
                set(&self.observed, load);
            }
            if let Some(capacity) = view.capacity {
                set(&self.capacity, capacity);
            }
            if let Some(at) = view.sampled_at {
                set(&self.sampled_at, grid.clock().unix_seconds(at));
            }
            let can_scrape = self.can_scrape.with_label_values(name);
            can_scrape.set(i64::from(view.can_scrape));
            let can_charge = self.can_charge.with_label_values(name);
            can_charge.set(i64::from(view.rotation.is_in_rotation));
            for state in SubstationState::VARIANTS {
                let gauge = self.state.with_label_values(&[view.name, state.name()]);
                gauge.set(i64::from(*state == view.state));
            }
        }
    }
}
