//! The substations and feeders that a configuration lists.

use std::{net::SocketAddr, sync::Arc};

use switchyard_config::Config;
use switchyard_http1::Unencodable;

use crate::{
    drain::Drain, feeders::Feeders, metrics::GridMetrics, shared_state::SharedState,
    substation::Substation,
};

/// What a configuration lists.
pub(crate) struct Members {
    /// The substations, in the order of the configuration.
    pub(crate) substations: Vec<Arc<Substation>>,
    pub(crate) feeders: Arc<Feeders>,
}

/// The substations that `config` lists, as members of the grid: those `known` by name and address,
/// and new ones. And the feeders.
pub(crate) fn members(
    shared: &SharedState,
    config: &Config,
    metrics: &GridMetrics,
    known: impl Fn(&str, SocketAddr) -> Option<Arc<Substation>>,
) -> Result<Members, Unencodable> {
    let listed = || config.substations.iter();
    let members = listed()
        .map(|one| {
            if let Some(known) = known(&one.name, one.address) {
                return Ok(known);
            }
            let metrics = metrics.substation(&one.name);
            Substation::new(one, config, metrics, &shared.counts).map(Arc::new)
        })
        .collect::<Result<Vec<_>, _>>()?;
    shared.lasts.set_rule(config.charge.lasts);
    let (lasts, _) = shared.lasts.in_force();
    let now = shared.clock.now();
    // Until the members are set, so that none misses a command.
    let mut limits = shared.limits.lock();
    let mut drains = shared.drains.lock();
    drains.list(&config.substations, shared.clock);
    for (member, listed) in members.iter().zip(listed()) {
        let tls = listed
            .tls
            .name(config.upstream.tls.as_ref(), &listed.authority());
        member.set_tls(&shared.trust, tls.as_deref());
        let was = member.view(now).drain;
        let is = drains.in_force(member.name());
        if let Some(event) = member.join(listed, config, is.cloned(), now)? {
            member.announce(event);
            match (was, is) {
                (_, Some(drain)) => drain.log_begin(member.name()),
                (Some(was), None) => Drain::log_end(member.name(), &was.by),
                (None, None) => {}
            }
        }
        member.ledger().set_lasts(lasts);
        member.set_limit(limits.of(member.name()));
        member.metrics().prepare(config.policy.into());
    }
    metrics.show(members.iter().map(|member| member.metrics()));
    shared.set_members(&members, &config.health);
    let feeders = limits.follow(config, &shared.feeder_lock, lasts);
    for (feeder, listed) in feeders.all().iter().zip(&config.feeders) {
        if let (Some((meter, _)), Some(load)) = (feeder.metered(), &listed.load) {
            let tls = load
                .tls
                .name(config.upstream.tls.as_ref(), &load.authority());
            match tls {
                Some(name) => meter.transport().set_tls(&shared.trust, &name),
                None => meter.transport().set_plain(),
            }
        }
    }
    Ok(Members {
        substations: members,
        feeders,
    })
}
