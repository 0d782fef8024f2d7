//! What the command lines of the programs share.
//!
//! - [`Build`] is what `--version` says.
//! - [`Completions`] is the command that writes a script for a shell.
//! - [`Section`]s are the prose of `--help` below the options. The manual page has the same and some more, so it is data
//!   and not text.

mod build;
mod completions;
mod section;

pub use build::Build;
pub use completions::Completions;
pub use section::{Body, Section, help};
