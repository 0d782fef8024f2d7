//! How much processor time the run takes, so that it can say whether it was itself the bottleneck.

use std::time::Duration;

/// A clock of processor time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    thread: bool,
    start: Option<Duration>,
}

impl Clock {
    /// Whether the time of a thread can be told from that of its process.
    pub(crate) const KNOWS_THREADS: bool = cfg!(target_os = "linux");

    /// Of this thread, where there is only this one and the system can tell; else of the process.
    pub(crate) fn start(thread: bool) -> Self {
        let thread = thread && Self::KNOWS_THREADS;
        Self {
            thread,
            start: used(thread),
        }
    }

    /// What has been used since the start; to be asked on the same thread.
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
mod tests {
    use super::*;

    #[test]
    fn work_on_another_thread_is_not_this_ones() {
        let (thread, process) = (Clock::start(true), Clock::start(false));
        let busy = || {
            let until = Clock::start(true);
            while until.elapsed().unwrap() < Duration::from_millis(50) {
                std::hint::spin_loop();
            }
        };
        std::thread::spawn(busy).join().unwrap();
        assert!(process.elapsed().unwrap() >= Duration::from_millis(50));
        assert!(thread.elapsed().unwrap() < Duration::from_millis(50));
        busy();
        assert!(thread.elapsed().unwrap() >= Duration::from_millis(50));
    }
}
