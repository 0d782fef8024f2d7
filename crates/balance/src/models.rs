//! Small models of what is private here, which loom tries in every order: `tests/orderings.rs` calls them.
//!
//! They are a part of the library, since a test of private items would build all unit tests once more with loom's atomics.
//! The program is built without this module.

#![expect(clippy::missing_panics_doc, reason = "a test panics where it fails")]

use std::sync::Arc;

use loom::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
};

use crate::{
    group::{Floor, Floors, Group, Versions, number_at},
    search::{Cell, Lines, Tag, floor_of},
};

/// A score before it falls, and after.
const HIGH: f64 = 5.0;
const LOW: f64 = 2.0;

/// The score of an upstream, which others read without a lock.
struct Score(AtomicU64);

impl Score {
    fn new() -> Self {
        Self(AtomicU64::new(HIGH.to_bits()))
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }

    fn fall(&self) {
        self.0.store(LOW.to_bits(), Relaxed);
    }
}

/// Tries all orders in which a thread is interrupted at most so often in the middle of its work.
fn model(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(interruptions);
    builder.check(model);
}

/// Runs `others` on threads of their own, and `own` on this one meanwhile.
fn beside<T: Send + Sync + 'static, const OTHERS: usize>(
    shared: &Arc<T>,
    others: [fn(&T); OTHERS],
    own: impl FnOnce(&T),
) {
    let others = others.map(|other| {
        let shared = Arc::clone(shared);
        thread::spawn(move || other(&shared))
    });
    own(shared);
    for other in others {
        assert!(other.join().is_ok(), "a thread has failed");
    }
}

/// Two searches set the floor of a group while the score of its member falls. In the end the floor is not above the score.
pub fn a_floor_of_a_group_is_not_above_a_score_that_fell_during_the_search() {
    model(2, || {
        let shared = Arc::new((Arc::new(Floors::new(1)), Score::new()));
        let search = |(floors, score): &(Arc<Floors>, Score)| {
            let version = floors.version(0);
            floors.tighten(0, version, Floor::NONE.with(score.get(), 1.0));
        };
        beside(&shared, [search, search], |(floors, score)| {
            score.fall();
            floors.group(0).loosen();
        });
        assert!(shared.0.floor(0, 0.0) <= LOW);
    });
}

/// A search tree of a root and one child, which has one upstream.
struct Branch {
    versions: Arc<Versions>,
    root: Cell<1>,
    child: Cell<1>,
    score: Score,
}

impl Branch {
    fn new() -> Self {
        Self {
            versions: Arc::new(Versions::new([0, 0].into_iter())),
            root: Cell::new(),
            child: Cell::new(),
            score: Score::new(),
        }
    }

    /// As a search goes: from the version of the root down to the score, unless the floor of the child says enough.
    fn search(&self, stamp: u64) {
        let root = Tag::new(self.versions.of(0), stamp);
        let child = Tag::new(self.versions.of(1), stamp);
        let mut lines = self.child.read(child);
        if lines.whole == [0] {
            lines = lines_at([floor_of(self.score.get()); 3]);
            self.child.write(child, &lines);
        }
        self.root.write(root, &lines);
    }
}

fn lines_at([whole, own, until]: [u64; 3]) -> Lines<1> {
    Lines {
        whole: [whole],
        own: [own],
        until: [until],
    }
}

/// Two searches of a tree, of which the second may go by what the first found at the child, while the score of the
/// upstream falls. In the end no floor that counts is above the score.
pub fn a_floor_of_a_tree_is_not_above_a_score_that_fell_during_the_search() {
    model(3, || {
        let shared = Arc::new(Branch::new());
        let searches = |branch: &Branch| (1..3).for_each(|stamp| branch.search(stamp));
        beside(&shared, [searches], |branch| {
            branch.score.fall();
            Group::Node(Arc::clone(&branch.versions), 1).loosen();
        });
        for (number, cell) in [(0, &shared.root), (1, &shared.child)] {
            let [whole] = cell.read(Tag::new(shared.versions.of(number), 0)).whole;
            assert!(whole == 0 || number_at(whole) <= LOW, "node {number}");
        }
    });
}

/// Two searches write different floors of a node, and a third reads them: all are of the one or of the other, or none counts.
pub fn floors_of_two_searches_are_not_taken_for_those_of_one() {
    model(2, || {
        let shared = Arc::new(Cell::<1>::new());
        let write: [fn(&Cell<1>); 2] = [
            |cell| cell.write(Tag::new(0, 1), &lines_at(found_by(1.0))),
            |cell| cell.write(Tag::new(0, 2), &lines_at(found_by(2.0))),
        ];
        beside(&shared, write, |cell| {
            let Lines { whole, own, until } = cell.read(Tag::new(0, 0));
            let read = [whole, own, until].map(|[floor]| floor);
            let is_of_one = [[0; 3], found_by(1.0), found_by(2.0)].contains(&read);
            assert!(is_of_one, "{read:?}");
        });
    });
}

/// The floors that a search finds.
fn found_by(search: f64) -> [u64; 3] {
    [1.0, 2.0, 3.0].map(|floor| floor_of(10.0 * search + floor))
}
