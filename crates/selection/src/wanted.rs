//! What one request wants, as it is read.

use std::fmt::{self, Write};

use switchyard_bounded::Shown;
use switchyard_idempotency::KeyHash;

use crate::{
    labels::{ANYTHING, NOTHING, Values},
    rule::{MOST_RULES, Rule, Source},
};

/// The longest value of a request, in bytes.
pub const LONGEST_VALUE: usize = 1024;
/// The longest text of a number, which is that of the least above zero, is not as long.
const LONGEST_NUMBER: usize = 352;

/// A value as a request names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number.
    Whole(u64),
    /// Any other number.
    Number(f64),
    /// A truth value.
    Truth(bool),
}

/// Why a value can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is too long.
    #[error("has more than {LONGEST_VALUE} bytes")]
    TooLong,
    /// It has to be a number, and is none.
    #[error("is not a number")]
    NoNumber,
    /// There is a second one.
    #[error("is given twice")]
    Twice,
}

/// What a request wants, as far as it has been read. Made by [`Selections::wanted`](crate::Selections::wanted).
#[derive(Clone, Debug)]
pub struct Wanted<'s> {
    rules: &'s [Rule],
    values: &'s [Values],
    /// The number of the value that it wants by each rule.
    pub(crate) numbers: [u32; MOST_RULES],
    /// What it named, where that has to be a number.
    pub(crate) named: [f64; MOST_RULES],
    /// The first rule with a value that no substation has although the request needs it, and that value.
    pub(crate) missing: Option<(usize, String)>,
    is_keyed: bool,
    digest: Option<u128>,
}

impl<'s> Wanted<'s> {
    pub(crate) fn new(rules: &'s [Rule], values: &'s [Values], is_keyed: bool) -> Self {
        Self {
            rules,
            values,
            numbers: [ANYTHING; MOST_RULES],
            named: [0.0; MOST_RULES],
            missing: None,
            is_keyed,
            digest: None,
        }
    }

    /// The number of the field of this name, if a rule reads it.
    #[must_use]
    #[inline]
    pub fn field(&self, name: &str) -> Option<usize> {
        let is_it = |rule: &Rule| matches!(&rule.source, Source::Field(field) if field == name);
        self.rules.iter().position(is_it)
    }

    /// The name of the field of this number.
    #[must_use]
    pub fn name_of(&self, field: usize) -> &'s str {
        let rule = self.rules.get(field);
        rule.map_or("", |rule| rule.source.name())
    }

    /// Takes a value that the request names in the field of this number, for each rule that reads it. On an error, says
    /// which field it is.
    pub fn take_field(&mut self, field: usize, value: Value<'_>) -> Result<(), (&'s str, Unfit)> {
        let Some(source) = self.rules.get(field).map(|rule| &rule.source) else {
            return Ok(());
        };
        let reading = self.rules.iter().enumerate();
        for (at, rule) in reading.filter(|(_, rule)| rule.source == *source) {
            let taken = self.take(at, rule, value);
            taken.map_err(|unfit| (source.name(), unfit))?;
        }
        Ok(())
    }

    /// Takes the values of the request's headers. `values` yields those of one name. On an error, says of which.
    pub fn take_headers<'h, I: Iterator<Item = &'h [u8]>>(
        &mut self,
        values: impl Fn(&'s str) -> I,
    ) -> Result<(), (&'s str, Unfit)> {
        let by_header = |(_, rule): &(usize, &Rule)| rule.is_header();
        for (at, rule) in self.rules.iter().enumerate().filter(by_header) {
            let name = rule.source.name();
            let mut values = values(name);
            let Some(value) = values.next() else { continue };
            let taken = if values.next().is_some() {
                Err(Unfit::Twice)
            } else {
                // What is no UTF-8 is not what a substation has.
                self.take(at, rule, Value::Text(&String::from_utf8_lossy(value)))
            };
            taken.map_err(|unfit| (name, unfit))?;
        }
        Ok(())
    }

    /// Whether a second value may be the same request's: what tells it from others that need or name something else. None
    /// if it names nothing. A preference in a header does not count: it may change with the way that a repetition takes.
    #[must_use]
    pub fn digest(&self) -> Option<u128> {
        self.digest
    }

    fn take(&mut self, at: usize, rule: &Rule, value: Value<'_>) -> Result<(), Unfit> {
        let mut buffer = Buffer::default();
        let text = buffer.text_of(value)?;
        if text.is_empty() {
            return Ok(());
        }
        let (Some(number), Some(named)) = (self.numbers.get_mut(at), self.named.get_mut(at)) else {
            return Ok(());
        };
        if *number != ANYTHING {
            return Err(Unfit::Twice);
        }
        *number = match self.values.get(at) {
            Some(Values::Texts(texts)) => texts.number_of(text),
            Some(Values::Numbers(numbers)) => {
                let parsed = text.parse().ok().filter(|number: &f64| number.is_finite());
                *named = parsed.ok_or(Unfit::NoNumber)?;
                numbers.number_of(*named)
            }
            None => NOTHING,
        };
        let is_first = self.missing.as_ref().is_none_or(|(first, _)| at < *first);
        if *number == NOTHING && !rule.is_preference && is_first {
            self.missing = Some((at, Shown::value(text).to_string()));
        }
        if self.is_keyed && !(rule.is_preference && rule.is_header()) {
            let hash = KeyHash::of(&[rule.label.as_bytes(), b"\0", text.as_bytes()].concat()).0;
            // The sum does not depend on the order of rules.
            self.digest = Some(self.digest.unwrap_or(0).wrapping_add(hash));
        }
        Ok(())
    }
}

/// Room for the text of a number.
struct Buffer {
    bytes: [u8; LONGEST_NUMBER],
    length: usize,
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            bytes: [0; LONGEST_NUMBER],
            length: 0,
        }
    }
}

impl Buffer {
    /// The text that a value stands for, without blanks around it.
    fn text_of<'t>(&'t mut self, value: Value<'t>) -> Result<&'t str, Unfit> {
        let written = match value {
            Value::Text(text) => {
                let text = text.trim();
                let fits = text.len() <= LONGEST_VALUE;
                return if fits { Ok(text) } else { Err(Unfit::TooLong) };
            }
            Value::Truth(truth) => return Ok(if truth { "true" } else { "false" }),
            Value::Whole(number) => write!(self, "{number}"),
            // Also of -0.
            Value::Number(0.0) => return Ok("0"),
            Value::Number(number) => write!(self, "{number}"),
        };
        written.map_err(|fmt::Error| Unfit::TooLong)?;
        let text = self.bytes.get(..self.length).unwrap_or_default();
        Ok(str::from_utf8(text).unwrap_or_default())
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
