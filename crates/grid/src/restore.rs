//! How a grid goes on in the next process: see [`crate::carried`].

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use switchyard_config::{self as config, Config, MaxRequests};
use switchyard_http1::Unencodable;
use tokio::time::Instant;

use crate::{
    carried::{CarriedGrid, CarriedSubstation, Written},
    clock::Moment,
    departed::Departed,
    feeders::CarriedFeeders,
    grid::Grid,
    metrics::GridMetrics,
    substation::Substation,
};

/// What has come of a [`CarriedGrid`].
#[derive(Debug, Default)]
pub struct Restored {
    /// How many substations go on that are listed here.
    pub listed: usize,
    /// The others, and how long ago each left, in the order of leaving: for [`Departed::restore`].
    pub departed: Vec<(Arc<Substation>, Duration)>,
}

/// What a process that hands over still keeps of the room at its feeders.
#[derive(Clone, Debug, Default)]
pub struct KeptRoom(Vec<(String, i64)>);

impl Grid {
    /// What the next process needs to go on with these substations and those of `departed`.
    #[must_use]
    pub fn carry(&self, departed: &Departed) -> CarriedGrid {
        let now = Instant::now();
        let learning = self.shared.learning.lock();
        let paces: HashMap<_, _> = learning.limits.carry().collect();
        let (share, lasts) = (learning.share.carry(), learning.lasts.learned());
        drop(learning);
        let one = |substation: &Substation| CarriedSubstation {
            pace: paces.get(&substation.id()).copied(),
            ..substation.carry(self.clock(), now)
        };
        CarriedGrid {
            substations: self
                .substations()
                .iter()
                .map(|member| one(member))
                .collect(),
            departed: departed
                .since(now)
                .map(|(gone, left_ago)| (one(gone), left_ago))
                .collect(),
            share: Some(share),
            lasts,
            drains: self.carry_drains(),
        }
    }

    /// Goes on from what another process has left. To be called once, before requests come.
    ///
    /// A process that is alive is believed to book for as long as its requests and connections may last. Call
    /// [`Grid::predecessor_ended`] if it is known sooner that it does not.
    ///
    /// `config` is that of this grid. Substations that it does not list are departed: requests may concern them, and they
    /// may come back.
    pub fn restore(
        &self,
        carried: CarriedGrid,
        written: Written,
        config: &Config,
        metrics: &GridMetrics,
    ) -> Result<Restored, Unencodable> {
        if let Some(lasts) = carried.lasts {
            self.learn_lasts(lasts);
        }
        self.restore_drains(carried.drains, config.fleet.is_some());
        let mut restored = Restored::default();
        let mut paces = Vec::new();
        let members: HashMap<(&str, SocketAddr), &Arc<Substation>> = self
            .substations()
            .iter()
            .map(|member| ((member.name(), member.address()), member))
            .collect();
        let now = Instant::now();
        let departed = carried
            .departed
            .into_iter()
            .map(|(gone, left_ago)| (gone, left_ago.saturating_add(written.ago)));
        // Those that are listed no more have left just now.
        let listed = carried.substations.into_iter();
        for (one, left_ago) in departed.chain(listed.map(|one| (one, Duration::ZERO))) {
            let member = members.get(&(&*one.name, one.address));
            let substation = match member {
                Some(member) => Arc::clone(member),
                None => Arc::new(self.absent(&one, config, metrics)?),
            };
            substation.restore(&one, written, self.clock(), now);
            self.restore_names(&substation, &one.naming);
            if let Some(pace) = one.pace.filter(|_| self.max_requests == MaxRequests::Auto) {
                // The next look is too late: one that hangs seems to be empty.
                substation.ledger().set_request_limit(pace.limit());
                paces.push((substation.id(), pace));
            }
            match member {
                Some(_) => restored.listed += 1,
                None => restored.departed.push((substation, left_ago)),
            }
        }
        let mut learning = self.shared.learning.lock();
        learning.lasts.restore(carried.lasts);
        learning.limits.restore(paces);
        if let Some(share) = carried.share {
            learning.share.restore(share);
            self.roster.set_share(learning.share.carry().share);
        }
        drop(learning);
        if written.is_alive {
            let timeouts = &config.timeouts;
            self.shared
                .predecessor()
                .begin(self.clock().at(now), timeouts.request, timeouts.idle);
        }
        self.note_stale();
        self.shared.review_all();
        Ok(restored)
    }

    /// The process that this grid was restored from books nothing more.
    pub fn predecessor_ended(&self) {
        self.feeders.await_samples();
        if self.shared.predecessor().end() {
            self.settle_predecessor();
        }
    }

    /// Notes how much of its time is over `now`.
    pub(crate) fn pass_predecessor(&self, now: Moment) {
        let was_alive = self.shared.predecessor().is_alive();
        if self.shared.predecessor().pass(now) {
            self.settle_predecessor();
        }
        if was_alive && !self.shared.predecessor().is_alive() {
            self.feeders.await_samples();
        }
    }

    /// What the next process needs to go on with the feeders: their meters, and the room that is `kept` here.
    #[must_use]
    pub fn carry_feeders(&self, kept: KeptRoom) -> CarriedFeeders {
        CarriedFeeders {
            kept: kept.0,
            ..self.feeders.carry(self.clock(), Instant::now())
        }
    }

    /// Another process is about to take over. From now on this one books at most half of what is left at each feeder; the
    /// other half is for the other one.
    #[must_use]
    pub fn divide_feeders(&self) -> KeptRoom {
        KeptRoom(self.feeders.divide())
    }

    /// The other process has not come: all that is left at the feeders is this one's again.
    pub fn unite_feeders(&self) {
        self.feeders.unite();
    }

    /// Goes on from what another process has left of the meters of its feeders. To be called once, after
    /// [`Grid::restore`].
    pub fn restore_feeders(&self, carried: &CarriedFeeders, written: Written) {
        self.feeders
            .restore(carried, written, self.clock(), Instant::now());
    }

    fn settle_predecessor(&self) {
        self.feeders.predecessor_ended();
        for substation in self.substations() {
            substation.ledger().predecessor_ended();
        }
    }

    /// A substation that is not listed here.
    fn absent(
        &self,
        carried: &CarriedSubstation,
        config: &Config,
        metrics: &GridMetrics,
    ) -> Result<Substation, Unencodable> {
        let listed = config::Substation {
            host: carried.host.clone(),
            capacity: carried.capacity,
            ..config::Substation::new(carried.name.clone(), carried.address)
        };
        let metrics = metrics.departed(&carried.name);
        let substation = Substation::new(&listed, config, metrics, &self.shared.counts)?;
        substation.ledger().set_lasts(self.lasts().0);
        Ok(substation)
    }
}

#[cfg(test)]
mod tests;
