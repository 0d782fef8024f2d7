//! Advice on feeders and on labels.

use std::collections::{HashMap, HashSet};

use humantime::format_duration as shown;

use super::{Advice, note_in};
use crate::{Config, FeederLoad, RouteLoad, Select, SelectFrom};

/// The most names that one piece of advice repeats.
const MOST_NAMES: usize = 5;

impl Config {
    /// The feeders without a substation, directly or through the feeders below them, in the order of the file.
    #[must_use]
    pub fn idle_feeders(&self) -> Vec<&str> {
        let parents: HashMap<_, _> = self
            .feeders
            .iter()
            .map(|feeder| (feeder.name.as_str(), feeder.parent.as_deref()))
            .collect();
        let mut busy = HashSet::new();
        for substation in &self.substations {
            let mut next = substation.feeder.as_deref();
            while let Some(name) = next
                && busy.insert(name)
            {
                next = parents.get(name).copied().flatten();
            }
        }
        let names = self.feeders.iter().map(|feeder| feeder.name.as_str());
        names.filter(|name| !busy.contains(name)).collect()
    }

    /// The labels that requests select by and no substation has, in the order of the file.
    #[must_use]
    pub fn unused_labels(&self) -> Vec<&str> {
        let labels = self.selects().map(|select| select.label.as_str());
        let mut seen = HashSet::new();
        let labels = labels.filter(move |label| seen.insert(*label));
        let is_used = |label: &&str| {
            let mut substations = self.substations.iter();
            substations.any(|substation| substation.labels.contains_key(*label))
        };
        labels.filter(|label| !is_used(label)).collect()
    }

    pub(super) fn on_feeders(&self, all: &mut Vec<Advice>) {
        // A discovery may add what is missing; the proxy then says at run time what is missing still.
        if self.discovery.is_empty() {
            self.on_members(all);
        }
        self.on_meters(all);
        self.on_selects(all);
    }

    fn on_members(&self, all: &mut Vec<Advice>) {
        let mut note = note_in(all);
        let idle = self.idle_feeders();
        if !idle.is_empty() {
            note(
                "feeders[].name",
                some(&idle),
                "no substation is below it, so it limits nothing: name it as `feeder` of a substation, or remove it"
                    .to_owned(),
            );
        }
        let unused = self.unused_labels();
        if !unused.is_empty() {
            note(
                "select",
                some(&unused),
                "no substation has such a label: a request that needs it is refused with 422 no_match".to_owned(),
            );
        }
    }

    fn on_meters(&self, all: &mut Vec<Advice>) {
        let mut note = note_in(all);
        let meters = || {
            let feeders = self.feeders.iter();
            feeders.filter_map(|feeder| Some((feeder, feeder.load.as_ref()?)))
        };
        let stale_after = self.load.scrape_stale_after();
        let hasty = |load: &FeederLoad| load.timeout >= load.interval;
        let late = |load: &FeederLoad| stale_after < load.interval * super::INTERVALS_TO_STALE;
        // What is left out is as in `load`, which has advice of its own.
        let is_own = |load: &FeederLoad| {
            (load.timeout, load.interval) != (self.load.timeout, self.load.scrape_interval())
        };
        let unwise_ones = |unwise: &dyn Fn(&FeederLoad) -> bool| -> Vec<&str> {
            let unwise = meters().filter(|(_, load)| is_own(load) && unwise(load));
            unwise.map(|(feeder, _)| feeder.name.as_str()).collect()
        };
        let found = unwise_ones(&hasty);
        if !found.is_empty() {
            note(
                "feeders[].load.timeout",
                some(&found),
                "is not below its interval, so a silent meter delays its next scrape: use less than half of it"
                    .to_owned(),
            );
        }
        let found = unwise_ones(&late);
        if !found.is_empty() {
            note(
                "feeders[].load.interval",
                some(&found),
                format!(
                    "is more than half of load.stale_after ({}), so one lost scrape makes the meter stale",
                    shown(stale_after)
                ),
            );
        }
        let mut gauges = HashMap::new();
        let mut twice = Vec::new();
        for (feeder, load) in meters() {
            let gauge = (load.address, &load.path, &load.metric);
            if gauges.insert(gauge, feeder).is_some() {
                twice.push(feeder.name.as_str());
            }
        }
        if !twice.is_empty() {
            note(
                "feeders[].load.metric",
                some(&twice),
                "is the gauge of another feeder too: each meter sees a feeder of its own"
                    .to_owned(),
            );
        }
    }

    fn on_selects(&self, all: &mut Vec<Advice>) {
        let mut note = note_in(all);
        let mut look = |path, select: &Select, load_field: &str| {
            let is_load = matches!(&select.from, SelectFrom::Field(field) if field == load_field);
            if is_load && !select.at_least {
                note(
                    path,
                    select.label.clone(),
                    format!(
                        "compares the load of a request ({load_field}) with the label as text: write `at_least: true` if \
                         the label must only reach it"
                    ),
                );
            }
        };
        for select in &self.select {
            look("select", select, &self.charge.load_field);
        }
        for route in &self.routes {
            if let (RouteLoad::Field { field, .. }, Some(selects)) = (&route.load, &route.select) {
                for select in selects {
                    look("routes[].select", select, field);
                }
            }
        }
    }
}

/// The first few of these names.
fn some(names: &[&str]) -> String {
    let mut shown = names
        .iter()
        .take(MOST_NAMES)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    if let Some(more) = names.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
        shown = format!("{shown} and {more} more");
    }
    shown
}

#[cfg(test)]
mod tests {
    use crate::Config;

    fn advice(text: &str) -> Vec<String> {
        let config =
            Config::from_yaml(text, "test").unwrap_or_else(|error| panic!("{text}\n{error}"));
        config.advice().iter().map(ToString::to_string).collect()
    }

    const ONE: &str =
        "substations: [{name: a, address: 127.0.0.1:1, feeder: f, labels: {zone: x}}]";

    #[test]
    fn a_feeder_without_a_member_through_any_path_is_named_unless_discovery_may_bring_one() {
        let feeders = "feeders: [{name: t}, {name: f, parent: t}, {name: x}, {name: y, parent: x}]";
        let told = advice(&format!("{ONE}\n{feeders}"));
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("feeders[].name: x, y: no substation is below it"),
            "{told:?}"
        );
        let discovery = "discovery: {dns: [grid:1]}";
        assert_eq!(advice(&format!("{ONE}\n{feeders}\n{discovery}")), [""; 0]);
        let many: Vec<_> = (0..9).map(|at| format!("{{name: f{at}}}")).collect();
        let told = advice(&format!(
            "{ONE}\nfeeders: [{{name: f}}, {}]",
            many.join(", ")
        ));
        assert!(
            told[0].starts_with("feeders[].name: f0, f1, f2, f3, f4 and 4 more: "),
            "{told:?}"
        );
    }

    #[test]
    fn meters_that_are_read_too_seldom_or_twice_are_named() {
        for (meters, expected) in [
            (
                "{address: 10.0.0.9:1, timeout: 500ms}",
                Some("feeders[].load.timeout: f: "),
            ),
            ("{address: 10.0.0.9:1, timeout: 499ms}", None),
            (
                "{address: 10.0.0.9:1, interval: 1001ms}",
                Some("feeders[].load.interval: f: "),
            ),
            ("{address: 10.0.0.9:1, interval: 1s}", None),
            (
                "{address: 10.0.0.9:1}}, {name: g, parent: f, load: {address: 10.0.0.9:1}",
                Some("feeders[].load.metric: g: "),
            ),
            (
                "{address: 10.0.0.9:1, metric: a}}, {name: g, parent: f, load: {address: 10.0.0.9:1}",
                None,
            ),
        ] {
            let two = "substations: [{name: a, address: 127.0.0.1:1, feeder: f}, {name: b, address: 127.0.0.1:2, feeder: g}]";
            let one = "substations: [{name: a, address: 127.0.0.1:1, feeder: f}]";
            let substations = if meters.contains("name: g") { two } else { one };
            let told = advice(&format!(
                "{substations}\nfeeders: [{{name: f, load: {meters}}}]"
            ));
            assert_eq!(
                told.len(),
                usize::from(expected.is_some()),
                "{meters}: {told:?}"
            );
            if let Some(expected) = expected {
                assert!(told[0].starts_with(expected), "{told:?}");
            }
        }
    }

    #[test]
    fn labels_that_no_substation_has_are_named_and_so_is_a_load_compared_as_text() {
        let feeders = "feeders: [{name: f}]";
        let told = |select: &str| advice(&format!("{ONE}\n{feeders}\nselect: {{{select}}}"));
        assert_eq!(told("zone: {header: x-zone}"), [""; 0]);
        let unused = told("site: {header: x-site}, zone: {header: x-zone}");
        assert!(
            unused[0].starts_with("select: site: no substation has such a label"),
            "{unused:?}"
        );
        assert_eq!(told("zone: {field: power_kw, at_least: true}"), [""; 0]);
        let text = told("zone: {field: power_kw}");
        assert!(text[0].contains("at_least: true"), "{text:?}");
    }
}
