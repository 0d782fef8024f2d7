//! Describes what differs between the feeders of two configurations.

use std::collections::{BTreeMap, HashMap};

use switchyard_config::{Feeder, FeederLoad};

use super::{bounded_of, differences, leaves};

/// The differences, one line each.
pub(super) fn between(before: &[Feeder], now: &[Feeder]) -> Vec<String> {
    let were = by_name(before);
    let are = by_name(now);
    let added = now.iter().filter(|one| !were.contains_key(&*one.name));
    let added = added.map(|one| format!("feeder {} added", one.name));
    let removed = before.iter().filter(|one| !are.contains_key(&*one.name));
    let removed = removed.map(|one| format!("feeder {} removed", one.name));
    let altered = now.iter().filter_map(|one| {
        let was = were.get(&*one.name)?;
        let changes = altered(was, one);
        (!changes.is_empty()).then(|| format!("feeder {}: {}", one.name, changes.join(", ")))
    });
    let mut lines = bounded_of("feeders", added, "added");
    lines.extend(bounded_of("feeders", removed, "removed"));
    lines.extend(bounded_of("feeders", altered, "altered"));
    lines
}

/// What requests to the feeder's meter carry as `host`, if that is a name.
pub(super) fn host(feeder: &Feeder) -> Option<&str> {
    feeder.load.as_ref()?.host.as_deref()
}

fn by_name(all: &[Feeder]) -> HashMap<&str, &Feeder> {
    all.iter().map(|one| (one.name.as_str(), one)).collect()
}

fn altered(was: &Feeder, is: &Feeder) -> Vec<String> {
    let mut changes = Vec::new();
    if was.parent != is.parent {
        let [from, to] = [was, is].map(|one| one.parent.as_deref().unwrap_or("none"));
        changes.push(format!("parent {from} → {to}"));
    }
    if was.capacity != is.capacity {
        let written = |one: &Feeder| match (one.capacity, &one.load) {
            (Some(capacity), _) => capacity.to_string(),
            (None, Some(_)) => "its meter's".to_owned(),
            (None, None) => "none".to_owned(),
        };
        changes.push(format!("capacity {} → {}", written(was), written(is)));
    }
    match (&was.load, &is.load) {
        (Some(was), Some(is)) => {
            let line = |key: &str, was: &str, is: &str| format!("load.{key} {was} → {is}");
            changes.extend(differences(&keys(was), &keys(is), line));
            if was.host != is.host && was.address == is.address {
                let [from, to] = [was, is].map(FeederLoad::authority);
                changes.push(format!("host of its meter {from} → {to}"));
            }
        }
        (None, Some(load)) => changes.push(format!("a meter at {}", load.authority())),
        (Some(load), None) => changes.push(format!("no meter at {} any more", load.authority())),
        (None, None) => {}
    }
    changes
}

fn keys(load: &FeederLoad) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    if let Ok(value) = serde_json::to_value(load) {
        leaves(&value, "", &mut keys);
    }
    keys
}

#[cfg(test)]
mod tests {
    use switchyard_config::Config;

    #[test]
    fn each_difference_of_a_feeder_is_a_line() {
        let config = |feeders: &str, substations: &str, select: &str| {
            let yaml =
                format!("feeders: [{feeders}]\nsubstations: [{substations}]\nselect: {{{select}}}");
            Config::from_yaml(&yaml, "test").unwrap()
        };
        let before = config(
            "{name: t, capacity: 630}, {name: a, parent: t, capacity: 304}, {name: b, load: {address: 10.0.0.9:1}}, {name: c}",
            "{name: n, address: 10.0.0.1:1, feeder: a, labels: {zone: x}}, {name: s, address: 10.0.0.2:1}",
            "zone: {header: x-zone, prefer: true}, site: {field: site, prefer: true}",
        );
        let now = config(
            "{name: t, capacity: 630, load: {address: 10.0.0.8:1}}, {name: a, capacity: 200}, {name: b, load: {address: 10.0.0.9:2, interval: 1s}}, {name: d, parent: t}",
            "{name: n, address: 10.0.0.1:1, feeder: d, labels: {zone: y, site: \"1\"}}, {name: s, address: 10.0.0.2:1, feeder: a}",
            "site: {field: site, prefer: true}, zone: {header: x-zone, prefer: true, spill_at: 0.5}",
        );
        let expected = [
            "substation n: feeder a → d",
            "substation s: feeder none → a",
            r#"substation n: labels zone="x" → site="1",zone="y""#,
            "feeder d added",
            "feeder c removed",
            "feeder t: a meter at 10.0.0.8:1",
            "feeder a: parent t → none, capacity 304 → 200",
            "feeder b: load.address 10.0.0.9:1 → 10.0.0.9:2, load.interval 500ms → 1s",
            "select: preferred in the order zone, site → site, zone",
            "select.zone.spill_at: nothing → 0.5",
        ];
        assert_eq!(super::super::between(&before, &now), expected);
        assert!(super::super::between(&now, &now).is_empty());
    }

    #[test]
    fn ten_thousand_feeders_are_compared_at_once_and_counted() {
        let config = |capacity: u32| {
            let feeders = (0..10_000).map(|at| format!("{{name: f{at}, capacity: {capacity}}}"));
            let feeders: Vec<_> = feeders.collect();
            let yaml = format!(
                "substations: [{{name: a, address: 127.0.0.1:1}}]\nfeeders: [{}]",
                feeders.join(", ")
            );
            Config::from_yaml(&yaml, "test").unwrap()
        };
        let lines = super::super::between(&config(1), &config(2));
        assert_eq!(lines.len(), super::super::MOST_LINES + 1);
        assert_eq!(lines.last().unwrap(), "and 9980 more feeders altered");
    }
}
