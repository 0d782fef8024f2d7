//! What can be wrong with a configuration, in words that an operator can act on.
//!
//! Each message is complete: it names the file and says what to write instead, so a caller prints the error with
//! `{}`. No error has a further source, because a printed chain would repeat it.

use std::{error, fmt, io, path::PathBuf};

/// Why there is no configuration.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The text is not YAML, so nothing in it can be checked.
    Syntax {
        /// The name of the text.
        source_name: String,
        /// The parser's error, with line and column.
        source: yaml_serde::Error,
    },
    /// The text is YAML, but not a configuration.
    Faults(Faults),
}

/// All that is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// The name of the file.
    pub source_name: String,
    /// The faults, in the order in which the keys are documented; never empty.
    pub faults: Vec<Fault>,
}

/// One value that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its path, as in `substations[1].address`; empty for the file as a whole.
    pub path: String,
    /// The value, as it would be written; empty if there is none, or if it does not matter.
    pub value: String,
    /// The rule that it breaks, and what to write instead.
    pub rule: String,
}

impl error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => {
                write!(f, "{}: cannot be read: {source}", path.display())
            }
            Self::Syntax {
                source_name,
                source,
            } => {
                write!(
                    f,
                    "{source_name}: is not valid YAML: {source}{}",
                    hint(source)
                )
            }
            Self::Faults(faults) => faults.fmt(f),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.faults.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{}: {count} fault{plural}", self.source_name)?;
        self.faults
            .iter()
            .try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.path, &self.value] {
            if !part.is_empty() {
                write!(f, "{part}: ")?;
            }
        }
        f.write_str(&self.rule)
    }
}

/// The parser's message for a tab, the most common mistake, names neither the tab nor the remedy.
fn hint(error: &yaml_serde::Error) -> &'static str {
    if error.to_string().contains("cannot start any token") {
        " (indent with spaces, not tabs; quote a value that begins with @ or `)"
    } else {
        ""
    }
}
