//! A timer that is accurate to about ten microseconds.
//!
//! Tokio's timers have ticks of a millisecond. At 1,000 requests/s every request would leave up to
//! a millisecond late, and the report would blame the target for it. Linux offers a timer as a file
//! descriptor, which the runtime waits for as for any socket. On other systems the last two
//! milliseconds are spent yielding, which costs a core.

use std::io;

#[cfg(target_os = "linux")]
use tokio::io::{Interest, unix::AsyncFd};
use tokio::time::Instant;

/// A timer for one wait at a time.
#[derive(Debug)]
pub(crate) struct Timer {
    #[cfg(target_os = "linux")]
    fd: AsyncFd<fd::Fd>,
}

#[cfg(target_os = "linux")]
impl Timer {
    pub(crate) fn new() -> io::Result<Self> {
        #[allow(
            deprecated,
            reason = "its successor is unsafe, which is forbidden here; it guards against descriptors that \
                      change or close, and this descriptor is owned and never changes"
        )]
        let fd = AsyncFd::with_interest(fd::Fd::new()?, Interest::READABLE)?;
        Ok(Self { fd })
    }

    /// Waits until a moment, never shorter. A wait may be cancelled.
    pub(crate) async fn until(&mut self, moment: Instant) -> io::Result<()> {
        loop {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.fd.get_ref().set(left)?;
            // The loop is needed because the timer may have fired for an earlier, cancelled wait.
            self.fd.readable_mut().await?.clear_ready();
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Timer {
    #[expect(clippy::unnecessary_wraps, reason = "on Linux it can fail")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    pub(crate) async fn until(&mut self, moment: Instant) -> io::Result<()> {
        // Two ticks, because tokio rounds up.
        let coarse = moment - std::time::Duration::from_millis(2);
        if coarse > Instant::now() {
            tokio::time::sleep_until(coarse).await;
        }
        while Instant::now() < moment {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
mod fd {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, RawFd};
    use std::time::Duration;

    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

    /// A timer that exposes its descriptor number to the runtime.
    #[derive(Debug)]
    pub(super) struct Fd(TimerFd);

    impl Fd {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            Ok(Self(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?))
        }

        /// Fires once after a span above 0. This replaces an earlier setting.
        pub(super) fn set(&self, span: Duration) -> io::Result<()> {
            let once = Expiration::OneShot(TimeSpec::from_duration(span));
            Ok(self.0.set(once, TimerSetTimeFlags::empty())?)
        }
    }

    impl AsRawFd for Fd {
        fn as_raw_fd(&self) -> RawFd {
            self.0.as_fd().as_raw_fd()
        }
    }
}
