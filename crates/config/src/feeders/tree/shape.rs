//! The shape of a forest that is written as each node's parent.

use crate::feeders::MOST_LEVELS;

/// What is wrong with a forest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// The members of each cycle, each before its parent, the first of the file in front.
    pub(super) cycles: Vec<Vec<usize>>,
    /// The nodes one level below the deepest that is allowed; what is below them is not listed.
    pub(super) too_deep: Vec<usize>,
}

#[derive(Clone, Copy)]
enum Node {
    New,
    /// On the way up that is being walked.
    Here,
    /// Its level, a root's being 1; `None` if it is in a cycle or below one.
    Known(Option<usize>),
}

impl Shape {
    /// Looks at each node once.
    pub(super) fn of(parents: &[Option<usize>]) -> Self {
        let mut shape = Self::default();
        let mut nodes = vec![Node::New; parents.len()];
        for start in 0..parents.len() {
            let mut way = Vec::new();
            let mut next = Some(start);
            let above = loop {
                let Some(at) = next else { break Some(0) };
                let Some(node) = nodes.get_mut(at) else {
                    break None;
                };
                match *node {
                    Node::Known(level) => break level,
                    Node::Here => {
                        let from = way.iter().position(|other| *other == at);
                        let cycle = way.get(from.unwrap_or_default()..);
                        shape.cycles.push(first_in_front(cycle.unwrap_or_default()));
                        break None;
                    }
                    Node::New => {
                        *node = Node::Here;
                        way.push(at);
                        next = parents.get(at).copied().flatten();
                    }
                }
            };
            let mut level = above;
            for at in way.into_iter().rev() {
                level = level.map(|level| level + 1);
                if level == Some(MOST_LEVELS + 1) {
                    shape.too_deep.push(at);
                }
                if let Some(node) = nodes.get_mut(at) {
                    *node = Node::Known(level);
                }
            }
        }
        shape.too_deep.sort_unstable();
        shape
    }
}

fn first_in_front(cycle: &[usize]) -> Vec<usize> {
    let first = cycle.iter().enumerate().min_by_key(|(_, at)| **at);
    let mut turned = cycle.to_vec();
    turned.rotate_left(first.map_or(0, |(place, _)| place));
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_found_once_and_begins_with_the_first_of_the_file() {
        // 0 → 3 → 1 → 3 …, 2 is itself, 4 is a root, 5 hangs on the second cycle.
        let parents = [Some(3), Some(3), Some(2), Some(1), None, Some(2)];
        let shape = Shape::of(&parents);
        assert_eq!(shape.cycles, [vec![1, 3], vec![2]]);
        assert_eq!(shape.too_deep, [0; 0]);
    }

    #[test]
    fn only_the_first_node_that_is_too_deep_is_listed_on_each_branch() {
        let chain = |length: usize| -> Vec<Option<usize>> {
            (0..length).map(|at| at.checked_sub(1)).collect()
        };
        assert_eq!(Shape::of(&chain(MOST_LEVELS)), Shape::default());
        let mut deep = chain(10_000);
        deep.push(Some(MOST_LEVELS - 1));
        assert_eq!(Shape::of(&deep).too_deep, [MOST_LEVELS, 10_000]);
        // The other way round, where a walk goes all the way up.
        let up: Vec<_> = (1..=10_000).map(|at| (at < 10_000).then_some(at)).collect();
        assert_eq!(Shape::of(&up).too_deep, [10_000 - MOST_LEVELS - 1]);
    }
}
