//! One substation: its name, its ledger, its health and the handles that its traffic is counted by.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use http::HeaderValue;
use switchyard_balance::{Ledger, Load, Standing};
use tracing::{info, warn};

use super::health::{Health, Verdict};
use crate::{
    clock::{Clock, Moment},
    codec::{RequestHead, Unencodable},
    config::{self, Config},
    metrics::{Metrics, SubstationMetrics},
};

/// No sample yet, as a moment.
const NEVER: u64 = u64::MAX;

/// How a substation is doing, for people and alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its samples are fresh.
    Up,
    /// Its last sample is old; the ledger goes on counting.
    Stale,
    /// Out of rotation for its failures.
    Ejected,
    /// It can't be reached.
    Down,
    /// It takes no new sessions.
    Draining,
    /// It has never been sampled.
    Unknown,
}

impl State {
    /// All states, in the order of the contract.
    pub const ALL: [Self; 6] = [
        Self::Up,
        Self::Stale,
        Self::Ejected,
        Self::Down,
        Self::Draining,
        Self::Unknown,
    ];

    /// Its name in status and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Stale => "stale",
            Self::Ejected => "ejected",
            Self::Down => "down",
            Self::Draining => "draining",
            Self::Unknown => "unknown",
        }
    }
}

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
    name: String,
    name_header: HeaderValue,
    address: SocketAddr,
    configured_capacity: Option<Load>,
    charge_head: RequestHead,
    health: Health,
    sampled_at: AtomicU64,
    is_reachable: AtomicBool,
    metrics: SubstationMetrics,
}

impl AsRef<Ledger> for Substation {
    fn as_ref(&self) -> &Ledger {
        &self.ledger
    }
}

impl Substation {
    /// The path was checked with the configuration, so this fails for nobody who came through there.
    pub(super) fn new(
        listed: &config::Substation,
        config: &Config,
        metrics: &Metrics,
    ) -> Result<Self, Unencodable> {
        let configured_capacity = listed.capacity.and_then(Load::new);
        let host = listed.address.to_string();
        Ok(Self {
            ledger: Ledger::new(configured_capacity),
            name: listed.name.clone(),
            // The configuration only lets header-safe names through.
            name_header: HeaderValue::from_str(&listed.name)
                .unwrap_or(HeaderValue::from_static("unnamed")),
            address: listed.address,
            configured_capacity,
            charge_head: RequestHead::new("POST", &config.charge.upstream_path, &host)?,
            health: Health::new(),
            sampled_at: AtomicU64::new(NEVER),
            is_reachable: AtomicBool::new(true),
            metrics: metrics.substation(&listed.name, config.policy.into()),
        })
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
    pub fn charge_head(&self) -> &RequestHead {
        &self.charge_head
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
    pub fn state(&self, now: Moment, stale_after: Duration) -> State {
        if self.health.is_ejected() {
            return State::Ejected;
        }
        if !self.is_reachable.load(Relaxed) {
            return State::Down;
        }
        match self.sampled_at() {
            None => State::Unknown,
            Some(at) if now.since(at) > stale_after => State::Stale,
            Some(_) => State::Up,
        }
    }

    /// Takes word of how an exchange with it went.
    pub fn report(&self, verdict: Verdict, now: Moment) {
        if self.health.report(verdict, now) {
            self.ledger.set_standing(Standing::Out);
            self.metrics.transition(State::Ejected);
            warn!(substation = self.name, "Ejected after failures in a row");
        }
    }

    /// Takes word of an answer. Reads no clock and writes nothing while all is well.
    pub fn report_answer(&self, verdict: Verdict, clock: Clock) {
        if verdict != Verdict::Good || !self.health.is_clean() {
            self.report(verdict, clock.now());
        }
    }

    /// Takes word of whether a scrape reached it, and lets it back in when its time has come.
    pub(super) fn scraped(&self, reach: Reach, now: Moment) {
        let reached = reach == Reach::Yes;
        if reach != Reach::Unclear {
            self.note_reach(reached);
        }
        if self.health.reinstate(now, reached) {
            self.ledger.set_standing(Standing::In);
            self.metrics.transition(State::Up);
            info!(substation = self.name, "Back in rotation");
        }
    }

    fn note_reach(&self, reached: bool) {
        let was_reachable = self.is_reachable.swap(reached, Relaxed);
        if was_reachable && !reached {
            self.metrics.transition(State::Down);
            warn!(substation = self.name, address = %self.address, "Can't be reached");
        } else if reached && !was_reachable {
            self.metrics.transition(State::Up);
            info!(substation = self.name, "Reached again");
        }
    }

    pub(super) fn stamp_sample(&self, now: Moment) {
        self.sampled_at.store(now.millis(), Relaxed);
    }

    /// What its configuration says of its capacity, which goes before its gauge.
    pub(super) fn configured_capacity(&self) -> Option<Load> {
        self.configured_capacity
    }
}
