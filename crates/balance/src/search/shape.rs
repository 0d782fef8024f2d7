//! The nodes of a search tree.

use std::ops::Range;

use crate::Tree;

/// The most children of a node.
pub(crate) const FANOUT: usize = 16;

/// The most upstreams of a group: so many bits has [`Node::members`].
pub(crate) const GROUP_SIZE: usize = 16;

/// One node: a group of upstreams, or the parent of other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its children by their numbers, or the positions of its upstreams.
    pub(crate) range: Range<u32>,
    /// Which of those positions belong to it, from the lowest bit on. No bit: the range is of children.
    pub(crate) members: u16,
    /// The feeder whose node it is.
    pub(crate) feeder: Option<u32>,
    /// The number of its parent. That of the root is its own.
    pub(crate) parent: u32,
    /// The number of the same node in the tree whose versions count.
    pub(crate) base: u32,
}

/// All nodes. The root is the first, and the children of a node stand side by side.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    nodes: Box<[Node]>,
    /// [`Node::base`] of each.
    bases: Box<[u32]>,
}

/// A node before it has a number.
struct Draft {
    feeder: Option<u32>,
    below: Below,
    /// [`Node::base`]; none if it is its own.
    base: Option<u32>,
}

enum Below {
    /// Positions, and which of them belong to it.
    Group(Range<u32>, u16),
    Nodes(Vec<Draft>),
}

impl Shape {
    /// The tree over so many upstreams under these feeders.
    pub(crate) fn new(upstreams: usize, tree: &Tree) -> Self {
        let mut drafting = Drafting::new(upstreams, tree);
        let mut top = Vec::new();
        // Roots first. What they don't reach is on a cycle, which is cut anywhere.
        for is_root in [true, false] {
            for feeder in 0..tree.feeders.len() {
                if parent_of(tree, feeder).is_none() || !is_root {
                    top.extend(drafting.feeder(feeder));
                }
            }
        }
        let bare = drafting.bare();
        top.extend(bare);
        let mut top = folded(top, None);
        let root = match top.pop() {
            Some(root) if top.is_empty() && matches!(root.below, Below::Nodes(_)) => root,
            last => {
                top.extend(last);
                Draft::over(top)
            }
        };
        Self::numbered(root)
    }

    fn numbered(root: Draft) -> Self {
        let mut nodes = Vec::new();
        let mut row = vec![(0, root)];
        // One row of the tree after the other, so that siblings stand side by side.
        while !row.is_empty() {
            let first = nodes.len() + row.len();
            let mut next = Vec::new();
            for (parent, draft) in row {
                let number = narrow(nodes.len());
                let (range, members) = match draft.below {
                    Below::Group(range, members) => (range, members),
                    Below::Nodes(children) => {
                        let from = first + next.len();
                        let to = from + children.len();
                        next.extend(children.into_iter().map(|child| (number, child)));
                        (narrow(from)..narrow(to), 0)
                    }
                };
                nodes.push(Node {
                    range,
                    members,
                    feeder: draft.feeder,
                    parent,
                    base: draft.base.unwrap_or(number),
                });
            }
            row = next;
        }
        Self::of(nodes)
    }

    fn of(nodes: Vec<Node>) -> Self {
        Self {
            bases: nodes.iter().map(|node| node.base).collect(),
            nodes: nodes.into(),
        }
    }

    /// The same tree with only the upstreams for which `matches` is true, and with as few nodes as they need.
    pub(crate) fn among(&self, matches: impl Fn(usize) -> bool) -> Self {
        let root = self.part(0, &matches);
        Self::numbered(match root {
            Some(root) if matches!(root.below, Below::Nodes(_)) => root,
            root => Draft {
                base: Some(0),
                ..Draft::over(root.into_iter().collect())
            },
        })
    }

    /// What is left of a node; none if nothing is.
    fn part(&self, number: usize, matches: &impl Fn(usize) -> bool) -> Option<Draft> {
        let node = self.nodes.get(number)?;
        let draft = |below| Draft {
            feeder: node.feeder,
            below,
            base: Some(node.base),
        };
        if node.members != 0 {
            let wanted = (0_u16..16).filter(|bit| {
                let at = node.range.start + u32::from(*bit);
                node.members >> bit & 1 == 1 && matches(wide(at))
            });
            let members = wanted.fold(0, |members, bit| members | 1 << bit);
            return (members != 0).then(|| draft(Below::Group(node.range.clone(), members)));
        }
        let mut parts = Vec::new();
        for child in node.range.clone() {
            match self.part(wide(child), matches) {
                // It was only in between because there were too many.
                Some(Draft {
                    feeder: None,
                    below: Below::Nodes(children),
                    ..
                }) => parts.extend(children),
                part => parts.extend(part),
            }
        }
        match parts.pop() {
            None => None,
            Some(Draft {
                feeder: None,
                below: group @ Below::Group(..),
                ..
            }) if parts.is_empty() => Some(draft(group)),
            last => {
                parts.extend(last);
                Some(draft(Below::Nodes(folded(parts, Some(node.base)))))
            }
        }
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    #[inline]
    pub(crate) fn node(&self, number: usize) -> Option<&Node> {
        self.nodes.get(number)
    }

    /// [`Node::base`] of the children of a node.
    #[inline]
    pub(crate) fn bases(&self, parent: &Node) -> &[u32] {
        let range = wide(parent.range.start)..wide(parent.range.end);
        self.bases.get(range).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }
}

/// What is left to be put under nodes.
struct Drafting {
    /// The feeders under each feeder.
    children: Vec<Vec<usize>>,
    /// The upstreams of each feeder, in runs of neighbouring positions.
    runs: Vec<Vec<Range<usize>>>,
    /// Those of none.
    bare: Vec<Range<usize>>,
    is_done: Vec<bool>,
}

impl Drafting {
    fn new(upstreams: usize, tree: &Tree) -> Self {
        let feeders = tree.feeders.len();
        let mut drafting = Self {
            children: vec![Vec::new(); feeders],
            runs: vec![Vec::new(); feeders],
            bare: Vec::new(),
            is_done: vec![false; feeders],
        };
        for feeder in 0..feeders {
            let parent = parent_of(tree, feeder);
            if let Some(siblings) = parent.and_then(|parent| drafting.children.get_mut(parent)) {
                siblings.push(feeder);
            }
        }
        for at in 0..upstreams {
            let feeder = tree.of.get(at).copied().flatten();
            let feeder = feeder.and_then(|feeder| drafting.runs.get_mut(feeder));
            let runs = feeder.unwrap_or(&mut drafting.bare);
            match runs.last_mut().filter(|run| run.end == at) {
                Some(run) => run.end = at + 1,
                None => runs.push(at..at + 1),
            }
        }
        drafting
    }

    /// The node of a feeder. None if it has no upstream, or has a node already.
    fn feeder(&mut self, feeder: usize) -> Option<Draft> {
        if std::mem::replace(self.is_done.get_mut(feeder)?, true) {
            return None;
        }
        let mut drafts = Vec::new();
        for child in std::mem::take(self.children.get_mut(feeder)?) {
            drafts.extend(self.feeder(child));
        }
        drafts.extend(groups(std::mem::take(self.runs.get_mut(feeder)?)));
        let below = match drafts.pop()? {
            // A feeder of one group is that group's node.
            Draft {
                feeder: None,
                below: group @ Below::Group(..),
                ..
            } if drafts.is_empty() => group,
            last => {
                drafts.push(last);
                Below::Nodes(folded(drafts, None))
            }
        };
        Some(Draft {
            feeder: Some(narrow(feeder)),
            below,
            base: None,
        })
    }

    /// The groups of the upstreams without a feeder.
    fn bare(&mut self) -> Vec<Draft> {
        groups(std::mem::take(&mut self.bare)).collect()
    }
}

fn parent_of(tree: &Tree, feeder: usize) -> Option<usize> {
    let parent = tree.parents.get(feeder).copied().flatten();
    parent.filter(|parent| *parent < tree.feeders.len())
}

/// Groups of about equal size.
fn groups(runs: Vec<Range<usize>>) -> impl Iterator<Item = Draft> {
    let divided = runs.into_iter().flat_map(|run| {
        let parts = run.len().div_ceil(GROUP_SIZE);
        let start = move |part: usize| run.start + run.len() * part / parts.max(1);
        (0..parts).map(move |part| start(part)..start(part + 1))
    });
    divided.map(|range| {
        let members = u16::MAX >> (GROUP_SIZE - range.len().clamp(1, GROUP_SIZE));
        Draft {
            feeder: None,
            below: Below::Group(narrow(range.start)..narrow(range.end), members),
            base: None,
        }
    })
}

impl Draft {
    /// One over these.
    fn over(drafts: Vec<Self>) -> Self {
        Self {
            feeder: None,
            below: Below::Nodes(drafts),
            base: None,
        }
    }
}

/// The same nodes under so few others that these are no more than [`FANOUT`]. Those have this base.
fn folded(mut drafts: Vec<Draft>, base: Option<u32>) -> Vec<Draft> {
    while drafts.len() > FANOUT {
        let parts = drafts.len().div_ceil(FANOUT);
        let (all, mut left) = (drafts.len(), drafts.into_iter());
        let size = |part: usize| all * (part + 1) / parts - all * part / parts;
        let part = |part: usize| Draft {
            base,
            ..Draft::over(left.by_ref().take(size(part)).collect())
        };
        drafts = (0..parts).map(part).collect();
    }
    drafts
}

/// A number of a node or a position. Rosters are far smaller than this.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn wide(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
