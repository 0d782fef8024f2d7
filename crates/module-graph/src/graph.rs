//! The graph of siblings at each level, and its cycles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::rc::Rc;

use crate::resolve;
use crate::tree::{Id, Tree};

/// The most places that are listed for an edge.
const PLACES: usize = 3;

/// A file and a line.
type Place = (Rc<PathBuf>, usize);

/// From a module to its siblings, with the places in the source.
type Edges = BTreeMap<Id, BTreeMap<Id, BTreeSet<Place>>>;

/// The cycles of all levels, each as a list of edges.
pub(crate) fn cycles(tree: &Tree) -> Vec<Vec<String>> {
    let edges = edges(tree);
    let mut cycles = BTreeSet::new();
    for (&from, to) in &edges {
        for &to in to.keys() {
            if let Some(cycle) = shortest(&edges, to, from) {
                cycles.insert(rotated(cycle));
            }
        }
    }
    cycles
        .iter()
        .map(|cycle| describe(tree, &edges, cycle))
        .collect()
}

fn edges(tree: &Tree) -> Edges {
    let mut edges = Edges::new();
    for (id, module) in tree.iter() {
        for (path, line) in &module.paths {
            // A module that an imported name leads to is counted where the name is imported.
            let imported = path.first().and_then(|name| module.imports.get(name));
            let counted = imported.map_or_else(Vec::new, |path| resolve::modules(tree, id, path));
            for target in resolve::modules(tree, id, path) {
                if counted.contains(&target) {
                    continue;
                }
                if let Some((from, to)) = siblings(tree, id, target) {
                    let places = edges.entry(from).or_default().entry(to).or_default();
                    places.insert((Rc::clone(&module.file), *line));
                }
            }
        }
    }
    edges
}

/// The siblings in whose subtrees the two modules are. None if one contains the other.
fn siblings(tree: &Tree, from: Id, to: Id) -> Option<(Id, Id)> {
    let (from, to) = (tree.ancestry(from), tree.ancestry(to));
    from.into_iter().zip(to).find(|(from, to)| from != to)
}

/// The shortest path along the edges, both ends included.
fn shortest(edges: &Edges, from: Id, to: Id) -> Option<Vec<Id>> {
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
        for &next in edges.get(&at).into_iter().flat_map(BTreeMap::keys) {
            before.entry(next).or_insert_with(|| {
                queue.push_back(next);
                at
            });
        }
    }
    None
}

/// The same cycle, starting at its first module, so that it is reported once.
fn rotated(mut cycle: Vec<Id>) -> Vec<Id> {
    let first = cycle.iter().enumerate().min_by_key(|(_, id)| **id);
    let first = first.map_or(0, |(at, _)| at);
    cycle.rotate_left(first);
    cycle
}

fn describe(tree: &Tree, edges: &Edges, cycle: &[Id]) -> Vec<String> {
    let ends = cycle.iter().skip(1).chain(cycle.first());
    cycle
        .iter()
        .zip(ends)
        .map(|(&from, &to)| {
            let places = edges.get(&from).and_then(|all| all.get(&to));
            edge(tree, from, to, places.into_iter().flatten())
        })
        .collect()
}

fn edge<'a>(tree: &Tree, from: Id, to: Id, mut places: impl Iterator<Item = &'a Place>) -> String {
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
