//! One substation: its name, its ledger, its health and the counters of its traffic.
//!
//! It outlives the configurations that list it. While its name and address stay, a reload changes
//! it in place, so its ledger and its health go on.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use switchyard_balance::{Ledger, Load, Standing};
use tracing::{info, warn};

use switchyard_config::{self as config, Config};
use switchyard_http1::{RequestHead, Unencodable};
use switchyard_idempotency::{HolderId, KeyHash};
use switchyard_transport::{Reason, Transport};

use crate::{
    blame::Trace,
    capacity::ConfiguredCapacity,
    clock::Moment,
    drain::Drain,
    fleet_counts::FleetCounts,
    metrics::SubstationMetrics,
    naming::{Naming, PublicName},
    outlier_detection::{HealthChange, Stage},
    rotation_state::{RotationEvent, RotationState, RotationView},
    sample_times::SampleTimes,
    state::SubstationState,
};

mod carry;
mod tls;

/// Identifies a substation while the process runs. Its position in the grid changes with the
/// configuration, and another substation may get its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u64);

impl Id {
    /// An id that nothing else has.
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Relaxed))
    }

    /// The id with this number.
    #[cfg(test)]
    pub(super) const fn of(number: u64) -> Self {
        Self(number)
    }

    /// The id as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What a scrape shows about the connection to a substation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// It answered.
    Yes,
    /// No connection could be made, or it broke.
    No,
    /// No answer came in time, or this process could not ask. Only the metrics page may be at
    /// fault, or this process.
    Unclear,
}

/// One substation of the grid.
#[derive(Debug)]
pub struct Substation {
    ledger: Ledger,
    id: Id,
    name: Arc<str>,
    naming: Naming,
    address: SocketAddr,
    holder_id: Arc<HolderId>,
    rank_seed: u64,
    configured_capacity: ConfiguredCapacity,
    charge_head: ArcSwap<RequestHead>,
    authority: ArcSwap<String>,
    rotation_state: RotationState,
    times: SampleTimes,
    is_reachable: AtomicBool,
    can_scrape: AtomicBool,
    transport: Arc<Transport>,
    /// Why the last TLS connection could not be made, until one could.
    tls_fault: Mutex<Option<Reason>>,
    metrics: Arc<SubstationMetrics>,
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
    /// A substation that takes no requests until [`Substation::join`].
    ///
    /// Fails if the path of charges can't be encoded, which a checked configuration rules out.
    pub(super) fn new(
        listed: &config::Substation,
        config: &Config,
        metrics: Arc<SubstationMetrics>,
        counts: &Arc<FleetCounts>,
    ) -> Result<Self, Unencodable> {
        let configured_capacity = listed.capacity.and_then(Load::new);
        let charge_head = charge_head(listed, config)?;
        let id = Id::next();
        let holder_id = HolderId {
            name: Arc::clone(metrics.name()),
            address: listed.address,
        };
        let ledger = Ledger::new(configured_capacity);
        // A new ledger is in rotation, and one that drains from its first moment would stay there.
        ledger.set_standing(Standing::Out);
        Ok(Self {
            ledger,
            id,
            name: Arc::clone(metrics.name()),
            naming: Naming::new(&listed.name, id.get()),
            address: listed.address,
            rank_seed: KeyHash::of(holder_id.to_string().as_bytes()).number(),
            holder_id: Arc::new(holder_id),
            configured_capacity: ConfiguredCapacity::new(configured_capacity),
            charge_head: ArcSwap::from_pointee(charge_head),
            authority: ArcSwap::from_pointee(listed.authority()),
            rotation_state: RotationState::new(&config.health, Arc::clone(counts)),
            times: SampleTimes::default(),
            is_reachable: AtomicBool::new(true),
            can_scrape: AtomicBool::new(false),
            transport: Arc::default(),
            tls_fault: Mutex::default(),
            metrics,
        })
    }

    /// Becomes a member of the grid under the rules of `config`, or stays one. Its ledger and its
    /// health stay. `drain` says why it gets no new sessions, if it gets none.
    pub(super) fn join(
        &self,
        listed: &config::Substation,
        config: &Config,
        drain: Option<Arc<Drain>>,
        now: Moment,
    ) -> Result<Option<RotationEvent>, Unencodable> {
        self.charge_head
            .store(Arc::new(charge_head(listed, config)?));
        self.authority.store(Arc::new(listed.authority()));
        let capacity = listed.capacity.and_then(Load::new);
        if self.configured_capacity.set(capacity) {
            self.ledger.set_capacity(capacity);
        }
        let rules = &config.health;
        Ok(self.rotation_state.join(&self.ledger, rules, drain, now))
    }

    /// Drains it, for that reason, or undrains it.
    pub(super) fn set_drain(
        &self,
        drain: Option<Arc<Drain>>,
        now: Moment,
    ) -> Option<RotationEvent> {
        self.rotation_state.set_drain(&self.ledger, drain, now)
    }

    /// Sets the limit in force.
    pub(super) fn set_limit(&self, limit: Option<Load>) {
        if self.ledger.limit() != limit {
            self.ledger.set_limit(limit);
        }
    }

    /// Ceases to be a member: it gets no new sessions and no scrapes, and its feeder counts it no more.
    pub(super) fn leave(&self, now: Moment) {
        self.rotation_state.leave(&self.ledger, now);
        self.ledger.leave_feeders();
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> Id {
        self.id
    }

    /// Its name, unique in the grid. Where discovery found no name, it is the address: for operators, not for clients.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name for clients, which is never an address.
    #[must_use]
    pub fn public_name(&self) -> Guard<Arc<PublicName>> {
        self.naming.public()
    }

    /// The name that it calls itself, and that the ids of its sessions begin with; `None` until that is known.
    #[must_use]
    pub fn own_name(&self) -> Option<Arc<String>> {
        self.naming.own()
    }

    pub(crate) fn naming(&self) -> &Naming {
        &self.naming
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What requests to it carry as `host`.
    #[must_use]
    pub fn authority(&self) -> Guard<Arc<String>> {
        self.authority.load()
    }

    /// What other processes with the same configuration know it by.
    #[must_use]
    pub fn holder_id(&self) -> &Arc<HolderId> {
        &self.holder_id
    }

    /// Its rank for the key with this number: the same at every proxy, and another for every key.
    #[must_use]
    pub fn rank_for(&self, key: u64) -> u64 {
        // The last steps of SplitMix64: every bit of either number changes half of the result.
        let mut rank = key ^ self.rank_seed;
        rank = (rank ^ (rank >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        rank = (rank ^ (rank >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        rank ^ (rank >> 31)
    }

    /// Its ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Its name, to keep: it outlives the substation.
    #[must_use]
    pub fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The first bytes of every charge to it.
    #[must_use]
    pub fn charge_head(&self) -> Guard<Arc<RequestHead>> {
        self.charge_head.load()
    }

    /// The counters of its traffic.
    #[must_use]
    pub fn metrics(&self) -> &Arc<SubstationMetrics> {
        &self.metrics
    }

    /// When its last sample arrived.
    #[must_use]
    pub fn sampled_at(&self) -> Option<Moment> {
        self.times.sampled()
    }

    /// Its state at `now`.
    #[must_use]
    pub fn state(&self, now: Moment, stale_after: Duration) -> SubstationState {
        let view = self.view(now);
        if view.drain.is_some() {
            return SubstationState::Draining;
        }
        if view.is_unreachable || !self.is_reachable() {
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

    /// Whether it has a sample, and that is older than `stale_after`.
    pub(super) fn is_stale(&self, now: Moment, stale_after: Duration) -> bool {
        self.times.is_stale(now, stale_after)
    }

    /// Everything that decides about its rotation, at `now`.
    #[must_use]
    pub fn view(&self, now: Moment) -> RotationView {
        self.rotation_state.view(now)
    }

    /// Whether its last scrape brought a sample.
    #[must_use]
    pub fn can_scrape(&self) -> bool {
        self.can_scrape.load(Relaxed)
    }

    /// Whether the last scrape that could tell reached it; true before the first.
    pub(super) fn is_reachable(&self) -> bool {
        self.is_reachable.load(Relaxed)
    }

    pub(super) fn trace(&self) -> &Trace {
        self.rotation_state.trace()
    }

    pub(super) fn rotation_state(&self) -> &RotationState {
        &self.rotation_state
    }

    /// Counts a change of its rotation, and logs it unless a drain begins or ends: who said so is known elsewhere.
    pub(super) fn announce(&self, event: RotationEvent) {
        let substation = &*self.name;
        let to = match event {
            RotationEvent::Health(HealthChange::Ejected(cause, lasts)) => {
                warn!(substation, ?cause, ?lasts, "Substation ejected");
                Some(SubstationState::Ejected)
            }
            RotationEvent::Health(HealthChange::Trial) => {
                info!(
                    substation,
                    "Substation's ejection is over: its next request is the trial"
                );
                None
            }
            RotationEvent::Health(HealthChange::Readmitted) => {
                info!(
                    substation,
                    "Substation is back in rotation, with slow start"
                );
                Some(SubstationState::Up)
            }
            RotationEvent::Excused(_) => None,
            RotationEvent::Drained => Some(SubstationState::Draining),
            RotationEvent::Undrained => Some(SubstationState::Up),
        };
        if let Some(to) = to {
            self.metrics.transition(to);
        }
    }

    /// Records whether a scrape reached it.
    pub(super) fn scraped(&self, reach: Reach, now: Moment) -> Option<RotationEvent> {
        self.set_can_scrape(self.sampled_at() == Some(now));
        self.probed(reach, now)
    }

    /// Says whether its gauge could be read last.
    pub(super) fn set_can_scrape(&self, can_scrape: bool) {
        self.can_scrape.store(can_scrape, Relaxed);
    }

    /// Records whether a scrape or a connect reached it.
    pub(super) fn probed(&self, reach: Reach, now: Moment) -> Option<RotationEvent> {
        match reach {
            Reach::Yes => {
                self.naming.note_heard();
                self.note_reach(true);
            }
            Reach::No => self.note_reach(false),
            Reach::Unclear => {}
        }
        let failed = (reach == Reach::No)
            .then(|| self.rotation_state.unreachable(&self.ledger, now))
            .flatten();
        failed.or_else(|| {
            self.rotation_state
                .tick(&self.ledger, reach == Reach::Yes, now)
        })
    }

    /// Records that time has passed.
    pub(super) fn tick(&self, now: Moment) -> Option<RotationEvent> {
        self.rotation_state.tick(&self.ledger, false, now)
    }

    fn note_reach(&self, reached: bool) {
        let was_reachable = self.is_reachable.swap(reached, Relaxed);
        if was_reachable && !reached {
            self.metrics.transition(SubstationState::Down);
            warn!(substation = &*self.name, address = %self.address, "Substation unreachable");
        } else if reached && !was_reachable {
            self.metrics.transition(SubstationState::Up);
            info!(substation = &*self.name, "Substation reachable again");
        }
    }

    /// Notes a sample that came `now`; `asked` is when its scrape was begun, if it is from a scrape.
    pub(super) fn stamp_sample(&self, now: Moment, asked: Option<Moment>) {
        self.times.stamp(now, asked);
        self.rotation_state.sampled(&self.ledger, now, now);
    }

    /// Notes a sample that was taken `then`, and told `now`.
    pub(super) fn stamp_past_sample(&self, then: Moment, now: Moment) {
        self.times.stamp(then, Some(then));
        self.rotation_state.sampled(&self.ledger, then, now);
    }

    /// The configured capacity, which takes precedence over its gauge.
    pub(super) fn configured_capacity(&self) -> Option<Load> {
        self.configured_capacity.get()
    }
}

/// The first bytes of every charge to it.
fn charge_head(listed: &config::Substation, config: &Config) -> Result<RequestHead, Unencodable> {
    RequestHead::new("POST", &config.charge.upstream_path, &listed.authority())
}
