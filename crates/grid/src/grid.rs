//! The substations of one configuration, and the policy that chooses among them.

use std::{sync::Arc, time::Duration};

use switchyard_balance::{Lasts, Ledger, Load, Roster, Selector};
use switchyard_config::{Config, MaxRequests};
use switchyard_credentials::{Bearer, Bearers};
use switchyard_http1::Unencodable;
use switchyard_scrape::Gauges;
use switchyard_telemetry::Page;
use switchyard_transport::Trust;

use crate::{
    choice::ChoiceMetrics,
    clock::Clock,
    feeders::{Feeder, Feeders, Order},
    labels::{AllLabels, Labels},
    lasts::LastsSource,
    members::{Members, members},
    metrics::GridMetrics,
    queries::{QueryView, Source},
    report::Reports,
    shared_state::SharedState,
    state::SubstationState,
    substation::{Id, Substation},
};

/// All substations of one configuration, and the policy that chooses among them.
#[derive(Debug)]
pub struct Grid {
    pub(crate) roster: Roster<Substation>,
    pub(crate) feeders: Arc<Feeders>,
    order: Order,
    labels: AllLabels,
    selector: Selector,
    reports: Reports,
    /// As configured; `None`: by Prometheus' own interval.
    stale_after: Option<Duration>,
    meters_stale_after: Duration,
    pub(crate) max_requests: MaxRequests,
    pub(crate) polls: Polls,
    pub(crate) shared: Arc<SharedState>,
}

/// How and how often gauges are read.
#[derive(Debug)]
pub(crate) struct Polls {
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) interval: Duration,
    pub(crate) visibility_lag: Duration,
    /// Prometheus, which is asked in place of the substations.
    pub(crate) queries: Option<Arc<Source>>,
}

impl Grid {
    /// The grid of a checked configuration. No load is known until the first scrape.
    ///
    /// `seed` sets where the policy begins, if it depends on that. Fails if the path of charges
    /// can't be encoded.
    pub fn new(
        config: &Config,
        metrics: &GridMetrics,
        clock: Clock,
        seed: u64,
    ) -> Result<Self, Unencodable> {
        let shared = SharedState::new(clock, metrics);
        let members = members(&shared, config, metrics, |_, _| None)?;
        Ok(Self::of(config, members, Arc::new(shared), seed))
    }

    pub(crate) fn of(
        config: &Config,
        Members {
            substations,
            feeders,
        }: Members,
        shared: Arc<SharedState>,
        seed: u64,
    ) -> Self {
        let order = Order::of(config, &feeders);
        let listed = order.arrange(&config.substations);
        let above = listed.map(|one| feeders.position(one.feeder.as_deref()));
        let tree = feeders.tree(above.collect());
        let mut roster = Roster::in_tree(order.arrange(&substations).map(Arc::clone), tree);
        feeders.widen(config);
        if config.has_choices_among_some() {
            roster = roster.for_masks();
        }
        let usual = Load::new(config.charge.default_load).unwrap_or_default();
        Self {
            roster: roster.for_requests_of(usual),
            labels: AllLabels::of(order.arrange(&config.substations)),
            feeders,
            order,
            selector: Selector::with_seed(config.policy.into(), seed),
            reports: Reports::new(&config.load),
            stale_after: config.load.stale_after,
            meters_stale_after: config.load.scrape_stale_after(),
            max_requests: config.upstream.max_requests,
            polls: Polls {
                gauges: Arc::new(Gauges::new(&config.load)),
                interval: config.load.interval(),
                visibility_lag: config.load.visibility_lag,
                queries: Source::of(config).map(Arc::new),
            },
            shared,
        }
    }

    /// The tokens that scrapes carry, for this grid and those that follow it. To be said before the first scrape.
    pub fn use_bearers(&self, bearers: &Arc<Bearers>) {
        // A second time it would be the same.
        let _ = self.shared.bearers.set(Arc::clone(bearers));
    }

    /// The token for the pages with these gauges, if they want one.
    pub(crate) fn bearer(&self, gauges: &Gauges) -> Option<Bearer> {
        let file = gauges.credentials_file()?;
        self.shared.bearers.get()?.get(file)
    }

    /// The substations by their positions. Where there are feeders or labels, that is not the order of the configuration:
    /// see [`Grid::views`].
    #[must_use]
    pub fn substations(&self) -> &[Arc<Substation>] {
        &self.roster
    }

    /// What TLS connections to its substations and meters believe and show. It is that of all grids of this process.
    #[must_use]
    pub fn trust(&self) -> &Arc<Trust> {
        &self.shared.trust
    }

    /// The ids of its substations.
    pub fn ids(&self) -> impl Iterator<Item = Id> {
        self.substations().iter().map(|substation| substation.id())
    }

    /// The ledgers of its substations, by their ids.
    pub(crate) fn ledgers(&self) -> impl Iterator<Item = (Id, &Ledger)> {
        let all = self.substations().iter();
        all.map(|substation| (substation.id(), substation.ledger()))
    }

    /// The ledgers of its feeders' meters, by their ids.
    pub(crate) fn meters(&self) -> impl Iterator<Item = (Id, &Ledger)> {
        let metered = self.feeders().iter().filter_map(|feeder| feeder.metered());
        metered.map(|(meter, ledger)| (meter.id(), ledger))
    }

    /// The feeders in the order of the configuration, which is also that of the roster's tree.
    #[must_use]
    pub fn feeders(&self) -> &[Arc<Feeder>] {
        self.feeders.all()
    }

    /// The feeder that the substation at a position is under, if it is under one.
    #[must_use]
    pub fn feeder_of(&self, at: usize) -> Option<&Arc<Feeder>> {
        self.feeders().get(self.roster.path(at).next()?)
    }

    /// The labels of the substation at a position.
    #[must_use]
    pub fn labels(&self, at: usize) -> &Labels {
        self.labels.at(at)
    }

    /// The positions of its substations, in the order of the configuration.
    pub(crate) fn listed(&self) -> impl Iterator<Item = usize> {
        (0..self.roster.len()).map(|place| self.order.position(place))
    }

    /// The position of a substation in it; none if it has left.
    #[must_use]
    pub fn position(&self, substation: &Substation) -> Option<usize> {
        let mut all = self.substations().iter();
        all.position(|member| **member == *substation)
    }

    /// The substations as the policy sees them.
    #[must_use]
    pub fn roster(&self) -> &Roster<Substation> {
        &self.roster
    }

    /// The policy.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Records the loads that answers report.
    #[must_use]
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// The clock that samples and ejections are stamped with.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// The state of a substation now.
    #[must_use]
    pub fn state_of(&self, substation: &Substation) -> SubstationState {
        substation.state(self.shared.clock.now(), self.stale_after())
    }

    /// Whether every substation was asked for its load once, whatever came of it, and at least one could be reached. It
    /// stays so. Before that a choice is a guess which the next moment improves; after it, a gauge that is silent stays
    /// silent, and the ledger decides.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.shared.is_ready() && !self.substations().is_empty()
    }

    /// How long the load of a charge lasts, and where that is known from.
    #[must_use]
    pub fn lasts(&self) -> (Lasts, LastsSource) {
        self.shared.lasts.in_force()
    }

    /// Puts in force what the gauges have shown about how long load lasts.
    pub(crate) fn learn_lasts(&self, learned: Lasts) {
        self.shared.lasts.learn(learned);
        let (lasts, _) = self.lasts();
        for substation in self.substations() {
            substation.ledger().set_lasts(lasts);
        }
        self.feeders.set_lasts(lasts);
    }

    /// The metrics of the choices.
    #[must_use]
    pub fn choice_metrics(&self) -> &ChoiceMetrics {
        &self.shared.choice_metrics
    }

    /// Writes its feeders on the metrics page.
    pub(crate) fn write_feeders(&self, page: &mut Page) {
        self.feeders
            .write(page, self.clock().now(), self.meters_stale_after);
    }

    /// The age from which a sample of a substation is stale.
    #[must_use]
    pub fn stale_after(&self) -> Duration {
        self.stale_after.unwrap_or_else(|| {
            let interval = self.polls.interval;
            self.shared.queries.stale_after(interval)
        })
    }

    /// The age from which a sample of a meter is stale.
    pub(crate) fn meters_stale_after(&self) -> Duration {
        self.meters_stale_after
    }

    /// The time within which each substation has a new sample, if it has any.
    #[must_use]
    pub fn sample_interval(&self) -> Duration {
        match &self.polls.queries {
            None => self.polls.interval,
            Some(_) => self.shared.queries.sample_interval(self.polls.interval),
        }
    }

    /// The longest delay from the answer to a booking until a gauge shows it, the skew of clocks included.
    pub(crate) fn visibility_lag(&self) -> Duration {
        let skew = self.polls.queries.as_ref();
        let skew = skew.map_or(Duration::ZERO, |it| it.settings.max_skew);
        self.polls.visibility_lag + skew
    }

    /// How late a scrape may find what was booked: no matter where nothing is scraped.
    pub(crate) fn scrapes_lag(&self) -> Duration {
        match &self.polls.queries {
            None => self.polls.visibility_lag,
            Some(_) => Duration::ZERO,
        }
    }

    /// The substations that are scraped: all, or none where Prometheus is asked in their place.
    pub(crate) fn scraped_substations(&self) -> &[Arc<Substation>] {
        match &self.polls.queries {
            None => self.substations(),
            Some(_) => &[],
        }
    }

    /// The last round of queries; `None` where there are none.
    #[must_use]
    pub fn queries(&self) -> Option<QueryView> {
        let source = self.polls.queries.as_ref()?;
        Some(self.shared.queries.view(&source.settings.url))
    }

    /// Marks in each ledger, for the next choices, whether its sample is stale.
    pub(crate) fn note_stale(&self) {
        let now = self.shared.clock.now();
        let stale_after = self.stale_after();
        for substation in self.substations() {
            let is_stale = substation.is_stale(now, stale_after);
            substation.ledger().set_stale(is_stale);
        }
    }

    /// Whether panic mode is on: too few are in rotation, so those ejected for failing are used as
    /// well.
    #[must_use]
    pub fn is_panicking(&self) -> bool {
        self.shared.is_panicking()
    }
}
