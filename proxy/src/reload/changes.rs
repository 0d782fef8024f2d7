//! Describes what differs between two configurations, and reverts what a running process can't change.

mod clients;
mod feeders;
mod routes;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use switchyard_bounded::Shown;
use switchyard_config::{Config, Select, Substation, SubstationTls};

/// Most lines of one kind; the rest is only counted, because discovery may add a thousand substations at once.
const MOST_LINES: usize = 20;

/// Reverts the settings that a running process can't change to what they `was`, and names them, one line each.
pub(super) fn keep_fixed(config: &mut Config, was: &Config) -> Vec<String> {
    let mut kept = config.clone();
    kept.listen.clone_from(&was.listen);
    kept.listen_proxy_protocol = was.listen_proxy_protocol;
    kept.admin.listen = was.admin.listen;
    kept.threads = was.threads;
    kept.fleet.clone_from(&was.fleet);
    kept.state.clone_from(&was.state);
    kept.log.format = was.log.format;
    // The listeners were set up with or without these.
    if kept.admin.token_file.is_some() != was.admin.token_file.is_some() {
        kept.admin.token_file.clone_from(&was.admin.token_file);
    }
    if kept.admin.tls.is_some() != was.admin.tls.is_some() {
        kept.admin.tls.clone_from(&was.admin.tls);
    }
    if kept.tls.is_some() != was.tls.is_some() {
        kept.tls.clone_from(&was.tls);
    }
    let (wanted, kept_keys) = (keys(config), keys(&kept));
    let lines = differences(&kept_keys, &wanted, |key, now, wanted| {
        format!("{key}: {now} stays until a restart, then {wanted}")
    });
    *config = kept;
    lines
}

/// The differences from `before` to `now`, one line each.
pub(super) fn between(before: &Config, now: &Config) -> Vec<String> {
    let mut lines = substations(&before.substations, &now.substations);
    lines.extend(clients::between(
        &before.listed_clients,
        &now.listed_clients,
    ));
    lines.extend(feeders::between(&before.feeders, &now.feeders));
    lines.extend(routes::between(&before.routes, &now.routes));
    lines.extend(preferences(&before.select, &now.select));
    lines.extend(differences(&keys(before), &keys(now), |key, was, is| {
        format!("{key}: {was} → {is}")
    }));
    lines
}

/// Whether requests to the same substations, and to the same meters, carry the same `host`.
pub(super) fn has_same_hosts(before: &Config, now: &Config) -> bool {
    let mut both = before.substations.iter().zip(&now.substations);
    let mut meters = before.feeders.iter().zip(&now.feeders);
    both.all(|(was, is)| was.host == is.host)
        && meters.all(|(was, is)| feeders::host(was) == feeders::host(is))
}

/// The order of `select` is that of its preferences, and the only order that its keys don't show.
fn preferences(before: &[Select], now: &[Select]) -> Option<String> {
    let labels = |all: &[Select]| -> Vec<String> {
        let preferred = all.iter().filter(|select| select.prefer);
        preferred.map(|select| select.label.clone()).collect()
    };
    let (were, are) = (labels(before), labels(now));
    let is_same_set = were.iter().all(|label| are.contains(label)) && were.len() == are.len();
    let lists = || [&were, &are].map(|all| all.join(", "));
    (is_same_set && were != are).then(|| {
        let [was, is] = lists();
        format!("select: preferred in the order {was} → {is}")
    })
}

fn substations(before: &[Substation], now: &[Substation]) -> Vec<String> {
    let by_name = |all: &[Substation]| -> HashMap<String, Substation> {
        let named = all
            .iter()
            .map(|substation| (substation.name.clone(), substation.clone()));
        named.collect()
    };
    let (were, are) = (by_name(before), by_name(now));
    let added = now
        .iter()
        .filter(|substation| !were.contains_key(&substation.name));
    let removed = before
        .iter()
        .filter(|substation| !are.contains_key(&substation.name));
    let moved = now.iter().filter_map(|substation| {
        let was = were.get(&substation.name)?;
        (was.address != substation.address).then(|| {
            let (name, from, to) = (&substation.name, was.address, substation.address);
            format!("substation {name}: address {from} → {to}, a new ledger")
        })
    });
    let resized = now.iter().filter_map(|substation| {
        let was = were.get(&substation.name)?;
        (was.capacity != substation.capacity).then(|| {
            let written = |capacity: Option<f64>| match capacity {
                Some(capacity) => capacity.to_string(),
                None => "its gauge's".to_owned(),
            };
            let (name, from, to) = (
                &substation.name,
                written(was.capacity),
                written(substation.capacity),
            );
            format!("substation {name}: capacity {from} → {to}")
        })
    });
    let rewired = now.iter().filter_map(|substation| {
        let was = were.get(&substation.name)?;
        (was.feeder != substation.feeder).then(|| {
            let [from, to] = [was, substation].map(|one| one.feeder.as_deref().unwrap_or("none"));
            format!("substation {}: feeder {from} → {to}", substation.name)
        })
    });
    let labelled = now.iter().filter_map(|substation| {
        let was = were.get(&substation.name)?;
        (was.labels != substation.labels).then(|| {
            let [from, to] = [was, substation].map(|one| labels(&one.labels));
            format!("substation {}: labels {from} → {to}", substation.name)
        })
    });
    let secured = now.iter().filter_map(|substation| {
        let was = were.get(&substation.name)?;
        (was.tls != substation.tls).then(|| {
            let [from, to] = [was, substation].map(|one| tls(&one.tls));
            format!("substation {}: tls {from} → {to}", substation.name)
        })
    });
    let drained = now.iter().filter_map(|substation| {
        let was = were.get(&substation.name)?;
        let [was, is] = [was, substation].map(|one| one.drain || one.drain_label);
        let change = if is { "drained" } else { "no longer drained" };
        (was != is).then(|| format!("substation {}: {change}", substation.name))
    });
    let renamed = now.iter().filter_map(|substation| {
        let was = were.get(&substation.name)?;
        (was.host != substation.host && was.address == substation.address).then(|| {
            let (name, from, to) = (&substation.name, was.authority(), substation.authority());
            format!("substation {name}: host {from} → {to}")
        })
    });
    let named = |what: &'static str| {
        move |substation: &Substation| {
            format!(
                "substation {} ({}) {what}",
                substation.name, substation.address
            )
        }
    };
    let mut lines = bounded(added.map(named("added")), "added");
    lines.extend(bounded(removed.map(named("removed")), "removed"));
    lines.extend(bounded(moved, "at other addresses"));
    lines.extend(bounded(resized, "with other capacities"));
    lines.extend(bounded(rewired, "at other feeders"));
    lines.extend(bounded(labelled, "with other labels"));
    lines.extend(bounded(secured, "with other TLS"));
    lines.extend(bounded(drained, "drained or no longer drained"));
    lines.extend(bounded(renamed, "with other hosts"));
    lines
}

/// TLS as a line shows it.
fn tls(tls: &SubstationTls) -> String {
    match tls {
        SubstationTls::AsUpstream => "as upstream.tls".to_owned(),
        SubstationTls::Off => "false".to_owned(),
        SubstationTls::On { server_name: None } => "true".to_owned(),
        SubstationTls::On {
            server_name: Some(name),
        } => format!("as {}", Shown::value(name)),
    }
}

/// Labels as a line shows them.
fn labels(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return "none".to_owned();
    }
    let one = |(name, value): (&String, &String)| format!("{name}={value:?}");
    let all: Vec<_> = labels.iter().map(one).collect();
    Shown::value(all.join(",")).to_string()
}

fn bounded(lines: impl Iterator<Item = String>, what: &str) -> Vec<String> {
    bounded_of("substations", lines, what)
}

fn bounded_of(things: &str, lines: impl Iterator<Item = String>, what: &str) -> Vec<String> {
    let mut lines: Vec<_> = lines.collect();
    let more = lines.len().saturating_sub(MOST_LINES);
    if more > 0 {
        lines.truncate(MOST_LINES);
        lines.push(format!("and {more} more {things} {what}"));
    }
    lines
}

fn differences(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    line: impl Fn(&str, &str, &str) -> String,
) -> Vec<String> {
    let written = |keys: &BTreeMap<String, String>, key: &str| {
        keys.get(key).cloned().unwrap_or_else(|| "nothing".into())
    };
    let mut all: Vec<_> = before.keys().chain(now.keys()).collect();
    all.sort();
    all.dedup();
    all.into_iter()
        .map(|key| (key, written(before, key), written(now, key)))
        .filter(|(_, was, is)| was != is)
        .map(|(key, was, is)| {
            let [was, is] = [was, is].map(|value| Shown::value(value).to_string());
            line(key, &was, &is)
        })
        .collect()
}

/// All keys except those of lists with lines of their own, each with its value as YAML would show it.
fn keys(config: &Config) -> BTreeMap<String, String> {
    // Of these there may be many, and they have lines of their own.
    let config = Config {
        substations: Vec::new(),
        feeders: Vec::new(),
        clients: Vec::new(),
        routes: Vec::new(),
        ..config.clone()
    };
    let mut keys = BTreeMap::new();
    // Every configuration can be written as JSON; a test does it.
    if let Ok(mut value) = serde_json::to_value(&config) {
        // One value, however many there are: from one address to two is one change.
        let addresses: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
        if let Some(listen) = value.get_mut("listen") {
            *listen = addresses.join(", ").into();
        }
        leaves(&value, "", &mut keys);
    }
    keys
}

fn leaves(value: &Value, path: &str, keys: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{path}.{key}");
                leaves(value, path.trim_start_matches('.'), keys);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                leaves(value, &format!("{path}[{at}]"), keys);
            }
        }
        Value::String(text) => {
            keys.insert(path.to_owned(), text.clone());
        }
        other => {
            keys.insert(path.to_owned(), other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::from_yaml(text, "test").unwrap()
    }

    #[test]
    fn each_difference_is_a_line() {
        let before = config(
            "substations: [{name: a, address: 127.0.0.1:1}, {name: b, address: 127.0.0.1:2}, {name: c, address: 127.0.0.1:3}]",
        );
        let now = config(
            "substations: [{name: b, address: 127.0.0.1:2, capacity: 500}, {name: d, address: 127.0.0.1:4}, {name: c, address: 127.0.0.1:33, drain: true, tls: false}]\n\
             load: {interval: 1s, stale_after: 4s}\npolicy: random",
        );
        assert_eq!(
            between(&before, &now),
            [
                "substation d (127.0.0.1:4) added",
                "substation a (127.0.0.1:1) removed",
                "substation c: address 127.0.0.1:3 → 127.0.0.1:33, a new ledger",
                "substation b: capacity its gauge's → 500",
                "substation c: tls as upstream.tls → false",
                "substation c: drained",
                "load.interval: 500ms → 1s",
                "load.stale_after: 2s → 4s",
                "policy: least_load → random",
            ]
        );
        assert!(between(&now, &now).is_empty());
    }

    #[test]
    fn a_thousand_changes_at_once_are_counted() {
        let of = |count: usize| {
            let all = (1..=count).map(|at| format!("{{name: s{at}, address: 127.0.0.1:{at}}}"));
            config(&format!(
                "substations: [{}]",
                all.collect::<Vec<_>>().join(", ")
            ))
        };
        let lines = between(&of(1), &of(1_000));
        assert_eq!(lines.len(), MOST_LINES + 1);
        assert_eq!(lines[MOST_LINES], "and 979 more substations added");
    }

    #[test]
    fn settings_that_need_a_restart_are_kept_and_named() {
        let was = config("substations: [{name: a, address: 127.0.0.1:1}]\nthreads: 1");
        let mut wanted = config(
            "substations: [{name: a, address: 127.0.0.1:1}]\nthreads: 2\nlisten: [127.0.0.1:8081, \"[::1]:8081\"]\npolicy: random\n\
             listen_proxy_protocol: true\nfleet: {store: \"unix:keys.sock\"}",
        );
        assert_eq!(
            keep_fixed(&mut wanted, &was),
            [
                "fleet.prefix: nothing stays until a restart, then switchyard",
                "fleet.store: nothing stays until a restart, then unix:keys.sock",
                "fleet.timeout: nothing stays until a restart, then 50ms",
                "fleet.when_unreachable: nothing stays until a restart, then refuse",
                "listen: 127.0.0.1:8080 stays until a restart, then 127.0.0.1:8081, [::1]:8081",
                "listen_proxy_protocol: false stays until a restart, then true",
                "threads: 1 stays until a restart, then 2",
            ]
        );
        assert_eq!((wanted.threads, &wanted.listen), (1, &was.listen));
        assert_eq!(between(&was, &wanted), ["policy: least_load → random"]);
    }
}
