//! The log, and what a panic prints.

mod json_lines;
mod stamp;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    env,
    fmt::Display,
    panic::{self, PanicHookInfo},
    sync::OnceLock,
    thread,
};

use tracing::Level;
use tracing_subscriber::EnvFilter;

use crate::stderr;
use json_lines::{JsonLines, line_of};

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogForm {
    /// Text for people.
    #[default]
    Text,
    /// A JSON object for programs.
    Json,
}

/// The log of this process, once it is set up.
struct InForce {
    form: LogForm,
    change: Box<dyn Fn(EnvFilter) + Send + Sync>,
}

static IN_FORCE: OnceLock<InForce> = OnceLock::new();

/// Writes the log to standard error. `RUST_LOG` sets what is logged; without it, `default_filter` does.
///
/// `default_filter` has the form of `RUST_LOG`, such as `info` or `info,hyper=error`. The log has no
/// colours. If a subscriber is already set, it stays.
///
/// A log line never blocks and never fails: see [`stderr`].
pub fn log_to_stderr(default_filter: &str, form: LogForm) {
    let filter = from_environment().unwrap_or_else(|| EnvFilter::new(default_filter));
    let logger = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| stderr::Lines)
        // It would print what it can't format by `eprintln!`, which panics where standard error is gone.
        .log_internal_errors(false)
        .with_ansi(false);
    // It fails only if a subscriber is set: in tests.
    let change: Box<dyn Fn(EnvFilter) + Send + Sync> = match form {
        LogForm::Text => {
            let logger = logger.with_timer(stamp::Stamp::new());
            let logger = logger.with_filter_reloading();
            let handle = logger.reload_handle();
            let _ = logger.try_init();
            Box::new(move |filter| drop(handle.reload(filter)))
        }
        LogForm::Json => {
            let logger = logger.event_format(JsonLines::default());
            let logger = logger.with_filter_reloading();
            let handle = logger.reload_handle();
            let _ = logger.try_init();
            Box::new(move |filter| drop(handle.reload(filter)))
        }
    };
    let _ = IN_FORCE.set(InForce { form, change });
    stderr::warn_as(as_line);
}

/// Logs by this filter from now on, unless `RUST_LOG` sets what is logged.
pub fn change_log_filter(filter: &str) {
    if let (Some(log), None) = (IN_FORCE.get(), from_environment()) {
        (log.change)(EnvFilter::new(filter));
    }
}

/// Writes an error of the whole program to standard error, in the form of the log.
pub fn print_error(program: &str, message: impl Display) {
    if is_json() {
        print(Level::ERROR, program, &message.to_string(), &[]);
    } else {
        stderr::line(format_args!("{program}: {message}"));
    }
}

/// Prints panics through [`stderr`] from now on. The standard library's hook writes to standard error itself, so a
/// thread that panics would block for ever where no process reads.
pub fn print_panics() {
    panic::set_hook(Box::new(print_panic));
}

/// A warning that is no event, as a line.
fn as_line(warning: &str) -> String {
    if is_json() {
        line_of(Level::WARN, "log", warning, &[])
    } else {
        format!("{warning}\n")
    }
}

/// Whether lines are JSON. They are text until the log is set up.
fn is_json() -> bool {
    IN_FORCE.get().is_some_and(|log| log.form == LogForm::Json)
}

/// Prints what is no event.
fn print(level: Level, target: &str, message: &str, fields: &[(&str, &str)]) {
    stderr::line(line_of(level, target, message, fields).trim_end());
}

fn from_environment() -> Option<EnvFilter> {
    let is_set = env::var_os(EnvFilter::DEFAULT_ENV).is_some_and(|value| !value.is_empty());
    is_set
        .then(|| EnvFilter::try_from_default_env().ok())
        .flatten()
}

fn print_panic(info: &PanicHookInfo<'_>) {
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
    if is_json() {
        let fields = [
            ("thread", thread),
            ("place", &*place),
            ("backtrace", &*trace),
        ];
        print(Level::ERROR, "panic", message, &fields);
        return;
    }
    stderr::line(format_args!(
        "thread '{thread}' panicked at {place}:\n{message}\n{trace}"
    ));
}
