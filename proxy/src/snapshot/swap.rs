//! A value that readers take without waiting, and changes of it that come one after the other.
//!
//! A change makes the next value from the one before it. So it must read that under the same lock under which it publishes,
//! or of two changes at once the first would be lost. [`Swap::change`] is the only way to that lock, and gives both.

use std::sync::Arc;

use crate::sync::{ArcSwap, Guard, Mutex, MutexGuard};

/// See the [module](self). `K` is what only changes see.
#[derive(Debug)]
pub(crate) struct Swap<T, K> {
    now: ArcSwap<T>,
    kept: Mutex<K>,
}

impl<T, K: Default> Swap<T, K> {
    pub(crate) fn new(first: T) -> Self {
        Self {
            now: ArcSwap::from_pointee(first),
            kept: Mutex::default(),
        }
    }

    /// The value now, borrowed for a moment.
    pub(crate) fn now(&self) -> Guard<Arc<T>> {
        self.now.load()
    }

    /// The value now, to keep.
    pub(crate) fn get(&self) -> Arc<T> {
        self.now.load_full()
    }

    /// Begins a change: what changes keep, and the value before. No other begins until the lock is dropped.
    pub(crate) fn change(&self) -> (MutexGuard<'_, K>, Arc<T>) {
        let kept = self.kept.lock();
        (kept, self.now.load_full())
    }

    /// Publishes the next value, in a change.
    pub(crate) fn publish(&self, _change: &MutexGuard<'_, K>, next: T) {
        self.now.store(Arc::new(next));
    }
}
