//! The log.

mod stamp;

use std::io;

use tracing_subscriber::EnvFilter;

/// Writes the log to standard error. `RUST_LOG` sets what is logged; without it, `default_filter` does.
///
/// `default_filter` has the form of `RUST_LOG`, such as `info` or `info,hyper=error`. The log has no
/// colours. If a subscriber is already set, it stays.
pub fn log_to_stderr(default_filter: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_timer(stamp::Stamp::new())
        .with_ansi(false);
    // It fails only if a subscriber is set: in tests.
    let _ = logger.try_init();
}
