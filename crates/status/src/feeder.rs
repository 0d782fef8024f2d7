//! Feeders: limits that several substations share.

use std::{borrow::Cow, collections::HashMap, iter};

use serde::{Deserialize, Serialize};

use crate::{
    limit::{Limit, bound, is_full, utilisation},
    substation::Substation,
};

/// One feeder, in the answer of `/status`. Loads are in the unit of the load gauge.
#[derive(Debug, Serialize)]
pub struct FeederStatus<'a> {
    /// Unique among feeders and substations.
    pub name: &'a str,
    /// The feeder above it; null for a root.
    pub parent: Option<&'a str>,
    /// Of its meter, as of a substation's gauge; `up` without a meter.
    pub state: &'static str,
    /// As its meter measured it last; without a meter the sum of its members' samples. Null before a first sample.
    pub current_load: Option<f64>,
    /// As configured or measured; null where it is unknown.
    pub capacity: Option<f64>,
    /// The estimate of its load now.
    pub estimated_load: f64,
    /// How old its meter's sample is; null without a meter and before a first sample.
    pub sample_age_seconds: Option<f64>,
    /// The strictest limit in force; null if there is none.
    pub limit: Option<Limit>,
}

/// One feeder, in a [snapshot](crate::StatusSnapshot). Loads are in the unit of the load gauge.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Feeder {
    /// Unique among feeders and substations.
    pub name: String,
    /// The feeder above it; none for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Of its meter, as of a substation's gauge; `up` without a meter.
    pub state: Cow<'static, str>,
    /// As measured last: by its meter, or by the gauges of its members.
    #[serde(rename = "load")]
    pub current_load: Option<f64>,
    /// As configured or measured, if known.
    pub capacity: Option<f64>,
    /// The estimate of its load now.
    #[serde(rename = "estimate")]
    pub estimated_load: f64,
    /// How old its meter's sample is.
    #[serde(rename = "age_seconds")]
    pub sample_age_seconds: Option<f64>,
    /// The strictest limit in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

impl Feeder {
    /// The most load that it may bear: the least of its capacity and the limit in force.
    #[must_use]
    pub fn bound(&self) -> Option<f64> {
        bound(self.capacity, self.limit.as_ref())
    }

    /// The estimate divided by the bound, if there is one.
    #[must_use]
    pub fn utilisation(&self) -> Option<f64> {
        utilisation(self.estimated_load, self.bound())
    }

    /// Whether it has no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        is_full(self.estimated_load, self.bound())
    }

    /// Whether it has a meter of which nothing fresh is known.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.state != "up"
    }
}

/// Names for each substation the level of its path that binds: itself or the feeder with the highest utilisation.
/// Substations without a feeder have no such name, and neither have those on whose path nothing has a bound.
pub fn name_binding(substations: &mut [Substation], feeders: &[Feeder]) {
    let at = |name: &str| feeders.iter().position(|feeder| feeder.name == name);
    let parents: Vec<_> = feeders
        .iter()
        .map(|feeder| feeder.parent.as_deref().and_then(at))
        .collect();
    // The fullest level from each feeder up. A tree has no more levels than feeders.
    let fullest: Vec<_> = (0..feeders.len())
        .map(|from| {
            let path = iter::successors(Some(from), |at| parents.get(*at).copied().flatten());
            path.take(feeders.len())
                .filter_map(|at| feeders.get(at))
                .filter_map(|feeder| {
                    Some((
                        pressure(feeder.estimated_load, feeder.bound())?,
                        feeder.name.as_str(),
                    ))
                })
                .reduce(|best, one| if one.0 > best.0 { one } else { best })
        })
        .collect();
    let by_name: HashMap<_, _> = feeders
        .iter()
        .map(|feeder| feeder.name.as_str())
        .zip(fullest)
        .collect();
    for one in substations {
        let Some(feeder) = &one.feeder else { continue };
        let above = by_name.get(feeder.as_str()).copied().flatten();
        let own = pressure(one.estimated_load, one.bound());
        let is_above = above.is_some_and(|(above, _)| own.is_none_or(|own| above > own));
        let own = own.map(|_| one.name.as_str());
        let name = above.filter(|_| is_above).map(|(_, name)| name).or(own);
        one.binding = name.map(str::to_owned);
    }
}

/// How near a level is to its bound; nothing is nearer than one that allows no load.
fn pressure(load: f64, bound: Option<f64>) -> Option<f64> {
    bound.map(|bound| utilisation(load, Some(bound)).unwrap_or(f64::INFINITY))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{balance::tests::substation, limit::tests::limit};

    /// A feeder whose meter was just read.
    pub(crate) fn feeder(name: &str, parent: Option<&str>, estimate: f64, capacity: f64) -> Feeder {
        Feeder {
            name: name.to_owned(),
            parent: parent.map(str::to_owned),
            state: "up".into(),
            current_load: Some(estimate),
            capacity: Some(capacity),
            estimated_load: estimate,
            sample_age_seconds: Some(0.1),
            limit: None,
        }
    }

    fn binding(substations: &mut [Substation], feeders: &[Feeder]) -> Vec<Option<String>> {
        name_binding(substations, feeders);
        substations.iter().map(|one| one.binding.clone()).collect()
    }

    #[test]
    fn the_fullest_level_of_a_path_binds() {
        let mut all = [
            substation("north", 50.0, Some(100.0)),
            substation("south", 95.0, Some(100.0)),
            substation("alone", 99.0, Some(100.0)),
        ];
        all[0].feeder = Some("feeder7".to_owned());
        all[1].feeder = Some("feeder7".to_owned());
        let mut feeders = [
            feeder("feeder7", Some("trafo2"), 145.0, 304.0),
            feeder("trafo2", None, 560.0, 630.0),
        ];
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(
            binding(&mut all, &feeders),
            [named("trafo2"), named("south"), None]
        );
        feeders[0].limit = Some(limit(146.0));
        assert_eq!(
            binding(&mut all, &feeders),
            [named("feeder7"), named("feeder7"), None],
            "a limit is less than the capacity"
        );
        all[0].limit = Some(limit(0.0));
        assert_eq!(binding(&mut all, &feeders)[0], named("north"));
    }

    #[test]
    fn a_level_without_a_bound_never_binds() {
        let mut all = [
            substation("a", 50.0, None),
            substation("b", 50.0, Some(100.0)),
        ];
        for one in &mut all {
            one.feeder = Some("sum".to_owned());
        }
        let mut feeders = [feeder("sum", None, 100.0, 100.0)];
        feeders[0].capacity = None;
        assert_eq!(binding(&mut all, &feeders), [None, Some("b".to_owned())]);
        feeders[0].limit = Some(limit(1_000.0));
        assert_eq!(
            binding(&mut all, &feeders),
            [Some("sum".to_owned()), Some("b".to_owned())]
        );
    }

    #[test]
    fn a_snapshot_with_a_cycle_or_an_unknown_feeder_ends() {
        let mut all = [substation("a", 50.0, None), substation("b", 50.0, None)];
        all[0].feeder = Some("x".to_owned());
        all[1].feeder = Some("nowhere".to_owned());
        let feeders = [
            feeder("x", Some("y"), 1.0, 10.0),
            feeder("y", Some("x"), 2.0, 10.0),
        ];
        assert_eq!(binding(&mut all, &feeders), [Some("y".to_owned()), None]);
    }
}
