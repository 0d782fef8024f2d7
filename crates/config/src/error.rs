//! What can be wrong with a configuration, in words that an operator can act on.
//!
//! Every message is complete by itself: it names the file and says what to write instead, so printing the error
//! with `{}` is all a caller has to do. For that reason no error has a further source: a printed chain would say
//! the same twice.

use std::{error, fmt, io, path::PathBuf};

/// Why there is no configuration.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The text is not YAML, so nothing in it can be judged.
    Syntax {
        /// What the text is called.
        source_name: String,
        /// What is wrong, with its line and column.
        source: yaml_serde::Error,
    },
    /// The text is YAML, but not a configuration.
    Faults(Faults),
}

/// All that is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// What the file is called.
    pub source_name: String,
    /// The faults, in the order in which the keys are documented; never empty.
    pub faults: Vec<Fault>,
}

/// One value that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands, as in `substations[1].address`; empty for the file as a whole.
    pub path: String,
    /// What stands there, as it would be written; empty where nothing does, or where it does not matter.
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

/// The parser's words for a tab, the commonest slip of all, name neither the tab nor the cure.
fn hint(error: &yaml_serde::Error) -> &'static str {
    if error.to_string().contains("cannot start any token") {
        " (indent with spaces, not tabs; quote a value that begins with @ or `)"
    } else {
        ""
    }
}
