//! The substations that a configuration lists.

use std::{net::SocketAddr, sync::Arc};

use switchyard_config::Config;
use switchyard_http1::Unencodable;

use crate::{common::Common, metrics::GridMetrics, substation::Substation};

/// The substations that `config` lists, all of them taking part: those `known` by name and address, and new ones.
pub(crate) fn members(
    common: &Common,
    config: &Config,
    metrics: &GridMetrics,
    known: impl Fn(&str, SocketAddr) -> Option<Arc<Substation>>,
) -> Result<Vec<Arc<Substation>>, Unencodable> {
    let listed = || config.substations.iter();
    let members = listed()
        .map(|one| match known(&one.name, one.address) {
            Some(known) => Ok(known),
            None => Substation::new(one, config, metrics, &common.census).map(Arc::new),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let now = common.clock.now();
    for (member, listed) in members.iter().zip(listed()) {
        member.join(listed, config, now)?;
        member.metrics().prepare(config.policy.into());
    }
    common.set_members(&members, &config.health);
    Ok(members)
}
