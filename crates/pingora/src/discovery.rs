//! A fixed list of backends.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use pingora_core::Result;
use pingora_load_balancing::{Backend, discovery::ServiceDiscovery};

use crate::Upstream;

/// A fixed list of backends. Each backend is made once, so its ledger survives every `LoadBalancer::update`.
///
/// A discovery of your own works too, if it keeps the [`Upstream`] of each address and makes its backends with
/// [`Upstream::backend`].
#[derive(Clone, Debug)]
pub struct Upstreams {
    backends: BTreeSet<Backend>,
}

impl Upstreams {
    /// These backends, for one balancer only: a ledger follows the newest.
    #[must_use]
    pub fn new(upstreams: impl IntoIterator<Item = Upstream>) -> Self {
        let backends = upstreams.into_iter().map(|it| Arc::new(it).backend());
        Self {
            backends: backends.collect(),
        }
    }
}

#[async_trait]
impl ServiceDiscovery for Upstreams {
    async fn discover(&self) -> Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        Ok((self.backends.clone(), HashMap::new()))
    }
}
