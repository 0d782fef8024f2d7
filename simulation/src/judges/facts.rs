//! What is known of the day so far: the truth, which no proxy knows.

mod families;
mod outages;
mod requests;
mod sessions;

use std::time::Duration;

use crate::world::{
    event::{Event, What},
    plan::Plan,
};

pub(super) use self::{
    families::{Families, Family},
    outages::{Outages, disturbs},
    requests::{Request, Requests, Told},
    sessions::{Session, Sessions},
};

/// What is known of the day so far.
pub(super) struct Facts {
    /// The day.
    pub(super) plan: Plan,
    /// What time it is.
    pub(super) now: Duration,
    /// Who knows what of keys and loads.
    pub(super) families: Families,
    /// What is broken, and was.
    pub(super) outages: Outages,
    /// What clients asked, and what they were told.
    pub(super) requests: Requests,
    /// What substations booked.
    pub(super) sessions: Sessions,
}

impl Facts {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            now: Duration::ZERO,
            families: Families::new(
                plan.settings
                    .has_state_file
                    .then_some(plan.settings.state_interval),
            ),
            outages: Outages::default(),
            requests: Requests::default(),
            sessions: Sessions::default(),
        }
    }

    /// Takes an event in, before the judges look at it.
    pub(super) fn see(&mut self, event: &Event) {
        self.now = event.at;
        self.families.see(event);
        self.outages.see(event);
        if let What::Asked {
            request,
            proxy,
            ask,
        } = &event.what
        {
            let family = self.families.of(*proxy);
            self.requests.asked(*request, event.at, *proxy, family, ask);
        }
        if let What::Sent { request } = event.what {
            self.requests.sent(request, |proxy| self.families.of(proxy));
        }
        self.requests.see(event);
        self.sessions.see(event, &self.requests);
        if let What::SubstationDown { substation } = event.what
            && !self.has_journal(substation)
        {
            self.sessions.forget(substation);
        }
    }

    fn has_journal(&self, substation: usize) -> bool {
        let substation = self.plan.substation(substation);
        substation.is_some_and(|substation| substation.has_journal)
    }

    /// So many polls.
    pub(super) fn polls(&self, count: u32) -> Duration {
        self.plan.settings.interval * count
    }

    /// The feeders above a substation, by their place in the settings, from below.
    pub(super) fn feeders_above(&self, substation: usize) -> Vec<usize> {
        let feeders = &self.plan.settings.feeders;
        let mut path = Vec::new();
        let mut at = self.plan.substation(substation).and_then(|one| one.feeder);
        while let Some(feeder) = at {
            path.push(feeder);
            at = feeders.get(feeder).and_then(|one| one.parent);
        }
        path
    }
}
