//! What the proxy logs.

use switchyard_config::LogLevel;

/// Logs from this level on, as `RUST_LOG` would say it. Pingora would log every broken connection; metrics count those
/// that matter.
#[must_use]
pub fn log_filter(level: LogLevel) -> String {
    format!("{},pingora_core=error", level.name())
}
