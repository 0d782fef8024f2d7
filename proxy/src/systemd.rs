//! Notifies the service manager: ready, reloading, stopping, or continued in another process.
//!
//! The protocol is systemd's: datagrams to the socket that `NOTIFY_SOCKET` names. Without that variable nothing is
//! sent. A failure here never fails the proxy; it is logged at level debug.

use sd_notify::NotifyState;
use tracing::debug;

/// The proxy has started or reloaded; `status` is shown beside the service.
pub fn ready(status: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The proxy is reading a configuration. [`ready`] must follow, also after a failure.
pub fn reloading() {
    // Needed since systemd 253, to distinguish this reload's `READY=1` from an earlier one.
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => debug!(%error, "Proxy could not notify the service manager"),
    }
}

/// The proxy is stopping.
pub fn stopping(status: &str) {
    notify(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// `process` is the service's main process from now on. systemd accepts this only from the main process so far.
pub fn main_process(process: u32) {
    notify(&[NotifyState::MainPid(process)]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, states) {
        debug!(%error, "Proxy could not notify the service manager");
    }
}
