//! What every program of this workspace needs of its process.
//!
//! - [`signals`]: wait for SIGTERM, SIGINT and other signals.
//! - [`raise_file_limit`]: raise the soft limit of open files to the hard limit.
//! - [`refuse_huge_pages`]: keep memory that was not touched from being resident.
//! - [`log_to_stderr`]: write the log to standard error.
//! - [`stderr`]: write other lines there, without blocking and without failing.
//! - [`vital`]: start again what must not end.
//! - [`http`]: a blocking HTTP/1.1 client for a program's own ports.
//! - [`Shortage`]: what the process has no more of, by the error of a connection.
//! - [`revision()`]: the commit that the program was built from.
//! - [`healthcheck()`]: the command by which a container engine asks a process for its health.

mod file_limit;
mod healthcheck;
pub mod http;
mod huge_pages;
mod log;
mod revision;
mod shortage;
pub mod signals;
pub mod stderr;
#[cfg(test)]
mod test_server;
pub mod vital;

pub use file_limit::raise_file_limit;
pub use healthcheck::{Unhealthy, healthcheck};
pub use huge_pages::refuse_huge_pages;
pub use log::{LogForm, change_log_filter, log_to_stderr, print_error, print_panics};
pub use revision::{revision, set_revision};
pub use shortage::Shortage;
