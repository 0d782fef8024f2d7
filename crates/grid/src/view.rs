//! One substation at one moment, for `/status`, the live page and the metrics page.

use std::{net::SocketAddr, time::Duration};

use switchyard_balance::Load;

use crate::{
    clock::Moment, feeders::FeederView, grid::Grid, labels::Labels, rotation_state::RotationView,
    state::SubstationState, substation::Substation,
};

/// See the [module](self). Loads are in the unit of the load gauge.
#[derive(Clone, Debug)]
pub struct SubstationView<'a> {
    /// The substation itself.
    pub substation: &'a Substation,
    /// Unique in the grid.
    pub name: &'a str,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// Its state.
    pub state: SubstationState,
    /// As last sampled.
    pub current_load: Option<f64>,
    /// Its capacity, if known.
    pub capacity: Option<f64>,
    /// When its last sample arrived.
    pub sampled_at: Option<Moment>,
    /// How old that sample is.
    pub sample_age: Option<Duration>,
    /// The estimate of its load now.
    pub estimated_load: f64,
    /// The part of the estimate that the sample can't include.
    pub unseen_load: f64,
    /// Requests that wait for its answer.
    pub in_flight: u64,
    /// The most requests that may wait for it, if there is a limit.
    pub request_limit: Option<u32>,
    /// Requests that were ever assigned to it: a count, not a load.
    pub assigned_total: u64,
    /// Whether its gauge is not believed, because it does not show what was booked.
    pub is_distrusted: bool,
    /// Whether its last scrape brought a sample.
    pub can_scrape: bool,
    /// Everything that decides about its rotation.
    pub rotation: RotationView,
    /// The feeder that it is under, if it is under one.
    pub feeder: Option<&'a str>,
    /// Its labels, as written.
    pub labels: &'a Labels,
    /// The limit in force, if there is one.
    pub limit: Option<f64>,
}

impl Grid {
    /// `substation` at `now`.
    #[must_use]
    pub fn view<'a>(&'a self, substation: &'a Substation, now: Moment) -> SubstationView<'a> {
        // Beyond the last one if it has left: then it has no feeder, and no labels.
        let at = self.position(substation).unwrap_or(usize::MAX);
        self.view_as(at, substation, now)
    }

    /// `substation`, which has the position `at`, at `now`.
    fn view_as<'a>(
        &'a self,
        at: usize,
        substation: &'a Substation,
        now: Moment,
    ) -> SubstationView<'a> {
        let ledger = substation.ledger();
        let sampled_at = substation.sampled_at();
        SubstationView {
            substation,
            name: substation.name(),
            address: substation.address(),
            state: self.state_of(substation),
            current_load: ledger.value().map(Load::units),
            capacity: ledger.capacity().map(Load::units),
            sampled_at,
            sample_age: sampled_at.map(|at| now.since(at)),
            estimated_load: ledger.estimate().units(),
            unseen_load: ledger.unseen().units(),
            in_flight: ledger.in_flight(),
            request_limit: ledger.request_limit().requests(),
            assigned_total: ledger.reservations(),
            is_distrusted: ledger.is_distrusted(),
            can_scrape: substation.can_scrape(),
            rotation: substation.view(now),
            feeder: self.feeder_of(at).map(|feeder| feeder.name()),
            labels: self.labels(at),
            limit: ledger.limit().map(Load::units),
        }
    }

    /// All substations at this moment, in the order of the configuration.
    pub fn views(&self) -> impl Iterator<Item = SubstationView<'_>> {
        let now = self.clock().now();
        self.listed().filter_map(move |at| {
            let substation = self.substations().get(at)?;
            Some(self.view_as(at, substation, now))
        })
    }

    /// All feeders at this moment, in the order of the configuration.
    pub fn feeder_views(&self) -> impl Iterator<Item = FeederView<'_>> {
        self.feeders
            .views(self.clock().now(), self.meters_stale_after())
    }
}
