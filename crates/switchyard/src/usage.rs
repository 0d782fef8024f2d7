//! Wrong usage of a command that clap can't see: the exit code is 2, as clap's is.

/// What is wrong, and what to write.
#[derive(Debug, thiserror::Error)]
#[error("{0}; see switchyard {1} --help")]
pub(crate) struct WrongUsage(pub(crate) String, pub(crate) &'static str);
