//! What needs attention in feeders, and in limits that came.

use super::{Facts, Level, named};
use crate::{feeder::Feeder, limit::Limit};

/// Full feeders, silent meters, fallbacks in force.
pub(super) fn findings(facts: &Facts<'_>, find: &mut impl FnMut(Level, String)) {
    let feeders = facts.feeders;
    let of = |is: fn(&Feeder) -> bool| -> Vec<&str> {
        let those = feeders.iter().filter(|one| is(one));
        those.map(|one| one.name.as_str()).collect()
    };
    let full = of(Feeder::is_full);
    if let Some(names) = named(&full) {
        let (are, their) = if full.len() == 1 {
            ("is", "its")
        } else {
            ("are", "their")
        };
        let text = format!("{names} {are} full: {their} substations get no new load.");
        find(Level::Notice, text);
    }
    let silent = of(Feeder::is_silent);
    if let Some(names) = named(&silent) {
        let ages = feeders.iter().filter(|one| one.is_silent());
        let age = ages
            .filter_map(|one| one.sample_age_seconds)
            .max_by(f64::total_cmp);
        let since = age.map_or_else(String::new, |age| format!(" for {age:.0} s"));
        let text = if silent.len() == 1 {
            format!("The meter of {names} is silent: no sample{since}; its load is extrapolated.")
        } else {
            format!(
                "The meters of {names} are silent: no sample{since}; their load is extrapolated."
            )
        };
        find(Level::Notice, text);
    }
    fallbacks(facts, find);
}

fn fallbacks(facts: &Facts<'_>, find: &mut impl FnMut(Level, String)) {
    let of_feeders = facts.feeders.iter();
    let of_feeders = of_feeders.map(|one| (one.name.as_str(), one.limit.as_ref()));
    let of_substations = facts.substations.iter();
    let of_substations = of_substations.map(|one| (one.name.as_str(), one.limit.as_ref()));
    let in_force = |(name, limit): (_, Option<&'_ Limit>)| {
        limit
            .filter(|limit| limit.fallback_in_force)
            .map(|limit| (name, limit.source.clone()))
    };
    let held: Vec<_> = of_feeders
        .chain(of_substations)
        .filter_map(in_force)
        .collect();
    let names: Vec<_> = held.iter().map(|(name, _)| *name).collect();
    let Some(names) = named(&names) else {
        return;
    };
    let text = match held.as_slice() {
        [(_, source)] => format!(
            "The fallback of {names} is in force: {source} is silent; it stays until a new limit comes."
        ),
        _ => format!(
            "The fallbacks of {names} are in force: the sources of their limits are silent; they stay until new limits come."
        ),
    };
    find(Level::Notice, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Substation, Traffic,
        feeder::tests::feeder,
        limit::tests::limit,
        verdict::tests::{grid, with_feeders},
    };

    fn said(feeders: &[Feeder], substations: &[Substation]) -> Vec<String> {
        let verdict = with_feeders(feeders, substations, &Traffic::default(), |_| {});
        assert!(
            verdict
                .findings
                .iter()
                .all(|one| one.level == Level::Notice)
        );
        verdict.findings.into_iter().map(|one| one.text).collect()
    }

    #[test]
    fn a_full_feeder_is_a_notice_whether_by_its_capacity_or_by_a_limit() {
        let mut feeders = [
            feeder("trafo2", None, 600.0, 630.0),
            feeder("feeder7", Some("trafo2"), 300.0, 304.0),
        ];
        let one = "feeder7 is full: its substations get no new load.";
        assert_eq!(said(&feeders, &grid(3, 0, "")), [one]);
        feeders[0].limit = Some(limit(500.0));
        let both = "trafo2 and feeder7 are full: their substations get no new load.";
        assert_eq!(said(&feeders, &grid(3, 0, "")), [both]);
        let closed = [Feeder {
            limit: Some(limit(0.0)),
            ..feeder("feeder7", None, 0.0, 304.0)
        }];
        assert_eq!(said(&closed, &grid(3, 0, "")), [one]);
        let mut only_sums = feeder("feeder7", None, 1e9, 1.0);
        only_sums.capacity = None;
        assert!(said(&[only_sums], &grid(3, 0, "")).is_empty());
    }

    #[test]
    fn a_silent_meter_is_named_with_its_age() {
        let mut feeders = [
            feeder("feeder7", None, 10.0, 304.0),
            feeder("feeder8", None, 10.0, 304.0),
        ];
        feeders[1].state = "stale".into();
        feeders[1].sample_age_seconds = Some(12.3);
        let one = "The meter of feeder8 is silent: no sample for 12 s; its load is extrapolated.";
        assert_eq!(said(&feeders, &grid(3, 0, "")), [one]);
        feeders[0].state = "unknown".into();
        feeders[0].sample_age_seconds = None;
        let both = "The meters of feeder7 and feeder8 are silent: no sample for 12 s; their load is extrapolated.";
        assert_eq!(said(&feeders, &grid(3, 0, "")), [both]);
        let never = "The meter of feeder7 is silent: no sample; its load is extrapolated.";
        assert_eq!(said(&feeders[..1], &grid(3, 0, "")), [never]);
    }

    #[test]
    fn a_fallback_in_force_is_a_notice_that_names_its_source() {
        let fallback = Limit {
            fallback_in_force: true,
            ..limit(100.0)
        };
        let mut feeders = [feeder("feeder7", None, 10.0, 304.0)];
        feeders[0].limit = Some(fallback.clone());
        let one =
            "The fallback of feeder7 is in force: dso is silent; it stays until a new limit comes.";
        assert_eq!(said(&feeders, &grid(3, 0, "")), [one]);
        let mut substations = grid(3, 0, "");
        substations[0].limit = Some(fallback);
        let both = "The fallbacks of feeder7 and s1 are in force: the sources of their limits are silent; they stay until new limits come.";
        assert_eq!(said(&feeders, &substations), [both]);
    }

    #[test]
    fn a_substation_at_a_limit_is_not_said_to_be_at_its_capacity() {
        let mut substations = grid(3, 0, "");
        substations[0].limit = Some(limit(50.0));
        assert_eq!(said(&[], &substations), ["s1 is at its limit."]);
        substations[0].limit = Some(limit(0.0));
        assert_eq!(said(&[], &substations), ["s1 is at its limit."]);
    }
}
