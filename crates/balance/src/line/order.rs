//! The places of a line in order, and the first of them that asks for little enough.
//!
//! A search tree by turn in which each node knows the least load and the earliest moment below it, so that the first
//! place with a load of at most so much is found in one walk down. It is balanced by random priorities (a treap):
//! clients choose when they come and go, and must not be able to make it a list.

use std::{cmp::Ordering, time::Duration};

use super::Turn;

type Link<T> = Option<Box<Node<T>>>;

/// The places, by turn.
#[derive(Debug)]
pub(super) struct Order<T> {
    root: Link<T>,
    count: usize,
}

/// What a place is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// What it asks for, in millionths.
    pub(super) load: i64,
    /// From when on room is kept for it.
    pub(super) kept_from: Duration,
}

#[derive(Debug)]
struct Node<T> {
    turn: Turn,
    wish: Wish,
    /// The least of each below and here.
    least: Wish,
    priority: u64,
    item: T,
    left: Link<T>,
    right: Link<T>,
}

impl Wish {
    /// A wish that nothing fulfils.
    pub(super) const NONE: Self = Self {
        load: i64::MAX,
        kept_from: Duration::MAX,
    };

    fn least(self, other: Self) -> Self {
        Self {
            load: self.load.min(other.load),
            kept_from: self.kept_from.min(other.kept_from),
        }
    }
}

impl<T> Order<T> {
    pub(super) const fn new() -> Self {
        Self {
            root: None,
            count: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Adds a place. `priority` is random.
    pub(super) fn insert(&mut self, turn: Turn, wish: Wish, item: T, priority: u64) {
        let node = Box::new(Node {
            turn,
            wish,
            least: wish,
            priority,
            item,
            left: None,
            right: None,
        });
        let (before, after) = split(self.root.take(), |other| other < turn);
        self.root = merge(merge(before, Some(node)), after);
        self.count += 1;
    }

    pub(super) fn remove(&mut self, turn: Turn) -> Option<T> {
        let (before, rest) = split(self.root.take(), |other| other < turn);
        let (found, after) = split(rest, |other| other <= turn);
        self.root = merge(before, after);
        let found = found?;
        self.count -= 1;
        Some(found.item)
    }

    /// Changes what a place is found by.
    pub(super) fn set_wish(&mut self, turn: Turn, wish: Wish) {
        fn set<T>(link: &mut Link<T>, turn: Turn, wish: Wish) {
            let Some(node) = link else { return };
            match turn.cmp(&node.turn) {
                Ordering::Less => set(&mut node.left, turn, wish),
                Ordering::Greater => set(&mut node.right, turn, wish),
                Ordering::Equal => node.wish = wish,
            }
            node.renew();
        }
        set(&mut self.root, turn, wish);
    }

    pub(super) fn get(&self, turn: Turn) -> Option<&T> {
        let mut at = self.root.as_ref();
        while let Some(node) = at {
            if turn == node.turn {
                return Some(&node.item);
            }
            let next = if turn < node.turn {
                &node.left
            } else {
                &node.right
            };
            at = next.as_ref();
        }
        None
    }

    /// The first place.
    pub(super) fn first(&self) -> Option<(Turn, &T)> {
        let (turn, _, item) = self.first_where(|_| true)?;
        Some((turn, item))
    }

    /// The first place that asks for at most `limit`, and its load.
    pub(super) fn first_within(&self, limit: i64) -> Option<(Turn, i64, &T)> {
        let (turn, wish, item) = self.first_where(|wish| wish.load <= limit)?;
        Some((turn, wish.load, item))
    }

    /// The first place that room is to be kept for at `now`, and its load.
    pub(super) fn first_kept(&self, now: Duration) -> Option<(Turn, i64, &T)> {
        let (turn, wish, item) = self.first_where(|wish| wish.kept_from <= now)?;
        Some((turn, wish.load, item))
    }

    /// The first place whose wish is so. `is_so` must hold for the least of some wishes only if it holds for one of
    /// them.
    fn first_where(&self, is_so: impl Fn(Wish) -> bool) -> Option<(Turn, Wish, &T)> {
        let mut at = self.root.as_ref().filter(|node| is_so(node.least));
        while let Some(node) = at {
            let left = node.left.as_ref().filter(|left| is_so(left.least));
            if left.is_none() && is_so(node.wish) {
                return Some((node.turn, node.wish, &node.item));
            }
            at = left.or(node.right.as_ref());
        }
        None
    }
}

impl<T> Node<T> {
    fn renew(&mut self) {
        let below = [&self.left, &self.right].into_iter().flatten();
        self.least = below.fold(self.wish, |least, node| least.least(node.least));
    }
}

/// The places before a point in the order, and the others.
fn split<T>(link: Link<T>, is_before: impl Fn(Turn) -> bool + Copy) -> (Link<T>, Link<T>) {
    let Some(mut node) = link else {
        return (None, None);
    };
    if is_before(node.turn) {
        let (before, after) = split(node.right.take(), is_before);
        node.right = before;
        node.renew();
        (Some(node), after)
    } else {
        let (before, after) = split(node.left.take(), is_before);
        node.left = after;
        node.renew();
        (before, Some(node))
    }
}

/// Joins two trees, of which all places of the first are before those of the second.
fn merge<T>(before: Link<T>, after: Link<T>) -> Link<T> {
    match (before, after) {
        (Some(mut before), Some(mut after)) => Some(if before.priority >= after.priority {
            before.right = merge(before.right.take(), Some(after));
            before.renew();
            before
        } else {
            after.left = merge(Some(before), after.left.take());
            after.renew();
            after
        }),
        (before, after) => before.or(after),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fastrand::Rng;

    use super::*;

    fn depth<T>(link: Option<&Node<T>>) -> usize {
        link.map_or(0, |node| {
            1 + depth(node.left.as_deref()).max(depth(node.right.as_deref()))
        })
    }

    #[test]
    fn it_agrees_with_a_sorted_list_whatever_comes_and_goes() {
        let mut rng = Rng::with_seed(1);
        let (mut order, mut list) = (Order::new(), BTreeMap::<Turn, Wish>::new());
        for number in 0..5_000 {
            let arrived = Duration::from_millis(rng.u64(0..50));
            let turn = Turn {
                arrived,
                number,
                kind: 0,
            };
            let mut wish = || Wish {
                load: rng.i64(1..100),
                kept_from: Duration::from_millis(rng.u64(0..100)),
            };
            let (first, second) = (wish(), wish());
            order.insert(turn, first, number, rng.u64(..));
            list.insert(turn, first);
            if let Some(other) = rng.choice(list.keys().copied().collect::<Vec<_>>()) {
                match rng.u8(0..3) {
                    0 => {
                        order.set_wish(other, second);
                        list.insert(other, second);
                    }
                    1 if list.len() > 60 => {
                        assert_eq!(order.remove(other), Some(other.number));
                        assert_eq!(order.remove(other), None);
                        list.remove(&other);
                    }
                    _ => assert_eq!(order.get(other), Some(&other.number)),
                }
            }
            let (limit, now) = (rng.i64(0..110), Duration::from_millis(rng.u64(0..110)));
            let within = list.iter().find(|(_, wish)| wish.load <= limit);
            let kept = list.iter().find(|(_, wish)| wish.kept_from <= now);
            let plain = |(turn, wish): (&Turn, &Wish)| (*turn, wish.load);
            assert_eq!(
                order.first_within(limit).map(|found| (found.0, found.1)),
                within.map(plain)
            );
            assert_eq!(
                order.first_kept(now).map(|found| (found.0, found.1)),
                kept.map(plain)
            );
            assert_eq!(order.len(), list.len());
            assert_eq!(
                order.first().map(|(turn, _)| turn),
                list.keys().next().copied()
            );
        }
    }

    #[test]
    fn ten_thousand_in_order_make_no_list() {
        let mut rng = Rng::with_seed(1);
        let mut order = Order::new();
        for number in 0..10_000 {
            let arrived = Duration::from_micros(number);
            order.insert(
                Turn {
                    arrived,
                    number,
                    kind: 0,
                },
                Wish::NONE,
                (),
                rng.u64(..),
            );
        }
        assert!(
            depth(order.root.as_deref()) < 60,
            "{}",
            depth(order.root.as_deref())
        );
    }
}
