//! The graph of siblings at each level, and its circles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;

use crate::resolve;
use crate::tree::{Id, Tree};

/// Of an arrow that stands in many places, so many are listed.
const PLACES: usize = 3;

/// A file and a line.
type Place = (Rc<PathBuf>, usize);

/// From a module to its siblings, and where that is written.
type Arrows = BTreeMap<Id, BTreeMap<Id, BTreeSet<Place>>>;

/// The circles of all levels, each as a list of arrows.
pub(crate) fn circles(tree: &Tree) -> Vec<Vec<String>> {
    let arrows = arrows(tree);
    let mut circles = BTreeSet::new();
    for (&from, to) in &arrows {
        for &to in to.keys() {
            if let Some(circle) = shortest(&arrows, to, from) {
                circles.insert(rotated(circle));
            }
        }
    }
    circles
        .iter()
        .map(|circle| describe(tree, &arrows, circle))
        .collect()
}

fn arrows(tree: &Tree) -> Arrows {
    let mut arrows = Arrows::new();
    for (id, module) in tree.iter() {
        for (path, line) in &module.paths {
            // What an imported name leads to is counted where it is imported.
            let imported = path.first().and_then(|name| module.imports.get(name));
            let counted = imported.map_or_else(Vec::new, |path| resolve::modules(tree, id, path));
            for target in resolve::modules(tree, id, path) {
                if counted.contains(&target) {
                    continue;
                }
                if let Some((from, to)) = siblings(tree, id, target) {
                    let places = arrows.entry(from).or_default().entry(to).or_default();
                    places.insert((Rc::clone(&module.file), *line));
                }
            }
        }
    }
    arrows
}

/// The siblings in whose subtrees the two modules are. None if one contains the other.
fn siblings(tree: &Tree, from: Id, to: Id) -> Option<(Id, Id)> {
    let (from, to) = (tree.ancestry(from), tree.ancestry(to));
    from.into_iter().zip(to).find(|(from, to)| from != to)
}

/// The shortest way along the arrows, both ends included.
fn shortest(arrows: &Arrows, from: Id, to: Id) -> Option<Vec<Id>> {
    let mut before = BTreeMap::from([(from, from)]);
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            let mut way = vec![to];
            while let Some(&last) = way.last()
                && last != from
            {
                way.push(*before.get(&last)?);
            }
            way.reverse();
            return Some(way);
        }
        for &next in arrows.get(&at).into_iter().flat_map(BTreeMap::keys) {
            before.entry(next).or_insert_with(|| {
                queue.push_back(next);
                at
            });
        }
    }
    None
}

/// The same circle, begun at its first module: so it is found once.
fn rotated(mut circle: Vec<Id>) -> Vec<Id> {
    let first = circle.iter().enumerate().min_by_key(|(_, id)| **id);
    let first = first.map_or(0, |(at, _)| at);
    circle.rotate_left(first);
    circle
}

fn describe(tree: &Tree, arrows: &Arrows, circle: &[Id]) -> Vec<String> {
    let ends = circle.iter().skip(1).chain(circle.first());
    circle
        .iter()
        .zip(ends)
        .map(|(&from, &to)| {
            let places = arrows.get(&from).and_then(|all| all.get(&to));
            arrow(tree, from, to, places.into_iter().flatten())
        })
        .collect()
}

fn arrow<'a>(tree: &Tree, from: Id, to: Id, mut places: impl Iterator<Item = &'a Place>) -> String {
    let name = |id: Id| tree.get(id).map_or("", |module| &module.name);
    let shown: Vec<_> = places
        .by_ref()
        .take(PLACES)
        .map(|(file, line)| format!("{}:{line}", file.display()))
        .collect();
    let more = match places.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "{} -> {} ({}{more})",
        name(from),
        name(to),
        shown.join(", ")
    )
}
