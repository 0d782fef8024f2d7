//! Groups in YAML.

use std::collections::BTreeMap;

use switchyard_bounded::{
    Shown,
    yaml::{Node, Scalar, Value},
};
use switchyard_config::is_key_label;

use super::{Group, Labels, is_read, require_few_groups};

/// The groups of a YAML tree. `<<` merges other maps in, as YAML 1.1 has it: their keys count where the map has none of
/// its own.
pub(super) fn yaml_groups(node: &Node) -> Result<Vec<Group>, String> {
    let groups = match node {
        Node::List(groups) => groups,
        Node::Scalar(Scalar {
            value: Value::Null, ..
        }) => return Ok(Vec::new()),
        other => return Err(format!("must be a list of groups, not {}", kind(other))),
    };
    require_few_groups(groups.len())?;
    let read = |(at, node)| yaml_group(node).map_err(|fault| format!("[{at}]{fault}"));
    groups.iter().enumerate().map(read).collect()
}

fn yaml_group(node: &Node) -> Result<Group, String> {
    let [targets, labels] = own_or_merged(node, ["targets", "labels"])?;
    let labels = match labels {
        Some(labels) => yaml_labels(labels).map_err(|fault| format!(".labels{fault}"))?,
        None => Labels::new(),
    };
    let targets = match targets {
        None => Vec::new(),
        Some(Node::List(items)) => {
            let read = |(at, node)| text(node).map_err(|fault| format!(".targets[{at}]: {fault}"));
            items
                .iter()
                .enumerate()
                .map(read)
                .collect::<Result<_, _>>()?
        }
        Some(other) => return Err(format!(".targets: must be a list, not {}", kind(other))),
    };
    Ok(Group { targets, labels })
}

fn yaml_labels(node: &Node) -> Result<Labels, String> {
    let mut nodes = BTreeMap::new();
    all_or_merged(node, &mut nodes)?;
    let mut labels = Labels::new();
    for (name, node) in nodes {
        match text(node) {
            Ok(text) if text.is_empty() => {}
            Ok(text) => {
                labels.insert(name.to_owned(), text);
            }
            Err(fault) if is_key_label(name) => return Err(format!(".{name}: {fault}")),
            // What is no text is no label; Prometheus takes none of it.
            Err(_) => {}
        }
    }
    Ok(labels)
}

/// Adds the values of labels that are not there yet: the map's own, then those of the maps that it merges in. Null is no
/// value.
fn all_or_merged<'a>(node: &'a Node, into: &mut BTreeMap<&'a str, &'a Node>) -> Result<(), String> {
    let (entries, merged) = entries(node)?;
    let mut own = BTreeMap::new();
    for (key, value) in entries {
        if is_read(key) && own.insert(key, value).is_some() {
            return Err(format!(": has the key {} twice", Shown::value(key)));
        }
    }
    for (key, value) in own {
        if !is_null(value) {
            into.entry(key).or_insert(value);
        }
    }
    merged.iter().try_for_each(|map| all_or_merged(map, into))
}

/// An entry of a map.
type Entry<'a> = (&'a str, &'a Node);

/// The entries of a map, and the maps that it merges in.
fn entries(node: &Node) -> Result<(Vec<Entry<'_>>, &[Node]), String> {
    let Node::Map(written) = node else {
        return Err(format!(": must be a map of keys, not {}", kind(node)));
    };
    let mut entries = Vec::with_capacity(written.len());
    let mut merged = None;
    for (key, value) in written {
        match key {
            Node::Scalar(Scalar { text, .. }) if text == "<<" => {
                if merged.replace(value).is_some() {
                    return Err(": has the key << twice".to_owned());
                }
            }
            Node::Scalar(Scalar { text, .. }) => entries.push((text.as_str(), value)),
            other => return Err(format!(": has {} as a key, not text", kind(other))),
        }
    }
    let maps = match merged {
        None => &[][..],
        Some(Node::List(maps)) => maps,
        Some(map) => std::slice::from_ref(map),
    };
    Ok((entries, maps))
}

/// The values of these keys, the only ones: the map's own, or else those of the maps that it merges in. Null is no value.
fn own_or_merged<'a, const KEYS: usize>(
    node: &'a Node,
    keys: [&str; KEYS],
) -> Result<[Option<&'a Node>; KEYS], String> {
    let (entries, merged) = entries(node)?;
    let mut own = [None; KEYS];
    for (key, value) in entries {
        let at = keys.iter().position(|known| key == *known);
        let Some(place) = at.and_then(|at| own.get_mut(at)) else {
            let shown = Shown::value(key);
            let known = keys.join(" and ");
            return Err(format!(": has a key {shown}, and only {known} are known"));
        };
        if place.replace(value).is_some() {
            return Err(format!(": has the key {key} twice"));
        }
    }
    own = own.map(|value| value.filter(|value| !is_null(value)));
    for map in merged {
        let merged = own_or_merged(map, keys)?;
        for (own, merged) in own.iter_mut().zip(merged) {
            *own = own.or(merged);
        }
    }
    Ok(own)
}

/// A plain value as it is written.
fn text(node: &Node) -> Result<String, String> {
    match node {
        Node::Scalar(Scalar { text, .. }) => Ok(text.clone()),
        other => Err(format!("must be text, not {}", kind(other))),
    }
}

fn is_null(node: &Node) -> bool {
    matches!(
        node,
        Node::Scalar(Scalar {
            value: Value::Null,
            ..
        })
    )
}

/// The kind of a node, worded to follow "not".
fn kind(node: &Node) -> &'static str {
    match node {
        Node::Scalar(_) => "a plain value",
        Node::List(_) => "a list",
        Node::Map(_) => "a map of keys",
    }
}
