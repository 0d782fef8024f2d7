//! What the grid is told, by exchanges, scrapes and operators, and what follows for all of it.
//!
//! Each report changes one substation. Where that changes who is in rotation, the whole is looked at: if too
//! few are left, those that are ejected for failing are used as well, because a substation that fails
//! sometimes is better than none. Never those that an operator has drained or that can't be reached.

use std::{sync::Arc, time::Duration};

use switchyard_balance::{Ledger, Load};

use crate::{
    clock::{Clock, Moment},
    grid::Grid,
    outlier_detection::ExchangeVerdict,
    rotation_state::{Admission, RotationEvent},
    substation::{Reach, Substation},
};

/// The one request that decides whether an ejected substation is back. Dropped without a report of how it
/// went, the next request is the trial.
#[derive(Debug)]
pub struct Trial {
    substation: Arc<Substation>,
    clock: Clock,
}

impl Drop for Trial {
    fn drop(&mut self) {
        let ledger: &Ledger = self.substation.ledger();
        self.substation
            .rotation_state()
            .abandon_trial(ledger, self.clock.now());
    }
}

/// A request was sent by choice to a substation that takes nobody now: choose again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl Grid {
    /// Whether a request that chose `substation` may go there: usually so, at the cost of reading one flag.
    /// One that is on trial takes one request, which gets the trial to hold.
    pub fn enter(&self, substation: &Arc<Substation>) -> Result<Option<Trial>, Closed> {
        match substation
            .rotation_state()
            .admission(substation.ledger(), self.shared.clock)
        {
            Admission::Free => Ok(None),
            Admission::Trial => Ok(Some(Trial {
                substation: Arc::clone(substation),
                clock: self.shared.clock,
            })),
            Admission::Closed => Err(Closed),
        }
    }

    /// An exchange with `substation` went well; `booked` is the load that it took. Reads no clock and takes
    /// no lock while all is well.
    pub fn good(&self, substation: &Substation, booked: Option<Load>) {
        let news = substation
            .rotation_state()
            .good(substation.ledger(), booked, self.shared.clock);
        self.follow(substation, news);
    }

    /// An exchange with `substation` failed.
    pub fn failed(&self, substation: &Substation, verdict: ExchangeVerdict) {
        let now = self.shared.clock.now();
        let news = substation
            .rotation_state()
            .failure(substation.ledger(), verdict, now);
        self.follow(substation, news);
    }

    /// `substation` refused `load`; `room_in` is when it says it has room. That it answered is good.
    pub fn refused(&self, substation: &Substation, load: Load, room_in: Option<Duration>) {
        let now = self.shared.clock.now();
        substation
            .rotation_state()
            .refused(substation.ledger(), load, room_in, now);
        self.good(substation, None);
    }

    /// A scrape of `substation` has ended.
    pub(super) fn scraped(&self, substation: &Substation, reach: Reach, now: Moment) {
        let news = substation.scraped(reach, now);
        self.follow(substation, news);
    }

    /// Takes the substation `name` out of rotation, or lets it in again. None: there is none of that name.
    pub fn drain(&self, name: &str, is_draining: bool) -> Option<&Arc<Substation>> {
        let named = |substation: &&Arc<Substation>| substation.name() == name;
        let substation = self.substations().iter().find(named)?;
        let now = self.shared.clock.now();
        let news = substation
            .rotation_state()
            .drain(substation.ledger(), is_draining, now);
        self.follow(substation, news);
        Some(substation)
    }

    fn follow(&self, substation: &Substation, news: Option<RotationEvent>) {
        if let Some(news) = news {
            substation.announce(news);
            self.shared.review(substation);
        }
    }
}
