//! Everything that decides whether a substation is in rotation, under one lock that a healthy
//! substation does not take.
//!
//! Three inputs decide: its own exchanges ([`OutlierDetector`], [`Refusals`]), whether it
//! [drains](super::drains), and the grid, which uses even failing substations in panic mode. The result is written
//! to the ledger, and a choice reads only that.
//!
//! A good answer and a choice read one flag each, and take the lock only if the flag is set.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use switchyard_balance::{Ledger, Load, Standing};

use switchyard_config as config;

use crate::{
    blame::{Blame, BySource, Elsewhere, Excuse, MainClient, Source, Trace},
    clock::{Clock, Moment},
    drain::Drain,
    fleet_counts::FleetCounts,
    outlier_detection::{Evidence, HealthChange, OutlierDetector, Stage},
    refusals::Refusals,
};

mod carry;

pub use carry::CarriedRotation;

/// A change to count and to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RotationEvent {
    Health(HealthChange),
    /// A failure that is not held against it.
    Excused(Excuse),
    Drained,
    Undrained,
}

/// The rotation of a substation at one moment, to be shown.
#[derive(Clone, Debug)]
pub struct RotationView {
    /// Its stage of outlier detection.
    pub stage: Stage,
    /// Whether requests are sent to it.
    pub is_in_rotation: bool,
    /// Why it drains; `None` if it does not.
    pub drain: Option<Arc<Drain>>,
    /// Whether it is out because it is unreachable.
    pub is_unreachable: bool,
    /// Failures since the last good exchange.
    pub failures: u32,
    /// Ejections that count for how long the next one lasts.
    pub ejections: u32,
    /// The part of its share that it gets: below 1 during slow start.
    pub share: f64,
    /// The least load that it has refused and is not asked for now.
    pub refuses: Option<Load>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct RotationState {
    counts: Arc<FleetCounts>,
    state: Mutex<Inner>,
    /// Whether a good answer would change something.
    is_troubled: AtomicBool,
    /// Whether a request must ask first: only one may be the trial, and only one the probe.
    is_guarded: AtomicBool,
    /// Whether a sample must consider refusals, or moves the slow start.
    is_moving: AtomicBool,
    trace: Trace,
    main_client: MainClient,
}

#[derive(Debug)]
struct Inner {
    rules: config::Health,
    /// Whether the grid in force lists it.
    is_member: bool,
    detector: OutlierDetector,
    refusals: Refusals,
    /// Answers with 429 since the last booking.
    limited: BySource,
    /// Why it gets no new sessions.
    drain: Option<Arc<Drain>>,
    /// Used although it is ejected: panic mode.
    is_forced_in: bool,
    /// Whether [`FleetCounts`] counts its ejection.
    is_counted: bool,
}

impl RotationState {
    /// The state of a substation that is not a member yet: see [`RotationState::join`].
    pub(super) fn new(rules: &config::Health, counts: Arc<FleetCounts>) -> Self {
        let state = Inner {
            rules: rules.clone(),
            is_member: false,
            detector: OutlierDetector::default(),
            refusals: Refusals::default(),
            limited: BySource::default(),
            drain: None,
            is_forced_in: false,
            is_counted: false,
        };
        Self {
            counts,
            state: Mutex::new(state),
            is_troubled: AtomicBool::new(false),
            is_guarded: AtomicBool::new(false),
            is_moving: AtomicBool::new(false),
            trace: Trace::default(),
            main_client: MainClient::default(),
        }
    }

    /// Its failures, for the judgement of others.
    pub(super) fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Records that it booked a charge of this client.
    pub(super) fn served(&self, source: Source) {
        self.main_client.served(source);
    }

    /// Makes it a member under these rules, or keeps it one. `drain` says why it gets no new sessions, if it gets none.
    pub(super) fn join(
        &self,
        ledger: &Ledger,
        rules: &config::Health,
        drain: Option<Arc<Drain>>,
        now: Moment,
    ) -> Option<RotationEvent> {
        self.change(ledger, now, |state, _| {
            state.rules.clone_from(rules);
            state.is_member = true;
            state.set_drain(drain)
        })
    }

    /// Ends its membership. Everything else stays, because it may come back.
    pub(super) fn leave(&self, ledger: &Ledger, now: Moment) {
        self.change(ledger, now, |state, _| {
            state.is_member = false;
            None
        });
    }

    /// Records a good exchange, which booked `load` if there is one. Reads no clock and takes no
    /// lock while the substation is healthy.
    pub(super) fn good(
        &self,
        ledger: &Ledger,
        load: Option<Load>,
        clock: Clock,
    ) -> Option<RotationEvent> {
        if !self.is_troubled.load(Relaxed) {
            return None;
        }
        self.change(ledger, clock.now(), |state, now| {
            if load.is_some() {
                state.limited = BySource::default();
            }
            if load.is_some_and(|load| state.refusals.booked(load)) {
                believe_gauge(ledger);
            }
            let back = state.detector.good(now);
            let readmit = || {
                state
                    .is_forced_in
                    .then(|| state.detector.readmit(now))
                    .flatten()
            };
            back.or_else(readmit).map(RotationEvent::Health)
        })
    }

    /// Records that an exchange, or a scrape, could not connect.
    pub(super) fn unreachable(&self, ledger: &Ledger, now: Moment) -> Option<RotationEvent> {
        self.change(ledger, now, |state, now| {
            let change = state.detector.unreachable(now, &state.rules);
            change.map(RotationEvent::Health)
        })
    }

    /// Records that a connection was not accepted within `waited`.
    pub(super) fn silent(
        &self,
        ledger: &Ledger,
        waited: Duration,
        now: Moment,
    ) -> Option<RotationEvent> {
        self.change(ledger, now, |state, now| {
            let may_eject = || self.counts.admit_once(&mut state.is_counted);
            let change = state.detector.silent(now, waited, &state.rules, may_eject);
            change.map(RotationEvent::Health)
        })
    }

    /// Records an exchange that failed, and what is known of its request and of other substations.
    pub(super) fn failed(
        &self,
        ledger: &Ledger,
        blame: Blame,
        elsewhere: Elsewhere,
        now: Moment,
    ) -> Option<RotationEvent> {
        self.trace.note_failure(now);
        let exchanges = ledger.reservations().saturating_sub(ledger.awaiting());
        let evidence = Evidence {
            blame,
            elsewhere,
            believes: &|source| self.main_client.believes(source),
        };
        self.change(ledger, now, |state, now| {
            let may_eject = || self.counts.admit_once(&mut state.is_counted);
            let judged = state
                .detector
                .failed(&evidence, now, exchanges, &state.rules, may_eject);
            match judged {
                Ok(change) => change.map(RotationEvent::Health),
                Err(excuse) => Some(RotationEvent::Excused(excuse)),
            }
        })
    }

    /// Records a refusal of `load` for want of room.
    pub(super) fn refused(&self, ledger: &Ledger, load: Load, now: Moment) {
        ledger.refused(load);
        self.change(ledger, now, |state, now| {
            state.refusals.refused(load, ledger.value(), now);
            None
        });
    }

    /// Records an answer with 429 to this client. If it says so to all, and is alone with that, it refuses every load.
    pub(super) fn limited(&self, ledger: &Ledger, source: Source, is_alone: bool, now: Moment) {
        self.change(ledger, now, |state, now| {
            state.limited.add(source);
            let held = if self.main_client.believes(state.limited.heaviest()) {
                state.limited.total()
            } else {
                state.limited.of_several()
            };
            if is_alone && held >= state.rules.failures.into() {
                let any = Load::from_micros(1);
                ledger.refused(any);
                state.refusals.refused(any, None, now);
            }
            None
        });
    }

    /// Records the end of a scrape; `reached` if an answer came.
    pub(super) fn tick(
        &self,
        ledger: &Ledger,
        reached: bool,
        now: Moment,
    ) -> Option<RotationEvent> {
        if !self.is_moving.load(Relaxed) {
            return None;
        }
        self.change(ledger, now, |state, now| {
            let change = state.detector.tick(now, reached);
            if change == Some(HealthChange::Readmitted) {
                // It probably restarted, so its old refusals no longer count.
                state.refusals = Refusals::default();
            }
            change.map(RotationEvent::Health)
        })
    }

    /// Takes a new sample into account, which was taken `then`: refusals that still count take precedence over it.
    pub(super) fn sampled(&self, ledger: &Ledger, then: Moment, now: Moment) {
        if self.is_moving.load(Relaxed) {
            self.change(ledger, now, |state, now| {
                if let Some(load) = state.refusals.sampled(ledger.value(), then, now) {
                    ledger.refused(load);
                }
                None
            });
        }
    }

    /// Lets a request through that finds no room elsewhere, if the substation's last refusal is old
    /// enough and no sample came since. True if that is new.
    pub(super) fn open_probe(&self, ledger: &Ledger, now: Moment) -> bool {
        let mut is_new = false;
        if self.is_moving.load(Relaxed) {
            self.change(ledger, now, |state, now| {
                is_new = state.refusals.open(now);
                if is_new {
                    believe_gauge(ledger);
                }
                None
            });
        }
        is_new
    }

    /// Drains it, for that reason, or undrains it.
    pub(super) fn set_drain(
        &self,
        ledger: &Ledger,
        drain: Option<Arc<Drain>>,
        now: Moment,
    ) -> Option<RotationEvent> {
        self.change(ledger, now, |state, _| state.set_drain(drain))
    }

    /// Uses it although it is ejected, or ends that. An unreachable or drained substation stays
    /// out.
    pub(super) fn force_in(&self, ledger: &Ledger, is_forced_in: bool, now: Moment) {
        self.change(ledger, now, |state, _| {
            state.is_forced_in = is_forced_in;
            None
        });
    }

    /// Whether a request of `load` that chose it may go there. On trial, only one may; otherwise
    /// any. The first one as large as what it refuses is the probe, if it is time for one, and
    /// closes the way behind it.
    pub(super) fn admission(&self, ledger: &Ledger, load: Load, clock: Clock) -> Admission {
        if !self.is_guarded.load(Relaxed) {
            return Admission::Free;
        }
        let mut admission = Admission::Closed;
        self.change(ledger, clock.now(), |state, now| {
            if state.detector.start_trial() {
                admission = Admission::Trial;
            } else if state.is_in_rotation() {
                admission = Admission::Free;
            }
            if admission == Admission::Free
                && let Some(least) = state.refusals.forbids(load)
                && !ledger.is_stale()
            {
                // It was chosen at the very moment of a sample, before the refusal counted again, or after the probe's
                // reservation was cancelled. Now it counts, also without the reservation of this request, so the next
                // choice is another one. A stale one is chosen knowingly: where no other has room.
                ledger.refused_without(least, load);
                admission = Admission::Closed;
            } else if admission != Admission::Closed
                && let Some(least) = state.refusals.probe(load, now)
            {
                ledger.refused(least);
                admission = match admission {
                    Admission::Trial => Admission::TrialAndProbe,
                    _ => Admission::Probe,
                };
            }
            None
        });
        admission
    }

    /// The trial's request ended without a verdict.
    pub(super) fn abandon_trial(&self, ledger: &Ledger, now: Moment) {
        self.change(ledger, now, |state, _| {
            state.detector.abandon_trial();
            None
        });
    }

    /// The probe's request ended.
    pub(super) fn end_probe(&self, ledger: &Ledger, now: Moment) {
        self.change(ledger, now, |state, _| {
            state.refusals.probe_ended();
            None
        });
    }

    pub(super) fn view(&self, now: Moment) -> RotationView {
        let state = self.state.lock();
        RotationView {
            stage: state.detector.stage(),
            is_in_rotation: state.is_in_rotation(),
            drain: state.drain.clone(),
            is_unreachable: state.detector.is_unreachable(),
            failures: state.detector.failures(),
            ejections: state.detector.ejections(),
            share: state.detector.share(now, state.rules.slow_start),
            refuses: state.refusals.held(),
        }
    }

    /// Changes something, and updates the ledger, the counts and the flags.
    fn change(
        &self,
        ledger: &Ledger,
        now: Moment,
        change: impl FnOnce(&mut Inner, Moment) -> Option<RotationEvent>,
    ) -> Option<RotationEvent> {
        let mut inner = self.state.lock();
        let (was_in, was_fit, was_listed) =
            (inner.is_in_rotation(), inner.is_fit(), inner.is_listed());
        let event = change(&mut inner, now);
        let stage = inner.detector.stage();
        if inner.is_counted && (stage == Stage::In || !inner.is_member) {
            inner.is_counted = false;
            self.counts.end_ejection();
        }
        self.counts.note_fit(was_fit, inner.is_fit());
        self.counts.note_listed(was_listed, inner.is_listed());
        let is_in = inner.is_in_rotation();
        if was_in != is_in {
            ledger.set_standing(if is_in { Standing::In } else { Standing::Out });
        }
        self.trace.set_run(inner.detector.failures(), now);
        self.trace.set_out(stage != Stage::In);
        let share = inner.detector.share(now, inner.rules.slow_start);
        ledger.set_ramp(share);
        let is_refusing = inner.refusals.held().is_some();
        let is_clean =
            inner.detector.is_clean() && inner.refusals.is_clean() && inner.limited.total() == 0;
        self.is_troubled.store(!is_clean, Relaxed);
        let is_on_trial = matches!(stage, Stage::Trial | Stage::Tried);
        self.is_guarded.store(is_on_trial || is_refusing, Relaxed);
        self.is_moving
            .store(stage != Stage::In || is_refusing || share < 1.0, Relaxed);
        event
    }
}

/// Judges room by the gauge again, whatever was refused since its last sample.
fn believe_gauge(ledger: &Ledger) {
    ledger.set_capacity(ledger.capacity());
}

/// Whether a request may go to the substation that was chosen for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Free,
    /// It may, as the trial.
    Trial,
    /// It may, as the probe.
    Probe,
    /// It may, as both.
    TrialAndProbe,
    /// It may not.
    Closed,
}

impl Inner {
    fn set_drain(&mut self, drain: Option<Arc<Drain>>) -> Option<RotationEvent> {
        let was_draining = self.drain.is_some();
        self.drain = drain;
        match (was_draining, self.drain.is_some()) {
            (false, true) => Some(RotationEvent::Drained),
            (true, false) => Some(RotationEvent::Undrained),
            _ => None,
        }
    }

    fn is_listed(&self) -> bool {
        self.is_member && self.drain.is_none()
    }

    fn is_fit(&self) -> bool {
        matches!(self.detector.stage(), Stage::In | Stage::Trial) && self.is_listed()
    }

    fn is_in_rotation(&self) -> bool {
        let is_forced = self.is_forced_in && !self.detector.is_unreachable() && self.is_listed();
        self.is_fit() || is_forced
    }
}
