//! The reports of exchanges and scrapes, and what follows for the whole grid.
//!
//! Each report changes one substation. If that changes its rotation, panic mode is reviewed: when
//! too few substations are left, those ejected for failing are used as well, because a substation
//! that sometimes fails is better than none. Drained and unreachable substations are never used.

use std::{sync::Arc, time::Duration};

use switchyard_balance::{Ledger, Load};
use switchyard_process::Shortage;

use crate::{
    blame::{Blame, Excuse, Source},
    clock::{Clock, Moment},
    grid::Grid,
    rotation_state::{Admission, RotationEvent},
    substation::{Reach, Substation},
};

/// The one request that decides whether an ejected substation is readmitted, or one that refuses is asked again. If this
/// is dropped without a report of the exchange, the next request is the one.
#[derive(Debug)]
pub struct Trial {
    substation: Arc<Substation>,
    clock: Clock,
    /// Whether it decides about an ejection, and whether about a refusal.
    ends_ejection: bool,
    ends_refusal: bool,
}

impl Drop for Trial {
    fn drop(&mut self) {
        let ledger: &Ledger = self.substation.ledger();
        let (state, now) = (self.substation.rotation_state(), self.clock.now());
        if self.ends_ejection {
            state.abandon_trial(ledger, now);
        }
        if self.ends_refusal {
            state.end_probe(ledger, now);
        }
    }
}

/// The chosen substation takes no request now: choose again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl Grid {
    /// Whether a request of `load` that chose `substation` may go there. Usually it may, at the cost of
    /// reading one flag. A substation on trial takes one request, which gets the [`Trial`].
    pub fn enter(&self, substation: &Arc<Substation>, load: Load) -> Result<Option<Trial>, Closed> {
        let state = substation.rotation_state();
        let admission = state.admission(substation.ledger(), load, self.shared.clock);
        let (ends_ejection, ends_refusal) = match admission {
            Admission::Free => return Ok(None),
            Admission::Closed => return Err(Closed),
            Admission::Trial => (true, false),
            Admission::Probe => (false, true),
            Admission::TrialAndProbe => (true, true),
        };
        Ok(Some(Trial {
            substation: Arc::clone(substation),
            clock: self.shared.clock,
            ends_ejection,
            ends_refusal,
        }))
    }

    /// Reports a good exchange with `substation`; `booked` is the load that it took. Reads no clock
    /// and takes no lock while the substation is healthy.
    pub fn good(&self, substation: &Substation, booked: Option<Load>) {
        let event =
            substation
                .rotation_state()
                .good(substation.ledger(), booked, self.shared.clock);
        self.follow(substation, event);
    }

    /// Reports that `substation` booked a charge of this client.
    pub fn served(&self, substation: &Substation, source: Source) {
        substation.rotation_state().served(source);
    }

    /// Reports that `substation` refused a connection, or that it can't be reached.
    pub fn unreachable(&self, substation: &Substation) {
        let now = self.shared.clock.now();
        let event = substation
            .rotation_state()
            .unreachable(substation.ledger(), now);
        self.follow(substation, event);
    }

    /// Reports that `substation` did not accept a connection within `waited`.
    pub fn silent(&self, substation: &Substation, waited: Duration) {
        let now = self.shared.clock.now();
        let event = substation
            .rotation_state()
            .silent(substation.ledger(), waited, now);
        self.follow(substation, event);
    }

    /// Reports a failed exchange with `substation`: it broke the connection, hung, or answered that it failed.
    pub fn failed(&self, substation: &Substation, blame: Blame) {
        let now = self.shared.clock.now();
        let state = substation.rotation_state();
        let peers = &self.shared.peers;
        let elsewhere = peers.besides(substation, self.substations(), now);
        let event = state.failed(substation.ledger(), blame, elsewhere, now);
        if let Some(RotationEvent::Excused(excuse)) = event {
            self.excused(substation, blame.source, excuse);
        } else {
            self.follow(substation, event);
        }
    }

    /// Reports a failed exchange with `substation` that is not held against it.
    pub fn excused(&self, substation: &Substation, client: Source, excuse: Excuse) {
        substation.metrics().excused(excuse);
        let excused = &self.shared.excused;
        excused.note(substation.name(), client, excuse, self.shared.clock.now());
    }

    /// Reports that `substation` refused `load` for want of room. As an answer, this is a good
    /// exchange.
    pub fn refused(&self, substation: &Substation, load: Load) {
        let now = self.shared.clock.now();
        substation
            .rotation_state()
            .refused(substation.ledger(), load, now);
        self.good(substation, None);
    }

    /// Reports that `substation` answered a charge of this client with 429. As an answer, this is a good exchange.
    pub fn limited(&self, substation: &Substation, source: Source) {
        let now = self.shared.clock.now();
        self.good(substation, None);
        let is_alone = self.shared.limiters.note(substation.id(), now);
        substation
            .rotation_state()
            .limited(substation.ledger(), source, is_alone, now);
    }

    /// Reports that the proxy lacked what a connection to a substation takes. That concerns no
    /// substation.
    pub fn lacks(&self, shortage: Shortage) {
        self.shared
            .shortages
            .note(shortage, self.shared.clock.now());
    }

    /// To be called when no substation has room: lets the next request through to those whose
    /// refusal is old enough. True if that is news, so that another choice may find one.
    pub fn open_probes(&self) -> bool {
        let now = self.shared.clock.now();
        let mut is_news = false;
        for substation in self.substations() {
            is_news |= substation
                .rotation_state()
                .open_probe(substation.ledger(), now);
        }
        is_news
    }

    /// Reports the end of a scrape of `substation`.
    pub(super) fn scraped(&self, substation: &Substation, reach: Reach, now: Moment) {
        let event = substation.scraped(reach, now);
        self.follow(substation, event);
    }

    /// Reports the end of a connect to `substation`, which is not scraped.
    pub(super) fn probed(&self, substation: &Substation, reach: Reach) {
        let event = substation.probed(reach, self.shared.clock.now());
        self.follow(substation, event);
    }

    /// Ends ejections whose time is over, and moves slow starts on. To be called every now and then where substations are
    /// not scraped.
    pub(super) fn tick(&self) {
        let now = self.shared.clock.now();
        for substation in self.substations() {
            let event = substation.tick(now);
            self.follow(substation, event);
        }
    }

    fn follow(&self, substation: &Substation, event: Option<RotationEvent>) {
        if let Some(event) = event {
            substation.announce(event);
            self.shared.review(substation);
        }
    }
}
