//! The lines of the table: the tree of feeders and substations, or the substations alone.

use std::collections::HashMap;

use switchyard_status::{Feeder, StatusSnapshot, Substation};

use super::{format::age, level::Level};

/// One line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) level: Level<'a>,
    /// How many feeders are above it.
    pub(super) depth: usize,
    /// Whether what is below it is shown; none if there is nothing.
    pub(super) is_open: Option<bool>,
    /// How many substations are below it.
    members: usize,
}

impl<'a> Line<'a> {
    /// A line of a substation, outside of the tree.
    pub(super) const fn of(one: &'a Substation) -> Self {
        Self {
            level: Level::Substation(one),
            depth: 0,
            is_open: None,
            members: 0,
        }
    }

    /// What a person should know of it beyond its numbers.
    pub(super) fn note(&self, unit: &str) -> Option<String> {
        let mut words = Vec::new();
        if let Level::Feeder(one) = self.level {
            let plural = if self.members == 1 { "" } else { "s" };
            words.push(format!("{} substation{plural}", self.members));
            if one.is_silent() {
                let since = one.sample_age_seconds.map(|since| age(Some(since)));
                let since = since.map_or_else(String::new, |since| format!(" for {since}"));
                words.push(format!("its meter is silent{since}"));
            }
        }
        words.extend(self.level.limit(unit));
        words.extend(self.level.substation().and_then(|one| one.note.clone()));
        (!words.is_empty()).then(|| format!("{}: {}", self.level.name(), words.join("; ")))
    }
}

/// What hangs on one feeder.
#[derive(Default)]
struct Below<'a> {
    feeders: Vec<&'a Feeder>,
    substations: Vec<&'a Substation>,
}

struct Tree<'a, F> {
    below: HashMap<Option<&'a str>, Below<'a>>,
    is_open: F,
    lines: Vec<Line<'a>>,
}

/// The tree: each feeder, below it its feeders, then its substations in their order.
/// `is_open` is asked for each feeder, and told whether substations hang on it.
pub(super) fn lines<'a>(
    snapshot: &'a StatusSnapshot,
    substations: Vec<&'a Substation>,
    is_open: impl Fn(&str, bool) -> bool,
) -> Vec<Line<'a>> {
    let mut below: HashMap<Option<&str>, Below<'_>> = HashMap::from([(None, Below::default())]);
    for one in &snapshot.feeders {
        below.insert(Some(&one.name), Below::default());
    }
    for one in &snapshot.feeders {
        let above = one
            .parent
            .as_deref()
            .filter(|name| below.contains_key(&Some(*name)));
        below.entry(above).or_default().feeders.push(one);
    }
    for one in substations {
        let above = one
            .feeder
            .as_deref()
            .filter(|name| below.contains_key(&Some(*name)));
        below.entry(above).or_default().substations.push(one);
    }
    let mut tree = Tree {
        below,
        is_open,
        lines: Vec::new(),
    };
    tree.add(None, 0, true);
    tree.lines
}

impl<'a, F: Fn(&str, bool) -> bool> Tree<'a, F> {
    /// Adds what is below a feeder, and returns how many substations that are.
    fn add(&mut self, name: Option<&'a str>, depth: usize, is_shown: bool) -> usize {
        // Each is below one other, so nothing is taken twice.
        let Below {
            feeders,
            substations,
        } = self.below.remove(&name).unwrap_or_default();
        let mut members = substations.len();
        for one in feeders {
            let below = self.below.get(&Some(one.name.as_str()));
            let has_substations = below.is_some_and(|below| !below.substations.is_empty());
            let has_any = has_substations || below.is_some_and(|below| !below.feeders.is_empty());
            let is_open = (self.is_open)(&one.name, has_substations);
            let at = self.lines.len();
            if is_shown {
                self.lines.push(Line {
                    level: Level::Feeder(one),
                    depth,
                    is_open: has_any.then_some(is_open),
                    members: 0,
                });
            }
            let count = self.add(Some(&one.name), depth + 1, is_shown && is_open);
            if let Some(line) = self.lines.get_mut(at).filter(|_| is_shown) {
                line.members = count;
            }
            members += count;
        }
        if is_shown {
            let line = |one| Line {
                depth,
                ..Line::of(one)
            };
            self.lines.extend(substations.into_iter().map(line));
        }
        members
    }
}
