//! The substations of a configuration, as backends.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use pingora_core::Result;
use pingora_load_balancing::{Backend, discovery::ServiceDiscovery};
use switchyard_balance::Load;
use switchyard_config::{self as config, Config};
use switchyard_scrape::Gauges;

use crate::Upstream;

/// A fixed list of backends. Each backend is made once, so its ledger survives every `LoadBalancer::update`.
#[derive(Clone, Debug)]
pub struct Substations {
    backends: BTreeSet<Backend>,
}

impl Substations {
    /// The substations of a Switchyard configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self::from_list(&config.substations, &config.load)
    }

    /// These substations; `load` names their gauges.
    #[must_use]
    pub fn from_list(listed: &[config::Substation], load: &config::Load) -> Self {
        let gauges = Gauges::new(load);
        let backends = listed.iter().map(|substation| {
            let capacity = substation.capacity.and_then(Load::new);
            let name = substation.name.clone();
            let upstream = Upstream::new(name, substation.address, capacity, &gauges);
            Arc::new(upstream).backend(substation.address)
        });
        Self {
            backends: backends.collect(),
        }
    }
}

#[async_trait]
impl ServiceDiscovery for Substations {
    async fn discover(&self) -> Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        Ok((self.backends.clone(), HashMap::new()))
    }
}
