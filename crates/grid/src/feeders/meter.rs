//! The meter of a feeder: where it is read, and what came of it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use enum_map::EnumMap;
use strum::IntoStaticStr;
use switchyard_config::{Aggregate, FeederLoad};
use switchyard_scrape::{Gauges, PollOutcome};
use switchyard_telemetry::Count;
use switchyard_transport::Transport;

use crate::{clock::Moment, sample_times::SampleTimes, substation::Id};

/// The state of a feeder, for people and alerts: that of its meter, as of a substation's gauge.
#[derive(Clone, Copy, Debug, Eq, IntoStaticStr, PartialEq)]
#[strum(serialize_all = "snake_case")]
pub enum FeederState {
    /// Its samples are fresh, or it has no meter.
    Up,
    /// Its last sample is old; its ledger goes on.
    Stale,
    /// Its meter is unreachable.
    Down,
    /// Its meter has never been read: it is the sum of its members.
    Unknown,
}

impl FeederState {
    /// Its name in `/status`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Where and how a meter is read.
#[derive(Debug)]
pub(crate) struct MeterSettings {
    pub(crate) gauges: Gauges,
    pub(crate) address: SocketAddr,
    /// What scrapes carry as `host`.
    pub(crate) authority: String,
    /// The time from one scrape to the next.
    pub(crate) interval: Duration,
    /// As configured.
    load: FeederLoad,
}

impl MeterSettings {
    fn new(load: &FeederLoad) -> Arc<Self> {
        Arc::new(Self {
            gauges: Gauges::of_feeder(load),
            address: load.address,
            authority: load.authority(),
            interval: load.interval,
            load: load.clone(),
        })
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Meter {
    id: Id,
    settings: ArcSwap<MeterSettings>,
    transport: Arc<Transport>,
    times: SampleTimes,
    is_reachable: AtomicBool,
    polls: EnumMap<PollOutcome, Count>,
    /// The number of the sample that the last round of the substations has seen.
    seen: AtomicU64,
}

impl Meter {
    pub(super) fn new(load: &FeederLoad) -> Self {
        Self {
            id: Id::next(),
            settings: ArcSwap::new(MeterSettings::new(load)),
            transport: Arc::default(),
            times: SampleTimes::default(),
            is_reachable: AtomicBool::new(true),
            polls: EnumMap::default(),
            seen: AtomicU64::new(0),
        }
    }

    /// Whether `load` means the same series, wherever it is read.
    pub(super) fn reads_like(&self, load: &FeederLoad) -> bool {
        let known = &self.settings.load().load;
        known.metric == load.metric && known.aggregate == load.aggregate
    }

    /// Takes what a configuration says of it.
    pub(super) fn join(&self, load: &FeederLoad) {
        let known = self.settings.load();
        if known.load != *load || known.authority != load.authority() {
            self.settings.store(MeterSettings::new(load));
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> Id {
        self.id
    }

    /// How it is reached.
    pub(crate) fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// Where and how it is read.
    pub(crate) fn settings(&self) -> Arc<MeterSettings> {
        self.settings.load_full()
    }

    /// Its series as configured, by which the next process knows it again.
    pub(super) fn series(&self) -> String {
        let settings = self.settings.load();
        let aggregate = match settings.load.aggregate {
            Aggregate::None => "alone",
            Aggregate::Sum => "sum",
            Aggregate::Max => "max",
        };
        format!("{} {aggregate}", settings.load.metric)
    }

    /// How its scrapes ended.
    pub(super) fn polls(&self) -> &EnumMap<PollOutcome, Count> {
        &self.polls
    }

    /// When its last sample came.
    pub(super) fn sampled_at(&self) -> Option<Moment> {
        self.times.sampled()
    }

    /// When its samples came.
    pub(super) fn times(&self) -> &SampleTimes {
        &self.times
    }

    /// Whether the last scrape that could tell reached it; true before the first.
    pub(super) fn is_reachable(&self) -> bool {
        self.is_reachable.load(Relaxed)
    }

    pub(super) fn set_reachable(&self, is_reachable: bool) {
        self.is_reachable.store(is_reachable, Relaxed);
    }

    /// Its state at `now`.
    pub(super) fn state(&self, now: Moment, stale_after: Duration) -> FeederState {
        if self.sampled_at().is_none() {
            // Whatever its meter does: its members are all that is known of it.
            FeederState::Unknown
        } else if !self.is_reachable() {
            FeederState::Down
        } else if self.times.is_stale(now, stale_after) {
            FeederState::Stale
        } else {
            FeederState::Up
        }
    }

    /// Records the end of a scrape that was begun at `asked`.
    pub(crate) fn scraped(&self, outcome: PollOutcome, asked: Moment, now: Moment) {
        self.polls[outcome].inc();
        match outcome {
            PollOutcome::Connect => self.set_reachable(false),
            // They tell nothing: only the page may be slow, or this process lacks something.
            PollOutcome::Timeout | PollOutcome::Shortage => {}
            _ => self.set_reachable(true),
        }
        if outcome == PollOutcome::Ok {
            self.times.stamp(now, Some(asked));
        }
    }

    /// Whether this sample was not asked about before.
    pub(super) fn is_news(&self, sample: u64) -> bool {
        self.seen.swap(sample, Relaxed) != sample
    }
}
