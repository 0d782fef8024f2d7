//! Parses a series. Each step takes its part from the front of the text and returns the rest.

use super::{MatchOp, Matcher, Series};
use std::str::FromStr;
use thiserror::Error;

/// Why a text is not a series, worded to follow it in a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SeriesError {
    /// It does not begin with a metric's name.
    #[error("must begin with a metric's name: letters, digits, '_' or ':', the first not a digit")]
    Name,
    /// A label's name is missing or has other characters than it may.
    #[error("needs a label's name before {0:?}: letters, digits or '_', the first not a digit")]
    Label(String),
    /// The operator is one for patterns.
    #[error("label `{0}`: patterns (=~, !~) are not supported: name one value with = or !=")]
    Pattern(String),
    /// There is no operator after a label.
    #[error("label `{0}`: needs = or != and a value in quotes")]
    Operator(String),
    /// A label's value has no quotes, or no closing one.
    #[error("label `{0}`: needs its value between quotes, as in {0}=\"value\"")]
    Quotes(String),
    /// A backslash stands before a character that needs none.
    #[error(
        "label `{0}`: a backslash may stand before \\, a quote, n or t; write it twice to mean itself"
    )]
    Escape(String),
    /// The matchers are not closed, or not separated.
    #[error("needs a ',' or a '}}' after each label's value")]
    Open,
    /// Something follows that is no part of a series.
    #[error("must be a series, or several with '+' between them: remove {0:?}")]
    Rest(String),
    /// There are more series than are added.
    #[error("adds more than {MOST_TERMS} series: remove some")]
    TooMany,
}

/// The most series that are added. Each is a search of its own through each page.
const MOST_TERMS: usize = 8;

impl FromStr for Series {
    type Err = SeriesError;

    fn from_str(text: &str) -> Result<Self, SeriesError> {
        Self::parse(text, MOST_TERMS)
    }
}

impl Series {
    /// Reads at most `left` series.
    fn parse(text: &str, left: usize) -> Result<Self, SeriesError> {
        let Some(left) = left.checked_sub(1) else {
            return Err(SeriesError::TooMany);
        };
        let (name, rest) = word(text.trim(), |c| c == ':').ok_or(SeriesError::Name)?;
        let mut series = Self::named(name);
        let Some(mut rest) = rest.trim_start().strip_prefix('{') else {
            return series.at_end(rest, left);
        };
        loop {
            rest = rest.trim_start();
            if let Some(rest) = rest.strip_prefix('}') {
                return series.at_end(rest, left);
            }
            let (matcher, after) = matcher(rest)?;
            series.matchers.push(matcher);
            rest = after.trim_start();
            rest = match rest.strip_prefix(',') {
                Some(rest) => rest,
                None if rest.starts_with('}') => rest,
                None => return Err(SeriesError::Open),
            };
        }
    }

    fn at_end(mut self, rest: &str, left: usize) -> Result<Self, SeriesError> {
        let rest = rest.trim();
        if let Some(rest) = rest.strip_prefix('+') {
            self.plus = Some(Box::new(Self::parse(rest, left)?));
        } else if !rest.is_empty() {
            return Err(SeriesError::Rest(rest.to_owned()));
        }
        Ok(self)
    }
}

fn matcher(text: &str) -> Result<(Matcher, &str), SeriesError> {
    let (label, rest) = word(text, |_| false).ok_or_else(|| match text {
        "" => SeriesError::Open,
        text => SeriesError::Label(text.to_owned()),
    })?;
    let rest = rest.trim_start();
    if rest.starts_with("=~") || rest.starts_with("!~") {
        return Err(SeriesError::Pattern(label.to_owned()));
    }
    let (op, rest) = (rest
        .strip_prefix("!=")
        .map(|rest| (MatchOp::NotEqual, rest)))
    .or_else(|| rest.strip_prefix('=').map(|rest| (MatchOp::Equal, rest)))
    .ok_or_else(|| SeriesError::Operator(label.to_owned()))?;

    let (value, rest) = quoted(label, rest.trim_start())?;
    Ok((
        Matcher {
            label: label.to_owned(),
            op,
            value,
        },
        rest,
    ))
}

/// The text between two quotes of one kind, and what follows; it is the value of `label`.
pub(crate) fn quoted<'a>(label: &str, text: &'a str) -> Result<(String, &'a str), SeriesError> {
    let unquoted = || SeriesError::Quotes(label.to_owned());
    let mut letters = text.chars();
    let quote = letters
        .next()
        .filter(|c| "\"'`".contains(*c))
        .ok_or_else(unquoted)?;
    let mut value = String::new();
    loop {
        value.push(match letters.next().ok_or_else(unquoted)? {
            c if c == quote => return Ok((value, letters.as_str())),
            // Between backticks everything means itself.
            '\\' if quote != '`' => match letters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(c @ ('\\' | '"' | '\'')) => c,
                _ => return Err(SeriesError::Escape(label.to_owned())),
            },
            c => c,
        });
    }
}

/// A name at the front of `text`, and what follows; `also` says what it may have beside letters, digits and '_'.
pub(crate) fn word(text: &str, also: impl Fn(char) -> bool) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || also(c)));
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    let begins_well = word.starts_with(|c: char| !c.is_ascii_digit());
    begins_well.then_some((word, rest))
}
