//! From one configuration's grid to the next.
//!
//! A grid never changes; a changed configuration builds a new one. A substation that keeps its name
//! and address is the *same* substation there, with its ledger and its health. So is a substation
//! that comes back before it is [forgotten](super::Departed). A [drain](super::drains) belongs to
//! the name alone. What all grids of a process share is in [`super::shared_state`].
//!
//! The order matters. First the substations that stay or come are made members, then the new grid
//! is published, and only then the others are retired. So a request always finds a substation,
//! whichever of the two grids it holds.
//!
//! A member that gets another feeder goes there while the new grid is made, in one step and with all of its load: a
//! reservation looks at the feeders that are above it at that moment, whichever grid it was chosen from. One that leaves
//! stays under its feeder until it is retired.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
};

use switchyard_config::Config;
use switchyard_http1::Unencodable;

use crate::{grid::Grid, members::members, metrics::GridMetrics, substation::Substation};

impl Grid {
    /// The grid of `config`, to follow this one. `departed` are substations that left before and
    /// may come back.
    ///
    /// Once it is published, call [`Grid::retire`] on `self`. Fails if the path of charges can't be
    /// encoded.
    pub fn rebuild(
        &self,
        config: &Config,
        metrics: &GridMetrics,
        departed: &[Arc<Substation>],
        seed: u64,
    ) -> Result<Self, Unencodable> {
        let known = departed.iter().chain(self.substations());
        let known: HashMap<(&str, SocketAddr), &Arc<Substation>> = known
            .map(|known| ((known.name(), known.address()), known))
            .collect();
        let members = members(&self.shared, config, metrics, |name, address| {
            known.get(&(name, address)).copied().map(Arc::clone)
        })?;
        let grid = Self::of(config, members, Arc::clone(&self.shared), seed);
        grid.roster.set_share(self.roster.share());
        // The new configuration may have another `load.stale_after`.
        grid.note_stale();
        Ok(grid)
    }

    /// Retires the substations that are not in `successor`, which is published: they get no new
    /// sessions and no scrapes. Returns them.
    pub fn retire(&self, successor: &Self) -> Vec<Arc<Substation>> {
        let stay: HashSet<_> = successor.ids().collect();
        let now = self.shared.clock.now();
        let gone = self.substations().iter();
        let gone: Vec<_> = gone
            .filter(|substation| !stay.contains(&substation.id()))
            .cloned()
            .collect();
        for substation in &gone {
            substation.leave(now);
        }
        self.shared.review_all();
        gone
    }

    /// Forgets what substations called themselves of which nothing is left.
    pub fn tidy_names(&self) {
        self.shared.own_names.tidy();
    }
}

#[cfg(test)]
mod tests;
