//! The CPU time of the run, which tells whether the load generator itself was the bottleneck.

use std::time::Duration;

/// A clock of CPU time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuClock {
    thread: bool,
    start: Option<Duration>,
}

impl CpuClock {
    /// Whether the system reports the CPU time of a single thread.
    pub(crate) const KNOWS_THREADS: bool = cfg!(target_os = "linux");

    /// A clock for this thread, if `thread` is set and the system can report it; else for the
    /// process.
    pub(crate) fn start(thread: bool) -> Self {
        let thread = thread && Self::KNOWS_THREADS;
        Self {
            thread,
            start: used(thread),
        }
    }

    /// The CPU time since the start. Must be called on the same thread.
    pub(crate) fn elapsed(&self) -> Option<Duration> {
        used(self.thread)?.checked_sub(self.start?)
    }
}

#[cfg(unix)]
fn used(thread: bool) -> Option<Duration> {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeVal;
    #[cfg(target_os = "linux")]
    let who = if thread {
        UsageWho::RUSAGE_THREAD
    } else {
        UsageWho::RUSAGE_SELF
    };
    #[cfg(not(target_os = "linux"))]
    let who = {
        let _ = thread;
        UsageWho::RUSAGE_SELF
    };
    let usage = getrusage(who).ok()?;
    let span = |time: TimeVal| {
        let seconds = u64::try_from(time.tv_sec()).ok()?;
        let micros = u64::try_from(time.tv_usec()).ok()?;
        Some(Duration::from_secs(seconds) + Duration::from_micros(micros))
    };
    Some(span(usage.user_time())? + span(usage.system_time())?)
}

#[cfg(not(unix))]
fn used(_thread: bool) -> Option<Duration> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
