//! The write that a worker is about to make, so that a choice can send more requests along with it.
//!
//! Among hundreds of substations two requests of one turn of the event loop rarely go to the same one: each has a write
//! and a read of its own, here and at the substation. Where the choice may deviate a little from the best, it asks what
//! the worker writes next. That is known for one turn: from the moment when a request has been put into an empty buffer
//! until it leaves.
//!
//! A write only waits if others may come along. That is *tried* once in a while, and goes on while it pays.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use parking_lot::Mutex;

/// While it does not pay, one of so many requests waits for others.
const TRIED: u32 = 16;
/// After a write with several requests, so many may wait in vain.
const IN_VAIN: u32 = 16;

/// A position in a list of substations, with the version of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The version of the list.
    pub version: u64,
    /// The position in it.
    pub at: usize,
}

/// The open write of one worker. Only that worker changes it.
#[derive(Debug, Default)]
pub(super) struct OpenWrite {
    mark: Mutex<Option<Mark>>,
    requests: AtomicU32,
    /// How many more requests may wait in vain.
    paying: AtomicU32,
}

impl OpenWrite {
    /// Where the open write goes, if there is one.
    pub(super) fn mark(&self) -> Option<Mark> {
        *self.mark.lock()
    }

    /// Whether the next request should wait for others to come along.
    pub(super) fn is_due(&self) -> bool {
        self.paying.load(Relaxed) > 0 || self.requests.fetch_add(1, Relaxed).is_multiple_of(TRIED)
    }

    /// A write is open until the guard is dropped, or until another one is opened.
    pub(super) fn open(&self, mark: Mark) -> OpenGuard<'_> {
        *self.mark.lock() = Some(mark);
        OpenGuard { write: self, mark }
    }

    /// Records how many requests left in a write that had waited for others.
    pub(super) fn record(&self, requests: usize) {
        let left = if requests > 1 {
            IN_VAIN
        } else {
            self.paying.load(Relaxed).saturating_sub(1)
        };
        self.paying.store(left, Relaxed);
    }
}

/// Closes the write when dropped.
#[derive(Debug)]
pub(super) struct OpenGuard<'a> {
    write: &'a OpenWrite,
    mark: Mark,
}

impl Drop for OpenGuard<'_> {
    fn drop(&mut self) {
        let mut open = self.write.mark.lock();
        if *open == Some(self.mark) {
            *open = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn mark(at: usize) -> Mark {
        Mark { version: 1, at }
    }

    #[test]
    fn the_write_that_was_opened_last_is_the_open_one_until_it_is_closed() {
        let write = OpenWrite::default();
        assert_eq!(write.mark(), None);
        let first = write.open(mark(1));
        assert_eq!(write.mark(), Some(mark(1)));
        let second = write.open(mark(2));
        drop(first);
        assert_eq!(write.mark(), Some(mark(2)), "the other one is still open");
        drop(second);
        assert_eq!(write.mark(), None);
    }

    #[test]
    fn waiting_is_tried_now_and_then_and_goes_on_while_it_pays() {
        let write = OpenWrite::default();
        let due = || (0..320).filter(|_| write.is_due()).count();
        assert_eq!(due(), 20);
        write.record(2);
        assert_eq!(due(), 320);
        for _ in 0..IN_VAIN - 1 {
            write.record(1);
        }
        assert_eq!(due(), 320);
        write.record(1);
        assert_eq!(due(), 20);
    }
}
