//! What the proxy logs.

use switchyard_config::LogLevel;

/// Logs from this level on, as `RUST_LOG` would say it. Pingora would log every broken connection; metrics count those
/// that matter, and what ends a stream its trail tells.
#[must_use]
pub fn log_filter(level: LogLevel) -> String {
    format!("{},pingora_core=error,pingora_proxy=off", level.name())
}
