//! One substation: its name, its ledger, its health and the handles that its traffic is counted by.
//!
//! It outlives the configurations that list it: as long as its name and its address stay, it is the same one, and what
//! a reload changes of it is changed in place.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use http::HeaderValue;
use switchyard_balance::{Ledger, Load};
use tracing::{info, warn};

use switchyard_config::{self as config, Config};
use switchyard_http1::{RequestHead, Unencodable};

use crate::{
    clock::Moment,
    fleet_counts::FleetCounts,
    metrics::{GridMetrics, SubstationMetrics},
    outlier_detection::{ExchangeVerdict, HealthChange, Stage},
    rotation_state::{RotationEvent, RotationState, RotationView},
    state::SubstationState,
};

/// Which substation it is, for as long as the process runs. A position in the grid changes with the configuration,
/// a name may be given to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u64);

impl Id {
    /// The number behind it.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// No sample yet, as a moment.
const NEVER: u64 = u64::MAX;

/// No capacity is configured.
const NO_CAPACITY: i64 = -1;

/// What a scrape says of the way to a substation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It answered.
    Yes,
    /// No connection could be made, or it broke.
    No,
    /// Nothing came in time.
    Unclear,
}

/// One substation of the grid.
#[derive(Debug)]
pub struct Substation {
    ledger: Ledger,
    id: Id,
    name: String,
    name_header: HeaderValue,
    address: SocketAddr,
    /// In millionths; [`NO_CAPACITY`] where the configuration says none.
    configured_capacity: AtomicI64,
    charge_head: ArcSwap<RequestHead>,
    rotation_state: RotationState,
    sampled_at: AtomicU64,
    is_reachable: AtomicBool,
    can_scrape: AtomicBool,
    metrics: SubstationMetrics,
}

impl AsRef<Ledger> for Substation {
    fn as_ref(&self) -> &Ledger {
        &self.ledger
    }
}

impl PartialEq for Substation {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Substation {
    /// One that is chosen by nobody yet: see [`Substation::join`].
    ///
    /// The path was checked with the configuration, so this fails for nobody who came through there.
    pub(super) fn new(
        listed: &config::Substation,
        config: &Config,
        metrics: &GridMetrics,
        counts: &Arc<FleetCounts>,
    ) -> Result<Self, Unencodable> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let configured_capacity = listed.capacity.and_then(Load::new);
        let charge_head = charge_head(listed, config)?;
        Ok(Self {
            ledger: Ledger::new(configured_capacity),
            id: Id(NEXT.fetch_add(1, Relaxed)),
            name: listed.name.clone(),
            // The configuration only lets header-safe names through.
            name_header: HeaderValue::from_str(&listed.name)
                .unwrap_or(HeaderValue::from_static("unnamed")),
            address: listed.address,
            configured_capacity: AtomicI64::new(millionths(configured_capacity)),
            charge_head: ArcSwap::from_pointee(charge_head),
            rotation_state: RotationState::new(&config.health, Arc::clone(counts)),
            sampled_at: AtomicU64::new(NEVER),
            is_reachable: AtomicBool::new(true),
            can_scrape: AtomicBool::new(false),
            metrics: metrics.substation(&listed.name),
        })
    }

    /// Takes part from now on, as `config` wants it, or goes on doing so. Its ledger, its health and an operator's word
    /// stay.
    pub(super) fn join(
        &self,
        listed: &config::Substation,
        config: &Config,
        now: Moment,
    ) -> Result<(), Unencodable> {
        self.charge_head
            .store(Arc::new(charge_head(listed, config)?));
        let capacity = listed.capacity.and_then(Load::new);
        let before = self.configured_capacity.swap(millionths(capacity), Relaxed);
        if before != millionths(capacity) {
            self.ledger.set_capacity(capacity);
        }
        self.rotation_state.join(&self.ledger, &config.health, now);
        Ok(())
    }

    /// Takes no further part: no new sessions, no scrapes.
    pub(super) fn leave(&self, now: Moment) {
        self.rotation_state.leave(&self.ledger, now);
    }

    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// Its name, unique in the grid.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name as the value of `x-substation`.
    #[must_use]
    pub fn name_header(&self) -> &HeaderValue {
        &self.name_header
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its account.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The first bytes of every charge that is sent to it.
    #[must_use]
    pub fn charge_head(&self) -> Guard<Arc<RequestHead>> {
        self.charge_head.load()
    }

    /// The counters of its traffic.
    #[must_use]
    pub fn metrics(&self) -> &SubstationMetrics {
        &self.metrics
    }

    /// When its last sample arrived.
    #[must_use]
    pub fn sampled_at(&self) -> Option<Moment> {
        match self.sampled_at.load(Relaxed) {
            NEVER => None,
            millis => Some(Moment::from_millis(millis)),
        }
    }

    /// How it is doing at `now`.
    #[must_use]
    pub fn state(&self, now: Moment, stale_after: Duration) -> SubstationState {
        let view = self.view(now);
        if view.is_draining {
            return SubstationState::Draining;
        }
        if view.is_unreachable || !self.is_reachable.load(Relaxed) {
            return SubstationState::Down;
        }
        if view.stage != Stage::In {
            return SubstationState::Ejected;
        }
        match self.sampled_at() {
            None => SubstationState::Unknown,
            Some(_) if self.is_stale(now, stale_after) => SubstationState::Stale,
            Some(_) => SubstationState::Up,
        }
    }

    /// Whether it has been sampled, and not for longer than `stale_after`.
    pub(super) fn is_stale(&self, now: Moment, stale_after: Duration) -> bool {
        self.sampled_at()
            .is_some_and(|at| now.since(at) > stale_after)
    }

    /// All that its rotation is decided by, at `now`.
    #[must_use]
    pub fn view(&self, now: Moment) -> RotationView {
        self.rotation_state.view(now)
    }

    /// Whether its last scrape brought a sample.
    #[must_use]
    pub fn can_scrape(&self) -> bool {
        self.can_scrape.load(Relaxed)
    }

    pub(super) fn rotation_state(&self) -> &RotationState {
        &self.rotation_state
    }

    /// Counts and logs what has just become of it.
    pub(super) fn announce(&self, news: RotationEvent) {
        let substation = self.name.as_str();
        let to = match news {
            RotationEvent::Health(HealthChange::Ejected(cause, lasts)) => {
                warn!(substation, ?cause, ?lasts, "Ejected");
                Some(SubstationState::Ejected)
            }
            RotationEvent::Health(HealthChange::Trial) => {
                info!(substation, "On trial: the next request decides");
                None
            }
            RotationEvent::Health(HealthChange::Back) => {
                info!(substation, "Back in rotation, slowly");
                Some(SubstationState::Up)
            }
            RotationEvent::Drained => {
                info!(substation, "Draining: no new sessions");
                Some(SubstationState::Draining)
            }
            RotationEvent::Undrained => {
                info!(substation, "No longer draining");
                Some(SubstationState::Up)
            }
        };
        if let Some(to) = to {
            self.metrics.transition(to);
        }
    }

    /// Takes word of whether a scrape reached it.
    pub(super) fn scraped(&self, reach: Reach, now: Moment) -> Option<RotationEvent> {
        let has_sample = self.sampled_at.load(Relaxed) == now.millis();
        self.can_scrape.store(has_sample, Relaxed);
        match reach {
            Reach::Yes => self.note_reach(true),
            Reach::No => self.note_reach(false),
            Reach::Unclear => {}
        }
        let failed = (reach == Reach::No)
            .then(|| {
                self.rotation_state
                    .failure(&self.ledger, ExchangeVerdict::Unreachable, now)
            })
            .flatten();
        failed.or_else(|| {
            self.rotation_state
                .tick(&self.ledger, reach == Reach::Yes, now)
        })
    }

    fn note_reach(&self, reached: bool) {
        let was_reachable = self.is_reachable.swap(reached, Relaxed);
        if was_reachable && !reached {
            self.metrics.transition(SubstationState::Down);
            warn!(substation = self.name, address = %self.address, "Can't be reached");
        } else if reached && !was_reachable {
            self.metrics.transition(SubstationState::Up);
            info!(substation = self.name, "Reached again");
        }
    }

    pub(super) fn stamp_sample(&self, now: Moment) {
        self.sampled_at.store(now.millis(), Relaxed);
        self.rotation_state.sampled(&self.ledger, now);
    }

    /// What its configuration says of its capacity, which goes before its gauge.
    pub(super) fn configured_capacity(&self) -> Option<Load> {
        match self.configured_capacity.load(Relaxed) {
            NO_CAPACITY => None,
            micros => Some(Load::from_micros(micros)),
        }
    }
}

/// [`Substation::configured_capacity`] for an atomic.
fn millionths(capacity: Option<Load>) -> i64 {
    capacity.map_or(NO_CAPACITY, Load::micros)
}

/// The first bytes of every charge that is sent to it.
fn charge_head(listed: &config::Substation, config: &Config) -> Result<RequestHead, Unencodable> {
    let host = listed.address.to_string();
    RequestHead::new("POST", &config.charge.upstream_path, &host)
}
