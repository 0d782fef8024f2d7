//! YAML as a tree, bounded while it grows.
//!
//! A parser that derives types from a text stops at the first surprise, and one that builds whatever the text says is
//! at its mercy: two hundred thousand brackets, or ten aliases of ten aliases of ten. Here the events of a parser
//! become a tree under three bounds (depth, nodes, text), each counted before anything is kept. Everything else is
//! left to the reader of the tree: a map keeps all entries as written, so that a duplicate key is one fault among
//! others, and a scalar keeps its text beside what it stands for, since `1.10` may be a name.
//!
//! What YAML offers beyond that and is not needed here is refused in words: a second document, a tag of one's own.
//! Anchors and aliases are read, each alias as a copy. A key `<<` is a key like any other.

mod builder;
mod places;
mod scalar;

use std::fmt;

use granit_parser::{ErrorKind, Marker, Parser, ScanError, options};

use builder::Builder;

pub use places::Places;
pub use scalar::{Number, Scalar, Value};

/// The deepest nesting. Our own files need five levels; labels that we ignore may be deeper.
pub const DEPTH: usize = 64;
/// The most nodes, copies by aliases included: ten thousand substations with fifty labels each.
pub const NODES: usize = 1 << 20;
/// The most text of all scalars, copies by aliases included, in bytes.
pub const TEXT: usize = 32 << 20;

/// One value and everything below it.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A plain value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// The entries of a map, as written: a key may be repeated, and may be anything.
    Map(Vec<(Node, Node)>),
}

/// Why a text is not read, and where: it is no YAML, or more of it than is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    what: String,
    /// Line and column, both from 1.
    at: (usize, usize),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.at;
        write!(f, "{} at line {line} column {column}", self.what)
    }
}

impl std::error::Error for Error {}

impl Error {
    fn at(mark: Marker, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            at: (mark.line(), mark.col() + 1),
        }
    }
}

impl From<ScanError> for Error {
    fn from(error: ScanError) -> Self {
        let what = match error.kind() {
            ErrorKind::RecursionLimitExceeded => too_deep(),
            // The most common mistakes; the parser's words name no remedy.
            kind @ (ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar) => {
                format!("{kind}: indent with spaces, not tabs,")
            }
            kind @ ErrorKind::UnexpectedCharacter { .. } => {
                format!("{kind}: quote a value that begins with it,")
            }
            kind => kind.to_string(),
        };
        Self::at(*error.marker(), what)
    }
}

fn too_deep() -> String {
    format!("is nested deeper than {DEPTH} levels, the most that is read,")
}

/// Reads the only document of `text`; an empty text is null.
pub fn read(text: &str) -> Result<Node, Error> {
    require_printable(text)?;
    let options = options! {
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let mut builder = Builder::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event?;
        builder.take(event, span.start)?;
    }
    Ok(builder.finish())
}

/// YAML forbids most control characters, and a file that holds them is no text.
fn require_printable(text: &str) -> Result<(), Error> {
    let allowed = |one: char| {
        matches!(one, '\t' | '\n' | '\r' | '\u{85}')
            || !one.is_control() && !matches!(one, '\u{fffe}' | '\u{ffff}')
    };
    let Some(at) = text.find(|one| !allowed(one)) else {
        return Ok(());
    };
    let (before, after) = text.split_at(at);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    let character = after.chars().next().unwrap_or_default().escape_default();
    Err(Error {
        what: format!("control characters are not allowed, and there is {character}"),
        at: (line, column),
    })
}

#[cfg(test)]
mod tests;
