//! Changes of the [table of drains](super::drains): by a command to this proxy, and by the fleet.

mod carried;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use tracing::info;

use crate::{
    drain::{Drain, DrainSource},
    drains::{Change, Drains, now},
    grid::Grid,
    shared_state::SharedState,
    substation::Substation,
};

/// Everything that is said of one name.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// By what lists it.
    pub listed: Option<Arc<Drain>>,
    /// By the fleet.
    pub fleet: Option<Arc<Drain>>,
    /// By a command to this proxy.
    pub local: Option<Arc<Drain>>,
}

impl Said {
    /// Whether nothing is said of it.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.listed.is_none() && self.fleet.is_none() && self.local.is_none()
    }
}

/// What the fleet says of a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FleetDrain {
    /// Who gave the command.
    pub by: String,
    /// When, in seconds since the Unix epoch.
    pub at: u64,
    /// Why, if that was given.
    pub reason: Option<String>,
}

impl From<FleetDrain> for Drain {
    fn from(FleetDrain { by, at, reason }: FleetDrain) -> Self {
        Self {
            source: DrainSource::Fleet,
            by: by.into(),
            at,
            reason: reason.map(Arc::from),
        }
    }
}

impl Grid {
    /// The substation that is listed under this name, or calls itself so.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Arc<Substation>> {
        let mut all = self.substations().iter();
        let listed = all.find(|substation| substation.name() == name);
        listed.or_else(|| {
            let own = self.shared.own_names.find(name)?;
            let mut all = self.substations().iter();
            all.find(|substation| **substation == own)
        })
    }

    /// Everything that is said of `name` now, whether a substation of that name is listed or not.
    #[must_use]
    pub fn said_of(&self, name: &str) -> Said {
        let drains = self.shared.drains.lock();
        Said {
            listed: drains.listed.get(name).cloned(),
            fleet: drains.fleet.get(name).cloned(),
            local: drains.local.get(name).cloned(),
        }
    }

    /// How many substations each source drains: what lists them, the fleet, and commands to this proxy.
    #[must_use]
    pub fn drained(&self) -> [(DrainSource, usize); 4] {
        let drains = self.shared.drains.lock();
        let by = |source| {
            let listed = drains.listed.values();
            listed.filter(|drain| drain.source == source).count()
        };
        [
            (DrainSource::Configuration, by(DrainSource::Configuration)),
            (DrainSource::Discovery, by(DrainSource::Discovery)),
            (DrainSource::Fleet, drains.fleet.len()),
            (DrainSource::Local, drains.local.len()),
        ]
    }

    /// Drains the substation `name` for this proxy alone. The same once more changes nothing, and keeps who was first.
    pub fn drain_here(&self, name: &str, by: &str, reason: Option<&str>) {
        let mut drains = self.shared.drains.lock();
        let known = drains.local.get(name);
        if known.is_some_and(|known| reason.is_none() || known.reason.as_deref() == reason) {
            return;
        }
        let drain = Drain {
            source: DrainSource::Local,
            by: by.into(),
            at: now(self.shared.clock),
            reason: reason.map(Arc::from),
        };
        let change = Change {
            name: name.into(),
            source: DrainSource::Local,
            by: Arc::clone(&drain.by),
            drain: Some(Arc::new(drain)),
        };
        self.shared.change_drains(&mut drains, &[change]);
    }

    /// Ends a drain for this proxy alone, if there is one.
    pub fn undrain_here(&self, name: &str, by: &str) {
        let mut drains = self.shared.drains.lock();
        if let Some((name, _)) = drains.local.get_key_value(name) {
            let change = Change {
                name: Arc::clone(name),
                source: DrainSource::Local,
                drain: None,
                by: by.into(),
            };
            self.shared.change_drains(&mut drains, &[change]);
        }
    }

    /// Drains, and undrains, what the fleet drains now. `ended` is the name whose drain has just been ended here, and by
    /// whom: of the others it is not known.
    pub fn follow_fleet(&self, fleet: HashMap<String, FleetDrain>, ended: Option<(&str, &str)>) {
        let mut drains = self.shared.drains.lock();
        drains.is_fleet_known = true;
        let gone = drains.fleet.keys();
        let gone = gone.filter(|name| !fleet.contains_key(&***name));
        let mut changes: Vec<_> = gone
            .map(|name| Change {
                name: Arc::clone(name),
                source: DrainSource::Fleet,
                drain: None,
                by: match ended {
                    Some((ended, by)) if *ended == **name => by.into(),
                    _ => "another proxy".into(),
                },
            })
            .collect();
        changes.extend(fleet.into_iter().filter_map(|(name, drain)| {
            let drain = Drain::from(drain);
            let known = drains.fleet.get(&*name);
            let is_news = known.is_none_or(|known| **known != drain);
            is_news.then(|| Change {
                name: name.into(),
                source: DrainSource::Fleet,
                by: Arc::clone(&drain.by),
                drain: Some(Arc::new(drain)),
            })
        }));
        self.shared.change_drains(&mut drains, &changes);
    }

    /// Forgets the commands to this proxy about these names, unless a substation of that name is listed. They are those
    /// of substations that left long ago.
    pub fn forget_drains<'a>(&self, gone: impl IntoIterator<Item = &'a str>) {
        let mut drains = self.shared.drains.lock();
        let members = self.shared.members();
        for name in gone {
            if drains.local.contains_key(name) && members.iter().all(|one| one.name() != name) {
                drains.local.remove(name);
            }
        }
    }
}

impl SharedState {
    /// Makes these changes, and lets the members follow them.
    fn change_drains(&self, drains: &mut Drains, changes: &[Change]) {
        let members = self.members();
        // A command has one name; a store that answers again may bring thousands.
        let by_name: HashMap<&str, &Arc<Substation>> = members
            .iter()
            .filter(|member| {
                changes.len() > 1 || changes.iter().any(|one| *one.name == *member.name())
            })
            .map(|member| (member.name(), member))
            .collect();
        for change in changes {
            let was_draining = drains.in_force(&change.name).is_some();
            drains.apply(change);
            let drain = drains.in_force(&change.name);
            let Some(member) = by_name.get(&*change.name) else {
                log_unlisted(change);
                continue;
            };
            log(change, was_draining, drain.is_some());
            if let Some(event) = member.set_drain(drain.cloned(), self.clock.now()) {
                member.announce(event);
                self.review(member);
            }
        }
    }
}

fn log(change: &Change, was_draining: bool, is_draining: bool) {
    let (substation, by, source) = (&*change.name, &*change.by, change.source.name());
    match &change.drain {
        Some(drain) if was_draining => {
            let reason = drain.reason.as_deref();
            info!(
                substation,
                by, reason, source, "Drain ordered: the substation drains already"
            );
        }
        Some(drain) => drain.log_begin(substation),
        None if is_draining => {
            info!(
                substation,
                by, source, "Drain lifted: the substation drains on by another one"
            );
        }
        None => Drain::log_end(substation, by),
    }
}

fn log_unlisted(change: &Change) {
    let (substation, by, source) = (&*change.name, &*change.by, change.source.name());
    match &change.drain {
        Some(drain) => {
            let reason = drain.reason.as_deref();
            info!(
                substation,
                by, reason, source, "Drain ordered for a substation that is not listed here"
            );
        }
        None => {
            info!(
                substation,
                by, source, "Drain lifted from a substation that is not listed here"
            );
        }
    }
}
