//! Who runs: a thread waits for its baton, and passes another thread's on.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::raw;

/// A thread's permission to run. It waits in the real kernel, past the simulated one.
#[derive(Debug, Default)]
pub(crate) struct Baton(AtomicU32);

impl Baton {
    /// Lets the thread run that waits, or will wait, for this.
    pub(crate) fn pass(&self) {
        self.0.store(1, Ordering::Release);
        self.futex(libc::FUTEX_WAKE, 1);
    }

    /// Waits until this is passed, and takes it.
    pub(crate) fn take(&self) {
        while self.0.swap(0, Ordering::Acquire) == 0 {
            self.futex(libc::FUTEX_WAIT, 0);
        }
    }

    fn futex(&self, operation: i32, value: usize) {
        let arguments = [
            self.0.as_ptr() as usize,
            (operation | libc::FUTEX_PRIVATE_FLAG) as usize,
            value,
            0,
            0,
            0,
        ];
        // SAFETY: the word lives as long as `self`, and neither operation takes another pointer but a null timeout.
        unsafe { raw::call(libc::SYS_futex, arguments) };
    }
}
