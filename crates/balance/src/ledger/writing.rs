//! The right to write a sample: one writer at a time.

use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed, Release},
};

use super::Ledger;

/// The right to write a sample, until dropped.
#[derive(Debug)]
pub(super) struct Writing<'a>(&'a AtomicBool);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}

impl Ledger {
    /// Waits its turn: to write a sample takes nanoseconds, unless the writer's thread is put aside meanwhile.
    pub(super) fn writing(&self) -> Writing<'_> {
        loop {
            match self.try_writing() {
                Some(writing) => return writing,
                None => std::thread::yield_now(),
            }
        }
    }

    pub(super) fn try_writing(&self) -> Option<Writing<'_>> {
        let is_free = self.writing.compare_exchange(false, true, Acquire, Relaxed);
        is_free.is_ok().then_some(Writing(&self.writing))
    }
}
