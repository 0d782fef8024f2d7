//! Signals, as a program waits for them.
//!
//! From the moment a watcher exists, its signals no longer end the process by themselves.

use std::future::pending;
use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Watches for SIGTERM and SIGINT. Each watcher sees every signal.
#[derive(Debug)]
pub struct Termination {
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    interrupt: Signal,
}

#[cfg(unix)]
impl Termination {
    /// Starts to watch. Fails if a handler cannot be set. Call it on a runtime.
    pub fn watch() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next of the two signals.
    pub async fn next(&mut self) {
        let received = tokio::select! {
            received = self.terminate.recv() => received,
            received = self.interrupt.recv() => received,
        };
        if received.is_none() {
            pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
impl Termination {
    /// Starts to watch.
    #[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
    pub fn watch() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next Ctrl-C.
    pub async fn next(&mut self) {
        interrupted().await;
    }
}

/// Resolves on the first SIGTERM or SIGINT from now on.
///
/// If the handlers cannot be set, it never resolves, and the signals end the process by themselves.
pub async fn terminated() {
    match Termination::watch() {
        Ok(mut termination) => termination.next().await,
        Err(_) => pending().await,
    }
}

/// Resolves on the first SIGINT (Ctrl-C) from now on.
///
/// If the handler cannot be set, it never resolves, and the signal ends the process by itself.
pub async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        pending::<()>().await;
    }
}

/// Watches for one signal that has a meaning of its own, such as SIGHUP.
#[cfg(unix)]
#[derive(Debug)]
pub struct Watch(Option<Signal>);

#[cfg(unix)]
impl Watch {
    /// Watches for SIGHUP. Call it on a runtime.
    #[must_use]
    pub fn hangup() -> Self {
        Self(signal(SignalKind::hangup()).ok())
    }

    /// Watches for SIGUSR1. Call it on a runtime.
    #[must_use]
    pub fn user_defined1() -> Self {
        Self(signal(SignalKind::user_defined1()).ok())
    }

    /// Watches for SIGUSR2. Call it on a runtime.
    #[must_use]
    pub fn user_defined2() -> Self {
        Self(signal(SignalKind::user_defined2()).ok())
    }

    /// Waits for the next signal. If the handler could not be set, it never resolves.
    pub async fn next(&mut self) {
        let received = match &mut self.0 {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if received.is_none() {
            pending::<()>().await;
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
