//! The counters of each substation: decisions, exchanges, scrapes and state changes.
//!
//! A substation's counters are plain numbers, a kilobyte. They are on the metrics page under its name for as long as the
//! registry of names here has them: also for a while after it has left, so that the last scrapes before and after that
//! see all that it did.

mod page;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use enum_map::EnumMap;
use parking_lot::Mutex;
use switchyard_balance::{Ledger, Load, Policy, Reason, request_limits::Traffic};
use switchyard_scrape::PollOutcome;
use switchyard_telemetry::{Count, Error, Registrar, Times};
use switchyard_transport::Reason as TlsReason;

pub(crate) use page::by_variant;

use crate::{
    blame::Excuse,
    choice::ChoiceMetrics,
    outcomes::{ReportOutcome, UpstreamOutcome},
    shortages::ShortageMetrics,
    state::SubstationState,
};

/// The label with a substation's name.
pub(crate) const SUBSTATION: &str = "substation";

/// The metrics of all substations.
#[derive(Debug)]
pub struct GridMetrics {
    /// The metrics of the choices.
    pub choice: ChoiceMetrics,
    /// What the proxy itself lacked.
    pub shortages: ShortageMetrics,
    /// Those on the page, by name.
    substations: Mutex<BTreeMap<Arc<str>, Arc<SubstationMetrics>>>,
}

/// The metrics of one substation.
#[derive(Debug)]
pub struct SubstationMetrics {
    /// Requests that went to it because it may have booked their key before.
    pub chosen_by_key: Count,
    /// Charges that shared a connection to it with others.
    pub shared: Count,
    /// How long its answers take.
    pub upstream_seconds: Times,
    /// How long its metrics page takes.
    pub poll_seconds: Times,
    name: Arc<str>,
    by_policy: [Count; Policy::ALL.len()],
    /// A bit for each policy that was in force.
    policies: AtomicU8,
    /// Choices by reason; not counted at [`Reason::Policy`], which is counted by policy.
    chosen: [Count; Reason::ALL.len()],
    upstream: EnumMap<UpstreamOutcome, Count>,
    polls: EnumMap<PollOutcome, Count>,
    reports: EnumMap<ReportOutcome, Count>,
    transitions: EnumMap<SubstationState, Count>,
    excused: EnumMap<Excuse, Count>,
    /// TLS connections that could not be made; empty without TLS.
    tls_errors: OnceLock<Box<TlsErrors>>,
}

type TlsErrors = EnumMap<TlsReason, Count>;

impl SubstationMetrics {
    fn new(name: Arc<str>) -> Self {
        Self {
            chosen_by_key: Count::default(),
            shared: Count::default(),
            upstream_seconds: Times::default(),
            poll_seconds: Times::default(),
            name,
            by_policy: Default::default(),
            policies: AtomicU8::new(0),
            chosen: Default::default(),
            upstream: EnumMap::default(),
            polls: EnumMap::default(),
            reports: EnumMap::default(),
            transitions: EnumMap::default(),
            excused: EnumMap::default(),
            tls_errors: OnceLock::new(),
        }
    }

    /// The substation's name.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Puts choices by `policy`, which is in force from now on, on the page.
    pub fn prepare(&self, policy: Policy) {
        self.policies.fetch_or(1 << policy as u8, Relaxed);
    }

    /// Whether choices by `policy` are on the page.
    fn is_prepared(&self, policy: Policy) -> bool {
        self.policies.load(Relaxed) & (1 << policy as u8) != 0
    }

    /// Counts one choice of it by `policy`.
    pub fn chosen(&self, reason: Reason, policy: Policy) {
        let counter = match reason.own_name() {
            Some(_) => self.chosen.get(reason as usize),
            None => self.by_policy.get(policy as usize),
        };
        if let Some(counter) = counter {
            counter.inc();
        }
    }

    /// Counts one exchange.
    pub fn exchange(&self, outcome: UpstreamOutcome) {
        self.upstream[outcome].inc();
    }

    /// What has come of the charges to it, and how its gauge answers, which has been asked in vain for so long. The ledger
    /// is its own.
    pub(crate) fn traffic(&self, ledger: &Ledger, unread: Duration) -> Traffic {
        let answered = [
            UpstreamOutcome::Ok,
            UpstreamOutcome::Refused,
            UpstreamOutcome::Oversize,
        ];
        Traffic {
            answered: answered
                .map(|outcome| self.upstream[outcome].get())
                .iter()
                .sum(),
            ended: self.upstream_seconds.count(),
            seconds: self.upstream_seconds.sum().as_secs_f64(),
            in_flight: ledger.awaiting(),
            capacity: ledger.capacity().map(Load::units),
            unread: unread.as_secs_f64(),
            read_takes: self.poll_seconds.mean().as_secs_f64(),
        }
    }

    /// Counts one scrape of its gauge.
    pub fn poll(&self, outcome: PollOutcome) {
        self.polls[outcome].inc();
    }

    /// Counts one load report.
    pub fn report(&self, outcome: ReportOutcome) {
        self.reports[outcome].inc();
    }

    /// Counts one failed exchange that is not held against it.
    pub fn excused(&self, excuse: Excuse) {
        self.excused[excuse].inc();
    }

    /// Puts TLS connections that could not be made on the page.
    pub(crate) fn prepare_tls(&self) {
        self.tls_errors.get_or_init(Box::default);
    }

    /// Counts one TLS connection that could not be made.
    pub(crate) fn tls_failed(&self, reason: TlsReason) {
        self.tls_errors.get_or_init(Box::default)[reason].inc();
    }

    /// Counts one change of state.
    pub fn transition(&self, to: SubstationState) {
        self.transitions[to].inc();
    }
}

impl GridMetrics {
    /// Creates and registers the families. Fails if one is registered already.
    pub fn register(make: Registrar<'_>) -> Result<Self, Error> {
        Ok(Self {
            choice: ChoiceMetrics::register(make)?,
            shortages: ShortageMetrics::register(make)?,
            substations: Mutex::default(),
        })
    }

    /// The metrics of the substation with this name: those on the page, or new ones.
    #[must_use]
    pub fn substation(&self, name: &str) -> Arc<SubstationMetrics> {
        let mut substations = self.substations.lock();
        if let Some(known) = substations.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        let metrics = Arc::new(SubstationMetrics::new(Arc::clone(&name)));
        substations.insert(name, Arc::clone(&metrics));
        metrics
    }

    /// The metrics of a substation with this name that has left: not on the page, unless they are already.
    pub(crate) fn departed(&self, name: &str) -> Arc<SubstationMetrics> {
        let known = self.substations.lock().get(name).cloned();
        known.unwrap_or_else(|| Arc::new(SubstationMetrics::new(name.into())))
    }

    /// Puts the metrics of members on the page: those of substations that have come back may have been off it.
    pub(crate) fn show<'a>(&self, metrics: impl Iterator<Item = &'a Arc<SubstationMetrics>>) {
        let mut substations = self.substations.lock();
        for one in metrics {
            substations.insert(Arc::clone(&one.name), Arc::clone(one));
        }
    }

    /// Whether the metrics of a substation with this name are on the page.
    #[cfg(test)]
    pub(crate) fn is_shown(&self, name: &str) -> bool {
        self.substations.lock().contains_key(name)
    }

    /// Takes the metrics of a substation that is gone off the page.
    pub fn forget(&self, name: &str) {
        self.substations.lock().remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_indexed_by_their_reason_and_policy() {
        for (at, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, at);
        }
        for (at, policy) in Policy::ALL.iter().enumerate() {
            assert_eq!(*policy as usize, at);
        }
    }

    #[test]
    fn what_a_substation_counts_takes_a_kilobyte() {
        assert!(size_of::<SubstationMetrics>() <= 1024);
    }
}
