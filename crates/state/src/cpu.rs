//! How much work a thread has done.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time that a core has worked for the calling thread, so far.
#[must_use]
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or_default(),
        time.tv_nsec.try_into().unwrap_or_default(),
    )
}
