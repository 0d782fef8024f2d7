//! One feeder: its name, its sums, and its meter if it has one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use switchyard_balance::{self as balance, FeederLock, Lasts, Ledger, Load};
use switchyard_config as config;

use super::{FeederView, Meter, meter::FeederState};
use crate::{capacity::ConfiguredCapacity, clock::Moment};

/// A limit that several substations share. It goes on while its name stays in the configuration; what the configuration
/// says of it changes in place.
#[derive(Debug)]
pub struct Feeder {
    name: Arc<str>,
    balance: Arc<balance::Feeder>,
    capacity: ConfiguredCapacity,
    meter: Option<Meter>,
    /// With which sample of its meter, or after how many more rounds of its members' samples, all is shown that the process
    /// before this one has booked.
    shown_at: AtomicU64,
    /// Whether it is closed because the process has only begun.
    is_closed: AtomicBool,
}

/// [`Feeder::shown_at`] while that process may still book.
const NEVER: u64 = u64::MAX;
/// So many samples after its end show all: the first sample after that may have been on its way already.
const TWO: u64 = 2;

impl Feeder {
    pub(super) fn new(listed: &config::Feeder, lock: &FeederLock) -> Self {
        let meter = listed.load.as_ref().map(Meter::new);
        Self {
            name: listed.name.as_str().into(),
            balance: Arc::new(balance::Feeder::new(lock, meter.is_some())),
            capacity: ConfiguredCapacity::default(),
            meter,
            shown_at: AtomicU64::new(NEVER),
            is_closed: AtomicBool::new(false),
        }
    }

    /// The process has only begun: what is in use below it is not known yet, so it takes nothing until [`Feeder::open`].
    pub(super) fn close(&self) {
        self.is_closed.store(true, Relaxed);
        self.balance.withhold(Load::LARGEST);
    }

    /// All its members have been asked. Opens it, unless its meter has not been asked for the first time; `anyway` does not
    /// wait for that.
    pub(crate) fn open(&self, anyway: bool) {
        let was_asked = |meter: &Meter| meter.polls().values().any(|count| count.get() > 0);
        let may = anyway || self.meter.as_ref().is_none_or(was_asked);
        if may && self.is_closed.swap(false, Relaxed) {
            self.balance.withhold(Load::ZERO);
        }
    }

    /// Leaves so much room to the process before this one.
    pub(super) fn withhold(&self, load: Load) {
        self.is_closed.store(false, Relaxed);
        self.shown_at.store(NEVER, Relaxed);
        self.balance.withhold(load);
    }

    /// The process before this one has ended.
    pub(super) fn await_samples(&self) {
        let before = self.ledger().map_or(0, samples);
        self.shown_at.store(before + TWO, Relaxed);
    }

    /// There was a round of its members' samples. Takes the room that was left to the process before this one, if the gauges
    /// have shown by now what that has booked there.
    pub(super) fn take_withheld(&self) {
        let shown_at = self.shown_at.load(Relaxed);
        if shown_at == NEVER || self.balance.withheld() == Load::ZERO {
            return;
        }
        let is_shown = match self.ledger() {
            Some(ledger) => samples(ledger) >= shown_at,
            None => shown_at <= 1,
        };
        if is_shown {
            self.balance.withhold(Load::ZERO);
        } else if self.ledger().is_none() {
            self.shown_at.store(shown_at - 1, Relaxed);
        }
    }

    /// Whether it is the same feeder that `listed` means, so that its sums and its meter's ledger hold there too.
    pub(super) fn goes_on_as(&self, listed: &config::Feeder) -> bool {
        match (&self.meter, &listed.load) {
            (None, None) => true,
            (Some(meter), Some(load)) => meter.reads_like(load),
            _ => false,
        }
    }

    /// Takes what a configuration says of it, but for a larger capacity: that follows with [`Feeder::widen`]. Before its
    /// members have come, there would be room that is neither the old configuration's nor the new one's.
    pub(super) fn join(&self, listed: &config::Feeder, lasts: Lasts) {
        if let (Some(meter), Some(load)) = (&self.meter, &listed.load) {
            meter.join(load);
        }
        if let Some(ledger) = self.ledger() {
            ledger.set_lasts(lasts);
        }
        let (before, now) = (self.capacity.get(), capacity(listed));
        if now.is_some_and(|now| before.is_none_or(|before| now < before)) {
            self.set_capacity(now);
        }
    }

    /// Takes the capacity that a configuration says, whatever it is: its members have come.
    pub(super) fn widen(&self, listed: &config::Feeder) {
        self.set_capacity(capacity(listed));
    }

    fn set_capacity(&self, capacity: Option<Load>) {
        // Without a configured one, that of its meter's gauge stays.
        if self.capacity.set(capacity) {
            self.balance.set_capacity(capacity);
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name, to keep.
    pub(super) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// What choices and reservations see of it.
    #[must_use]
    pub fn balance(&self) -> &balance::Feeder {
        &self.balance
    }

    /// The same, to keep.
    pub(super) fn shared_balance(&self) -> Arc<balance::Feeder> {
        Arc::clone(&self.balance)
    }

    /// The ledger of its meter.
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        self.balance.meter()
    }

    /// Its meter, with the ledger for its samples.
    pub(crate) fn metered(&self) -> Option<(&Meter, &Ledger)> {
        self.meter.as_ref().zip(self.ledger())
    }

    /// Its meter.
    pub(super) fn meter(&self) -> Option<&Meter> {
        self.meter.as_ref()
    }

    /// The configured capacity, which takes precedence over its gauge.
    pub(crate) fn configured_capacity(&self) -> Option<Load> {
        self.capacity.get()
    }

    /// Sets the limit in force.
    pub(super) fn set_limit(&self, limit: Option<Load>) {
        if self.balance.limit() != limit {
            self.balance.set_limit(limit);
        }
    }

    pub(super) fn extrapolate(&self, drift: f64) {
        if let Some((meter, ledger)) = self.metered() {
            let sample = ledger.last_sample().map_or(0, |sample| sample.number);
            if !meter.is_news(sample) {
                ledger.extrapolate(drift);
            }
        }
    }

    /// At `now`, as far as it knows itself.
    pub(super) fn view(&self, now: Moment, stale_after: Duration) -> FeederView<'_> {
        let meter = self.meter.as_ref();
        let sampled_at = meter.and_then(Meter::sampled_at);
        FeederView {
            name: &self.name,
            parent: None,
            state: meter.map_or(FeederState::Up, |meter| meter.state(now, stale_after)),
            has_meter: meter.is_some(),
            current_load: self.balance.current().map(Load::units),
            capacity: self.balance.capacity().map(Load::units),
            limit: self.balance.limit().map(Load::units),
            estimated_load: self.balance.estimate().units(),
            sample_age: sampled_at.map(|at| now.since(at)),
            members: 0,
        }
    }
}

fn capacity(listed: &config::Feeder) -> Option<Load> {
    listed.capacity.and_then(Load::new)
}

fn samples(ledger: &Ledger) -> u64 {
    ledger.last_sample().map_or(0, |sample| sample.number)
}
