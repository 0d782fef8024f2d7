//! What the service manager is told: that the proxy is ready, reloads, stops, or is another process now.
//!
//! systemd's protocol, datagrams to the socket that `NOTIFY_SOCKET` names; without one nothing is said.
//! Nothing here may fail the proxy: a manager that can't be told is noted at debug.

use sd_notify::NotifyState;
use tracing::debug;

/// Started, or reloaded; `status` is shown beside the service.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// A new configuration is being read. [`ready`] has to follow, whatever came of it.
pub fn reloading() {
    // Needed since systemd 253, to tell this reload's `READY=1` from an earlier one.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => debug!(%error, "The service manager was not told"),
    }
}

/// On its way out.
pub fn stopping(status: &str) {
    notify(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// Another process is the service from here on. Only the process that was it so far is believed.
pub fn main_process(process: u32) {
    notify(&[NotifyState::MainPid(process)]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        debug!(%error, "The service manager was not told");
    }
}
