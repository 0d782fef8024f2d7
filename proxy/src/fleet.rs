//! What this proxy shares with others: the door to the store of its fleet.
//!
//! Drains of the fleet come in by one task ([`Fleet::follow`]), and go out by commands of the admin port. While the store
//! can't be asked, those that were read last stay in force.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use parking_lot::Mutex;
use switchyard_config as config;
use switchyard_fleet::{Drain, Store, StoreError, StoreMetrics, StoreState};
use switchyard_grid::{FleetDrain, Grid};

/// The longest text from the store that is shown, in characters: anybody may have written it.
const LONGEST_TEXT: usize = 300;

/// See the [module](self).
#[derive(Debug)]
pub struct Fleet {
    store: Option<Arc<Store>>,
    /// The name of this proxy in what the store says of it.
    name: String,
    /// Held while the drains that were read last are put in force, so that older ones don't come after newer ones.
    following: Mutex<()>,
}

impl Fleet {
    /// The fleet of a configuration, if it has one. The store is not connected before it [runs](Store::run).
    #[must_use]
    pub fn new(config: Option<&config::Fleet>, metrics: &StoreMetrics) -> Self {
        let store = config.map(|fleet| Arc::new(Store::new(fleet, metrics.clone())));
        Self {
            store,
            name: host_name(),
            following: Mutex::default(),
        }
    }

    /// Adds the number of the admin port to the name of this proxy: several may run on one machine.
    pub fn set_port(&mut self, port: u16) {
        self.name = format!("{}:{port}", host_name());
    }

    /// The store, if there is one.
    #[must_use]
    pub fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// The state of the store, to be shown; `None` where there is none.
    #[must_use]
    pub fn status(&self) -> Option<switchyard_status::Fleet> {
        let store = self.store.as_ref()?;
        let is_up = store.state() == StoreState::Up;
        Some(switchyard_status::Fleet::of(is_up))
    }

    /// Drains the substation `name` in the whole fleet. In force here when it returns. The same once more changes
    /// nothing, and keeps who was first.
    pub async fn drain(
        &self,
        store: &Store,
        grid: &Grid,
        (name, by, reason): (&str, &str, Option<&str>),
    ) -> Result<(), StoreError> {
        let known = grid.said_of(name).fleet;
        let known = known.and_then(|known| known.reason.clone());
        let is_news = reason.is_some() && known.as_deref() != reason;
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let drain = Drain {
            by: format!("{by} through {}", self.name),
            at: at.map_or(0, |at| at.as_secs()),
            reason: reason.map(str::to_owned),
        };
        store.set_drain(name, &drain, is_news).await?;
        self.put_in_force(store, grid, None);
        Ok(())
    }

    /// Ends the drain of `name` in the whole fleet. In force here when it returns.
    pub async fn undrain(
        &self,
        store: &Store,
        grid: &Grid,
        (name, by): (&str, &str),
    ) -> Result<(), StoreError> {
        store.unset_drain(name).await?;
        self.put_in_force(store, grid, Some((name, by)));
        Ok(())
    }

    /// Puts in force what the fleet drains, now and after each change.
    /// Without a store it never ends.
    pub async fn follow(&self, grid: impl Fn() -> Arc<Grid>) {
        let Some(store) = &self.store else {
            return std::future::pending().await;
        };
        let mut drains = store.drains();
        loop {
            drains.mark_unchanged();
            self.put_in_force(store, &grid(), None);
            // The store lives as long as this, so the channel does not close.
            let _ = drains.changed().await;
        }
    }

    fn put_in_force(&self, store: &Store, grid: &Grid, ended: Option<(&str, &str)>) {
        let _following = self.following.lock();
        let drains = store.drains();
        let drains = drains.borrow().clone();
        // Before the first reading nothing is known of the fleet, which is not the same as that it drains nothing.
        if let Some(drains) = drains {
            let drains = drains.iter();
            let drains = drains.map(|(name, drain)| (name.to_string(), told(drain)));
            grid.follow_fleet(drains.collect::<HashMap<_, _>>(), ended);
        }
    }
}

/// A drain as the store tells it.
fn told(drain: &Drain) -> FleetDrain {
    let by = match line(&drain.by) {
        by if by.is_empty() => "unknown".to_owned(),
        by => by,
    };
    FleetDrain {
        by,
        at: drain.at,
        reason: drain.reason.as_deref().map(line),
    }
}

/// Text as one line that is not too long.
fn line(text: &str) -> String {
    let shown = text.chars().take(LONGEST_TEXT);
    shown
        .map(|one| if one.is_control() { '\u{fffd}' } else { one })
        .collect()
}

/// What the system calls this machine.
pub(crate) fn host_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_anybody_may_have_written_is_shown_as_one_short_line() {
        let told = told(&Drain {
            by: "me\nERROR all is lost\u{1b}[2J".to_owned(),
            at: 5,
            reason: Some("a".repeat(10_000)),
        });
        assert_eq!(told.by, "me\u{fffd}ERROR all is lost\u{fffd}[2J");
        assert_eq!(told.reason.map(|reason| reason.len()), Some(LONGEST_TEXT));
        let nothing = super::told(&Drain::default());
        assert_eq!((nothing.by.as_str(), nothing.reason), ("unknown", None));
    }

    #[test]
    fn this_machine_has_a_name() {
        assert!(!host_name().is_empty());
    }
}
