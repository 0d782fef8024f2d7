//! Simulated time, and what is to happen when.
//!
//! Time stands still while a thread runs, but for a moment at each call: a loop that waits for a time to pass ends.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use crate::{datagrams::Datagram, ends::EndId, threads::ThreadId};

/// The wall clock at the start: 2026-01-01T00:00:00Z, in nanoseconds since the Unix epoch.
const EPOCH: i64 = 1_767_225_600_000_000_000;
/// The monotonic clock at the start, in nanoseconds: a day, so that programs can subtract from it.
const BOOTED: u64 = 86_400_000_000_000;

/// What happens at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A thread has waited long enough, if it still waits for the time with this number.
    Thread(ThreadId, u64),
    /// The first segment under way from this end arrives.
    Segment(EndId),
    /// A connection request arrives.
    Request(EndId, u32),
    /// A datagram arrives.
    Datagram(Datagram),
}

/// The clock and what is due.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    now: u64,
    sequence: u64,
    heap: BinaryHeap<Reverse<(u64, u64, Due)>>,
}

impl Timers {
    /// Nanoseconds since the start.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// The monotonic clock in nanoseconds.
    pub(crate) fn monotonic(&self) -> u64 {
        BOOTED + self.now
    }

    /// A moment of the monotonic clock as nanoseconds since the start.
    pub(crate) fn from_monotonic(nanos: u64) -> u64 {
        nanos.saturating_sub(BOOTED)
    }

    /// The wall clock of a node whose clock is off by so many nanoseconds, as nanoseconds since the Unix epoch.
    pub(crate) fn wall(&self, offset: i64) -> i64 {
        EPOCH
            .saturating_add(self.now.cast_signed())
            .saturating_add(offset)
    }

    /// Lets time pass while a thread runs.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now.saturating_add(nanos(time));
    }

    /// Lets something happen at this time, in nanoseconds since the start; never in the past.
    pub(crate) fn at(&mut self, time: u64, due: Due) {
        self.sequence += 1;
        self.heap
            .push(Reverse((time.max(self.now), self.sequence, due)));
    }

    /// What is due by now.
    pub(crate) fn due(&mut self) -> Option<Due> {
        let Reverse((time, _, _)) = self.heap.peek()?;
        if *time > self.now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, due))| due)
    }

    /// Goes on to the next thing that is due. False if there is none.
    pub(crate) fn advance(&mut self) -> bool {
        let Some(Reverse((time, _, _))) = self.heap.peek() else {
            return false;
        };
        self.now = self.now.max(*time);
        true
    }
}

/// As nanoseconds.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
