//! From one configuration's grid to the next.
//!
//! A grid never changes; a changed configuration makes a new one. What must not begin anew goes over: a substation whose
//! name and address stay is the *same* one, with its ledger, its health and an operator's word, and so is one that comes
//! back before it is [forgotten](super::Departed). What all grids of a process share (the counts, whether a first
//! round is done) is not theirs.
//!
//! The order matters: first those that stay or come are told, then the new grid is published, and only then do those
//! go that are not in it. So a request always finds somebody, whichever of the two grids it holds.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
};

use switchyard_config::Config;
use switchyard_http1::Unencodable;

use crate::{grid::Grid, members::members, metrics::GridMetrics, substation::Substation};

impl Grid {
    /// The grid of `config` after this one. `departed` are those that left before and may come back.
    ///
    /// When it is published, `self` has to [let those go](Self::retire) that are not in it.
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
        let substations = members(&self.shared, config, metrics, |name, address| {
            known.get(&(name, address)).copied().map(Arc::clone)
        })?;
        let grid = Self::of(config, substations, Arc::clone(&self.shared), seed);
        grid.roster.set_share(self.roster.share());
        // Old samples are old under the new rules.
        grid.note_stale();
        Ok(grid)
    }

    /// Lets go those that are not in `successor`, which is published: no new sessions, no scrapes. Returns them.
    pub fn retire(&self, successor: &Self) -> Vec<Arc<Substation>> {
        let stay: HashSet<_> = successor.ids().collect();
        let now = self.shared.clock.now();
        let gone = self.substations().iter();
        let gone: Vec<_> = gone
            .filter(|one| !stay.contains(&one.id()))
            .cloned()
            .collect();
        for substation in &gone {
            substation.leave(now);
        }
        self.shared.review_all();
        gone
    }
}

#[cfg(test)]
mod tests;
