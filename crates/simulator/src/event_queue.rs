//! Events in the order of their time; events of the same moment in the order in which they were
//! planned.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::event::Event;

struct Entry {
    at: Duration,
    number: u64,
    event: Event,
}

/// The events to come.
#[derive(Default)]
pub(crate) struct EventQueue {
    heap: BinaryHeap<Entry>,
    planned: u64,
}

impl EventQueue {
    /// Plans `event` for the moment `at`.
    pub(crate) fn plan(&mut self, at: Duration, event: Event) {
        let number = self.planned;
        self.planned += 1;
        self.heap.push(Entry { at, number, event });
    }

    /// The next event with its moment.
    pub(crate) fn pop(&mut self) -> Option<(Duration, Event)> {
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }

    /// All planned events, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Event> {
        self.heap.iter().map(|entry| &entry.event)
    }
}

impl Ord for Entry {
    /// The heap returns the greatest entry first, so the earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}
