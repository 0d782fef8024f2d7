//! Signals, as whoever waits for one needs them.

use tokio::signal::unix::Signal;

/// The next signal; never, where signals can't be had.
pub(crate) async fn next(signal: &mut Option<Signal>) {
    let came = match signal {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if came.is_none() {
        std::future::pending::<()>().await;
    }
}
