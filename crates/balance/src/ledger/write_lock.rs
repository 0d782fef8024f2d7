//! The lock for writing a sample: one writer at a time.

use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Relaxed, Release},
};

use super::Ledger;

/// The right to write a sample. Dropping it releases the lock.
#[derive(Debug)]
pub(super) struct WriteGuard<'a>(&'a AtomicBool);

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}

impl Ledger {
    /// Waits for the lock. Writing a sample takes nanoseconds, unless the writer's thread is preempted meanwhile.
    pub(super) fn write_lock(&self) -> WriteGuard<'_> {
        loop {
            match self.try_write_lock() {
                Some(guard) => return guard,
                None => std::thread::yield_now(),
            }
        }
    }

    /// Takes the lock if it is free.
    pub(super) fn try_write_lock(&self) -> Option<WriteGuard<'_>> {
        let is_free = self
            .write_locked
            .compare_exchange(false, true, Acquire, Relaxed);
        is_free.is_ok().then_some(WriteGuard(&self.write_locked))
    }
}
