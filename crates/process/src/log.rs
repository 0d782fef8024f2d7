//! The log, and what a panic prints.

mod stamp;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    thread,
};

use tracing_subscriber::EnvFilter;

use crate::stderr;

/// Writes the log to standard error. `RUST_LOG` sets what is logged; without it, `default_filter` does.
///
/// `default_filter` has the form of `RUST_LOG`, such as `info` or `info,hyper=error`. The log has no
/// colours. If a subscriber is already set, it stays.
///
/// A log line never blocks and never fails: see [`stderr`].
pub fn log_to_stderr(default_filter: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(stamp::Stamp::new())
        .with_writer(|| stderr::Lines)
        // It would print what it can't format by `eprintln!`, which panics where standard error is gone.
        .log_internal_errors(false)
        .with_ansi(false);
    // It fails only if a subscriber is set: in tests.
    let _ = logger.try_init();
}

/// Prints panics through [`stderr`] from now on. The standard library's hook writes to standard error itself, so a
/// thread that panics would block for ever where no process reads.
pub fn print_panics() {
    panic::set_hook(Box::new(|info| stderr::line(describe(info))));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let thread = thread::current();
    let thread = thread.name().unwrap_or("<unnamed>");
    let place = info
        .location()
        .map_or_else(String::new, ToString::to_string);
    let message = info.payload_as_str().unwrap_or("Box<dyn Any>");
    let backtrace = Backtrace::capture();
    let trace = match backtrace.status() {
        BacktraceStatus::Captured => format!("stack backtrace:\n{backtrace}"),
        _ => "note: run with `RUST_BACKTRACE=1` to display a backtrace".to_owned(),
    };
    format!("thread '{thread}' panicked at {place}:\n{message}\n{trace}")
}
