//! The table of drains: which substations drain, who said so and why.
//!
//! Three can say that a substation drains: what lists it (the configuration, or a label of a discovery source), the
//! fleet (a command that all its proxies share), and a command to this proxy alone. It drains while any of them says so.
//!
//! A drain belongs to a *name*. So it also holds for a substation that comes back, that moves to another address, or
//! that is listed only later: what the fleet says of names that are not listed here is kept for that.
//!
//! The table is under one lock, which is held until the members have heard of a change. So a reload that comes at the
//! same moment makes no member that has missed it.

use std::{collections::HashMap, sync::Arc};

use switchyard_config as config;

use crate::{
    clock::Clock,
    drain::{Drain, DrainSource},
};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Drains {
    pub(super) listed: Table,
    pub(super) fleet: Table,
    pub(super) local: Table,
    /// Whether the fleet was heard since the start.
    pub(super) is_fleet_known: bool,
}

pub(super) type Table = HashMap<Arc<str>, Arc<Drain>>;

/// A change of what the fleet says of a name, or a command to this proxy.
pub(super) struct Change {
    pub(super) name: Arc<str>,
    pub(super) source: DrainSource,
    /// `None` ends the drain.
    pub(super) drain: Option<Arc<Drain>>,
    pub(super) by: Arc<str>,
}

impl Drains {
    /// Why the substation of this name drains; `None` if it does not.
    pub(super) fn in_force(&self, name: &str) -> Option<&Arc<Drain>> {
        let fleet = || self.fleet.get(name);
        let local = || self.local.get(name);
        self.listed.get(name).or_else(fleet).or_else(local)
    }

    /// Takes what a configuration and its discovery sources say from now on. What they have said before keeps its time.
    pub(super) fn list(&mut self, substations: &[config::Substation], clock: Clock) {
        let before = std::mem::take(&mut self.listed);
        let draining = substations.iter().filter_map(|one| {
            let source = match (one.drain, one.drain_label) {
                (true, _) => DrainSource::Configuration,
                (false, true) => DrainSource::Discovery,
                (false, false) => return None,
            };
            let known = before.get_key_value(one.name.as_str());
            if let Some((name, drain)) = known.filter(|(_, drain)| drain.source == source) {
                return Some((Arc::clone(name), Arc::clone(drain)));
            }
            let drain = Drain::listed(source, now(clock));
            Some((one.name.as_str().into(), Arc::new(drain)))
        });
        self.listed = draining.collect();
    }

    pub(super) fn apply(&mut self, change: &Change) {
        let table = match change.source {
            DrainSource::Configuration | DrainSource::Discovery => &mut self.listed,
            DrainSource::Fleet => &mut self.fleet,
            DrainSource::Local => &mut self.local,
        };
        match &change.drain {
            Some(drain) => table.insert(Arc::clone(&change.name), Arc::clone(drain)),
            None => table.remove(&change.name),
        };
    }
}

/// Now, in whole seconds since the Unix epoch.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time after 1970"
)]
pub(super) fn now(clock: Clock) -> u64 {
    clock.unix_seconds(clock.now()).max(0.0) as u64
}
