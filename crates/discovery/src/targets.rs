//! Looks up the hosts of targets that are names.

use std::{collections::BTreeMap, net::IpAddr};

use futures_util::{StreamExt, TryStreamExt, stream};
use switchyard_fetch::{Lookups, UnknownHost};
use switchyard_target_groups::{Found, Target};

/// Looks up the hosts that are names, each once. Of several addresses it takes the lowest, IPv4 first: resolvers
/// shuffle their answers, and that must not move a substation.
pub(super) async fn resolve(
    targets: Vec<Target>,
    lookups: &Lookups,
) -> Result<Vec<Found>, UnknownHost> {
    let mut names: Vec<_> = targets
        .iter()
        .filter_map(|target| target.name_to_look_up().map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    let known: BTreeMap<String, IpAddr> = stream::iter(names)
        .map(|name| async move {
            let ip = lookups.first(&name).await?;
            Ok((name, ip))
        })
        .buffer_unordered(Lookups::AT_ONCE)
        .try_collect()
        .await?;
    let found = targets
        .into_iter()
        .filter_map(|target| target.found(|name| known.get(name).copied()));
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use switchyard_target_groups::{Format, parse};

    use super::*;

    #[tokio::test]
    async fn a_host_is_looked_up_and_keeps_its_name() {
        let targets = parse(b"- targets: ['localhost:5001']", Format::Yaml).unwrap();
        let found = resolve(targets, &Lookups::default()).await.unwrap();
        assert_eq!(found[0].name, "localhost:5001");
        assert!(found[0].address.ip().is_loopback());
    }

    #[tokio::test]
    async fn an_unknown_host_is_named() {
        let targets = parse(
            b"- targets: ['unknown.invalid:5001', '10.0.0.1:1']",
            Format::Yaml,
        )
        .unwrap();
        let error = resolve(targets, &Lookups::default())
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("unknown.invalid: is a host name that cannot be looked up"),
            "{error}"
        );
    }
}
