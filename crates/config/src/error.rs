//! What can be wrong with a configuration, in words that an operator can act on.
//!
//! Each message is complete: it names the file and says what to write instead, so a caller prints the error with
//! `{}`. No error has a further source, because a printed chain would repeat it.

use std::{
    error, fmt, io,
    path::{Path, PathBuf},
};
use switchyard_bounded::{
    Shown,
    yaml::{self, Places},
};

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
        source: yaml::Error,
    },
    /// The text is YAML, but not a configuration.
    Faults(Faults),
}

/// The most faults of one file that are named: an operator mends no more before the next try.
pub(super) const MOST_FAULTS: usize = 100;

/// What is wrong with one file: all of it, up to a hundred faults.
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
    /// The line of the file, where it is known.
    pub line: Option<usize>,
}

/// The rule of a key that is written more than once.
pub(super) const TWICE: &str = "appears twice: keep one";

impl Faults {
    /// Faults of the file with this name, which has this `text`: each with its line.
    #[must_use]
    pub fn within(source_name: String, faults: Vec<Fault>, text: &str) -> Self {
        Self {
            source_name,
            faults,
        }
        .at(&Places::of(text))
    }

    /// The same, if the file can be read now; without their lines if not.
    #[must_use]
    pub fn of_file(source_name: String, faults: Vec<Fault>) -> Self {
        let text = super::text(Path::new(&source_name)).unwrap_or_default();
        Self::within(source_name, faults, &text)
    }

    /// The same faults, with their lines.
    pub(super) fn at(mut self, places: &Places) -> Self {
        let mut repeated: Vec<&str> = Vec::new();
        for Fault {
            path, rule, line, ..
        } in &mut self.faults
        {
            let mut skipped = 0;
            if rule == TWICE {
                repeated.push(path);
                skipped = repeated.iter().filter(|known| *known == path).count();
            }
            *line = line.or_else(|| places.line(path, skipped));
        }
        self
    }
}

/// Notes a fault, unless there are [`MOST_FAULTS`]: then that there are more.
pub(super) fn note(faults: &mut Vec<Fault>, fault: impl FnOnce() -> Fault) {
    if faults.len() < MOST_FAULTS {
        faults.push(fault());
    } else if faults.len() == MOST_FAULTS {
        faults.push(Fault {
            path: String::new(),
            value: String::new(),
            rule: "and more: mend these first".to_owned(),
            line: None,
        });
    }
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
                write!(f, "{source_name}: cannot be read as YAML: {source}")
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
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        for part in [&self.path, &self.value] {
            if !part.is_empty() {
                write!(f, "{}: ", Shown::value(part))?;
            }
        }
        write!(f, "{}", Shown::message(&self.rule))
    }
}
