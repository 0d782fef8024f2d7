//! What must hold between feeders: every parent exists, none is below itself, and no path is too long.

mod shape;

use super::MOST_LEVELS;
use crate::{names::Names, nearest::nearest, substation::References, walk::Section};
use shape::Shape;
use std::collections::HashMap;

/// The most members of a cycle that a message names.
const MOST_NAMED: usize = 16;

/// A feeder as far as it could be read.
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) name: Option<String>,
    pub(super) parent: Option<String>,
}

/// Notes every feeder that is named and does not exist, every cycle, and every path that is too long.
pub(super) fn check(
    file: &mut Section<'_>,
    entries: &[Entry],
    names: &Names,
    references: &References,
) {
    let mut known: HashMap<&str, usize> = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        if let Some(name) = &entry.name {
            known.entry(name).or_insert(at);
        }
    }
    let unknown = |name: &str| {
        let all = || known.keys().copied().collect::<Vec<_>>();
        let rule = if names.is_substation(name) {
            "is a substation: name a feeder".to_owned()
        } else if let Some(meant) = nearest(name, &all()) {
            format!("is no feeder; did you mean `{meant}`?")
        } else {
            "is no feeder: add it to `feeders`, or name another".to_owned()
        };
        (format!("{name:?}"), rule)
    };

    let mut parents = Vec::with_capacity(entries.len());
    for entry in entries {
        let wanted = entry.parent.as_deref();
        let parent = wanted.and_then(|name| known.get(name).copied());
        if let (Some(name), None) = (wanted, parent) {
            file.refuse(&parent_key(entry), || unknown(name));
        }
        parents.push(parent);
    }
    let found = Shape::of(&parents);
    let cycles = found.cycles.iter().map(|cycle| {
        let members = cycle.iter().filter_map(|at| entries.get(*at));
        let members: Vec<_> = members.collect();
        (members, circle as fn(&[&Entry]) -> String)
    });
    let deep = found.too_deep.iter().map(|at| {
        let alone = entries.get(*at).into_iter().collect();
        (alone, too_deep as fn(&[&Entry]) -> String)
    });
    for (members, rule) in cycles.chain(deep) {
        if let Some(first) = members.first() {
            let value = first.parent.as_deref().unwrap_or_default();
            file.refuse(&parent_key(first), || {
                (format!("{value:?}"), rule(&members))
            });
        }
    }
    for (path, name) in references {
        if !known.contains_key(name.as_str()) {
            file.refuse(path, || unknown(name));
        }
    }
}

fn parent_key(entry: &Entry) -> String {
    format!("{}.parent", entry.path)
}

/// The rule that a cycle breaks. Its members are in order, each before its parent.
fn circle(members: &[&Entry]) -> String {
    if members.len() == 1 {
        return "is the feeder itself: name the feeder that supplies it, or remove the key"
            .to_owned();
    }
    let name = |entry: &&Entry| entry.name.clone().unwrap_or_default();
    let mut way: Vec<_> = members.iter().take(MOST_NAMED).map(name).collect();
    let more = members.len() - way.len();
    if more > 0 {
        way.push(format!("{more} more"));
    }
    way.extend(members.first().map(name));
    let way = way.join(" → ");
    format!("goes round in a circle ({way}): one of them is a root and has no parent")
}

fn too_deep(_: &[&Entry]) -> String {
    format!(
        "puts this feeder on level {} from its root, and the most is {MOST_LEVELS}: leave out a level whose limit \
         another one implies",
        MOST_LEVELS + 1
    )
}
