//! Merges configured and discovered substations into one list.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    net::SocketAddr,
};

use switchyard_address::reaches;
use switchyard_config::{Feeder, MOST_SUBSTATIONS, Substation};
use switchyard_target_groups::Found;

/// A discovered substation that was ignored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MergeConflict {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: SocketAddr,
    /// Why it was ignored.
    pub cause: ConflictCause,
}

/// Why a discovered substation was ignored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ConflictCause {
    /// The proxy itself listens there.
    Own,
    /// The name belongs to this other address.
    Name(SocketAddr),
    /// The address belongs to this other name, or has another capacity or feeder.
    Address(String),
    /// The limit of substations is reached.
    Full,
    /// A feeder has the name.
    IsFeeder,
    /// Its feeder is not one of the configuration's. It is not ignored: it drains.
    NoFeeder(String),
}

impl fmt::Display for MergeConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            address,
            cause,
        } = self;
        write!(f, "{name} at {address}: ")?;
        match cause {
            ConflictCause::Own => f.write_str("the proxy itself listens there"),
            ConflictCause::Name(other) => write!(f, "the name belongs to {other}"),
            ConflictCause::Address(other) => {
                write!(
                    f,
                    "the address belongs to {other}, or the capacity or feeder differs"
                )
            }
            ConflictCause::IsFeeder => f.write_str("a feeder has the name"),
            ConflictCause::NoFeeder(feeder) => {
                write!(
                    f,
                    "there is no feeder {feeder}, and without its limit it takes no new sessions"
                )
            }
            ConflictCause::Full => write!(f, "there are {MOST_SUBSTATIONS} substations already"),
        }
    }
}

/// The substations that are `listed`, then those that were `found`, in order. If two sources disagree about a
/// substation, the first one wins, and the other is a conflict; if they agree, it appears once. It drains if any of
/// them says so. Labels are those of the first. One whose feeder is not among `feeders` has no feeder, and drains: what
/// has no limit gets no load. `own` are the proxy's listeners, which are never substations.
#[must_use]
pub fn merge<'a>(
    listed: &[Substation],
    feeders: &[Feeder],
    found: impl IntoIterator<Item = &'a Found>,
    own: &[SocketAddr],
) -> (Vec<Substation>, Vec<MergeConflict>) {
    let mut all = listed.to_vec();
    let mut conflicts = Vec::new();
    let feeders: HashSet<_> = feeders.iter().map(|feeder| feeder.name.as_str()).collect();
    let mut by_name = HashMap::new();
    let mut by_address = HashMap::new();
    for (position, substation) in all.iter().enumerate() {
        by_name.insert(substation.name.clone(), substation.address);
        by_address.insert(substation.address, position);
    }
    for found in found {
        let cause = if own.iter().any(|listen| reaches(found.address, *listen)) {
            Some(ConflictCause::Own)
        } else if let Some(first) = by_address
            .get(&found.address)
            .and_then(|at| all.get_mut(*at))
        {
            let agrees = (!found.is_named || found.name == first.name)
                && (found.capacity.is_none() || found.capacity == first.capacity)
                && (found.feeder.is_none() || found.feeder == first.feeder);
            if agrees {
                first.drain_label |= found.drain;
                continue;
            }
            Some(ConflictCause::Address(first.name.clone()))
        } else if feeders.contains(found.name.as_str()) {
            Some(ConflictCause::IsFeeder)
        } else if let Some(first) = by_name.get(&found.name) {
            Some(ConflictCause::Name(*first))
        } else if all.len() >= MOST_SUBSTATIONS {
            Some(ConflictCause::Full)
        } else {
            None
        };
        let conflict = |cause| MergeConflict {
            name: found.name.clone(),
            address: found.address,
            cause,
        };
        if let Some(cause) = cause {
            conflicts.push(conflict(cause));
            continue;
        }
        let (feeder, unknown) = match &found.feeder {
            Some(feeder) if !feeders.contains(feeder.as_str()) => (None, Some(feeder.clone())),
            other => (other.clone(), None),
        };
        let drain_label = found.drain || unknown.is_some();
        conflicts.extend(unknown.map(|feeder| conflict(ConflictCause::NoFeeder(feeder))));
        by_name.insert(found.name.clone(), found.address);
        by_address.insert(found.address, all.len());
        all.push(Substation {
            name: found.name.clone(),
            address: found.address,
            host: found.host.clone(),
            capacity: found.capacity,
            feeder,
            labels: found.labels.clone(),
            tls: found.tls.clone(),
            drain: false,
            drain_label,
        });
    }
    (all, conflicts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use switchyard_config::SubstationTls;

    use super::*;

    fn at(last: u8) -> SocketAddr {
        ([10, 0, 0, last], 5001).into()
    }

    fn found(name: &str, last: u8) -> Found {
        Found {
            name: name.to_owned(),
            is_named: !name.contains(':'),
            address: at(last),
            host: None,
            capacity: None,
            feeder: None,
            labels: BTreeMap::new(),
            tls: SubstationTls::AsUpstream,
            drain: false,
        }
    }

    fn listed(name: &str, last: u8) -> Substation {
        Substation::new(name.to_owned(), at(last))
    }

    #[test]
    fn the_first_source_of_a_substation_wins_and_the_order_is_kept() {
        let before = [listed("a", 1), listed("b", 2)];
        let after = [
            found("c", 3),
            found("a", 4),             // the name is taken
            found("other", 2),         // the address is
            found("a", 1),             // says the same
            found("10.0.0.2:5001", 2), // says nothing else
            found("d", 5),
            found("d", 6),
        ];
        let (all, conflicts) = merge(&before, &[], &after, &[]);
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        let causes: Vec<_> = conflicts.iter().map(ToString::to_string).collect();
        let expected = [
            "a at 10.0.0.4:5001: the name belongs to 10.0.0.1:5001",
            "other at 10.0.0.2:5001: the address belongs to b, or the capacity or feeder differs",
            "d at 10.0.0.6:5001: the name belongs to 10.0.0.5:5001",
        ];
        assert_eq!(causes, expected);
    }

    #[test]
    fn another_capacity_for_the_same_substation_is_a_conflict_and_the_first_wins() {
        let with = |capacity| Found {
            capacity: Some(capacity),
            ..found("a", 1)
        };
        let (all, conflicts) = merge(&[], &[], &[with(1.0), with(1.0), with(2.0)], &[]);
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].capacity, conflicts.len()), (Some(1.0), 1));
    }

    #[test]
    fn another_feeder_is_a_conflict_and_labels_are_those_of_the_first() {
        let config = switchyard_config::Config::from_yaml(
            "feeders: [{name: f7}, {name: f8}]\nsubstations: [{name: a, address: 10.0.0.1:5001, feeder: f7}]",
            "test",
        );
        let config = config.unwrap();
        let with = |name: &str, last, feeder: Option<&str>, zone: &str| Found {
            feeder: feeder.map(ToOwned::to_owned),
            labels: [("zone".to_owned(), zone.to_owned())].into(),
            drain: true,
            ..found(name, last)
        };
        let found = [
            with("a", 1, Some("f8"), "x"),
            with("b", 2, Some("f8"), "x"),
            // It says nothing of the feeder, and agrees.
            with("b", 2, None, "y"),
            with("f7", 3, None, "x"),
            with("c", 4, Some("f9"), "x"),
        ];
        let (all, conflicts) = merge(&config.substations, &config.feeders, &found, &[]);
        let shown = |one: &Substation| {
            let zone = one.labels.get("zone").cloned().unwrap_or_default();
            let feeder = one.feeder.clone().unwrap_or_default();
            format!("{} {feeder} {zone} {}", one.name, one.drain_label)
        };
        let all: Vec<_> = all.iter().map(shown).collect();
        assert_eq!(all, ["a f7  false", "b f8 x true", "c  x true"]);
        let conflicts: Vec<_> = conflicts.iter().map(ToString::to_string).collect();
        let expected = [
            "a at 10.0.0.1:5001: the address belongs to a, or the capacity or feeder differs",
            "f7 at 10.0.0.3:5001: a feeder has the name",
            "c at 10.0.0.4:5001: there is no feeder f9, and without its limit it takes no new sessions",
        ];
        assert_eq!(conflicts, expected);
    }

    #[test]
    fn a_substation_drains_if_any_that_agrees_on_it_says_so() {
        let draining = |name, last| Found {
            drain: true,
            ..found(name, last)
        };
        let file = Substation {
            drain: true,
            ..listed("b", 2)
        };
        let found = [
            draining("a", 1),
            found("b", 2),
            found("c", 3),
            draining("10.0.0.3:5001", 3),
            found("d", 4),
            // It is another substation to its source, so its word does not count either.
            draining("other", 4),
        ];
        let (all, conflicts) = merge(&[listed("a", 1), file], &[], &found, &[]);
        let said: Vec<_> = all.iter().map(|one| (one.drain, one.drain_label)).collect();
        assert_eq!(
            said,
            [(false, true), (true, false), (false, true), (false, false)]
        );
        assert_eq!(conflicts.len(), 1);
    }

    #[test]
    fn the_proxy_does_not_become_its_own_substation() {
        let own = ["[::]:5001".parse().unwrap(), at(9)];
        let here = |name, address: &str| Found {
            address: address.parse().unwrap(),
            ..found(name, 1)
        };
        let [v4, v6] = [here("v4", "127.0.0.1:5001"), here("v6", "[::1]:5001")];
        let (all, conflicts) = merge(&[], &[], &[v4, v6, found("x", 9), found("y", 8)], &own);
        assert_eq!(all, [listed("y", 8)]);
        assert_eq!(conflicts.len(), 3);
        assert!(
            conflicts
                .iter()
                .all(|conflict| conflict.cause == ConflictCause::Own)
        );
    }

    #[test]
    fn more_than_ten_thousand_substations_are_ignored() {
        let many: Vec<_> = (0..10_002_u32)
            .map(|i| Found {
                address: (std::net::Ipv4Addr::from(0x0a00_0000 + i), 1).into(),
                ..found(&format!("s{i}"), 1)
            })
            .collect();
        let (all, conflicts) = merge(&[], &[], &many, &[]);
        assert_eq!((all.len(), conflicts.len()), (MOST_SUBSTATIONS, 2));
    }
}
