//! Reads an answer of `/api/v1/query` while it arrives.
//!
//! ```text
//! {"status": "success", "data": {"resultType": "matrix", "result": [SERIES, …]}, "warnings": […]}
//! ```
//!
//! The keys may come in any order, and others may be among them. What is read is dropped, so of an answer only the
//! series that is arriving is kept.

use serde::{
    Deserialize,
    de::{DeserializeSeed, IgnoredAny},
};
use serde_json::Deserializer;

use crate::{
    error::QueryError,
    plain,
    series::{Series, SeriesWith},
};

/// The largest series, in bytes: a name and labels, and the samples of some minutes.
const LARGEST: usize = 1 << 20;

/// What has been read of an answer. It is fed with the parts of the answer, and gives its series.
#[derive(Debug)]
pub struct Reader<'l> {
    label: &'l str,
    /// What is not read yet.
    rest: Vec<u8>,
    place: Place,
    series: usize,
    is_success: bool,
    kind: Option<String>,
    message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Before,
    Answer,
    Data,
    Result,
    After,
}

/// What is to be done with the value of a key.
enum Key {
    Data,
    Result,
    Status,
    Kind,
    Message,
    Other,
}

impl<'l> Reader<'l> {
    /// A reader of an answer, that tells of each series the value of the label with this name.
    #[must_use]
    pub fn new(label: &'l str) -> Self {
        Self {
            label,
            rest: Vec::new(),
            place: Place::Before,
            series: 0,
            is_success: false,
            kind: None,
            message: None,
        }
    }

    /// How many series have come.
    #[must_use]
    pub fn series(&self) -> usize {
        self.series
    }

    /// Reads the next part of the answer, and gives `take` each series that is complete.
    ///
    /// Fails if this is no answer to a query, or if it has a value in place of series.
    pub fn read(
        &mut self,
        part: &[u8],
        take: &mut dyn FnMut(Series<'_>),
    ) -> Result<(), QueryError> {
        if self.rest.is_empty() {
            let read = self.read_all(part, false, take)?;
            self.rest
                .extend_from_slice(part.get(read..).unwrap_or_default());
        } else {
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(part);
            let read = self.read_all(&rest, false, take)?;
            rest.drain(..read);
            self.rest = rest;
        }
        if self.rest.len() > LARGEST {
            return Err(QueryError::TooLarge);
        }
        Ok(())
    }

    /// Reads the end of the answer. Fails if the answer is not whole, or if it says that the query failed.
    pub fn end(mut self, take: &mut dyn FnMut(Series<'_>)) -> Result<usize, QueryError> {
        let rest = std::mem::take(&mut self.rest);
        self.read_all(&rest, true, take)?;
        if self.kind.is_some() || self.message.is_some() {
            return Err(QueryError::Said {
                kind: self.kind.unwrap_or_default(),
                message: self.message.unwrap_or_default(),
            });
        }
        match (self.place, self.is_success) {
            (Place::After, true) => Ok(self.series),
            (Place::After, false) => Err(QueryError::Malformed(
                "it is no answer to a query".to_owned(),
            )),
            _ => Err(QueryError::Malformed("it is cut off".to_owned())),
        }
    }

    /// Reads all that is whole in `bytes`. Returns how many bytes that is.
    fn read_all(
        &mut self,
        bytes: &[u8],
        is_end: bool,
        take: &mut dyn FnMut(Series<'_>),
    ) -> Result<usize, QueryError> {
        let mut read = 0;
        loop {
            let rest = bytes.get(read..).unwrap_or_default();
            let gap = rest
                .iter()
                .position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b','));
            let Some(rest) = gap.and_then(|gap| rest.get(gap..)) else {
                return Ok(bytes.len());
            };
            read = bytes.len() - rest.len();
            let Some(step) = self.step(rest, is_end, take)? else {
                return Ok(read);
            };
            read += step;
        }
    }

    /// Reads the next key or value. Returns how many bytes that took; `None` if it is not whole.
    fn step(
        &mut self,
        rest: &[u8],
        is_end: bool,
        take: &mut dyn FnMut(Series<'_>),
    ) -> Result<Option<usize>, QueryError> {
        let Some(first) = rest.first() else {
            return Ok(None);
        };
        match (self.place, first) {
            (Place::Before, b'{') | (Place::Data, b'}') => self.place = Place::Answer,
            (Place::Answer, b'}') => self.place = Place::After,
            (Place::Result, b']') => self.place = Place::Data,
            (Place::Answer | Place::Data, b'"') => return self.member(rest, is_end),
            (Place::Result, b'{') => {
                // What is whole there is whole, whatever follows.
                let plain = plain::series(rest, self.label).map(Ok);
                let read = plain.or_else(|| one(rest, is_end, SeriesWith(self.label)).transpose());
                let Some((series, read)) = read.transpose()? else {
                    return Ok(None);
                };
                self.series += 1;
                take(series);
                return Ok(Some(read));
            }
            (Place::Result, _) => return Err(QueryError::Scalar),
            _ => {
                return Err(QueryError::Malformed(
                    "it is not the JSON of an answer".to_owned(),
                ));
            }
        }
        Ok(Some(1))
    }

    /// Reads a key and its value, or the beginning of its value.
    fn member(&mut self, rest: &[u8], is_end: bool) -> Result<Option<usize>, QueryError> {
        let Some((name, read)) = one_of::<String>(rest, is_end)? else {
            return Ok(None);
        };
        let Some((value, colon)) = rest.get(read..).and_then(after_colon) else {
            return Ok(None);
        };
        let read = read + colon;
        let Some(first) = value.first() else {
            return Ok(None);
        };
        let key = match (self.place, name.as_str(), first) {
            (Place::Answer, "data", b'{') => Key::Data,
            (Place::Data, "result", b'[') => Key::Result,
            (Place::Answer, "status", b'"') => Key::Status,
            (Place::Answer, "errorType", b'"') => Key::Kind,
            (Place::Answer, "error", b'"') => Key::Message,
            _ => Key::Other,
        };
        let text = |to: &mut Option<String>| -> Result<Option<usize>, QueryError> {
            let Some((text, took)) = one_of::<String>(value, is_end)? else {
                return Ok(None);
            };
            *to = Some(text);
            Ok(Some(read + took))
        };
        match key {
            Key::Data => self.place = Place::Data,
            Key::Result => self.place = Place::Result,
            Key::Status => {
                let mut status = None;
                let read = text(&mut status)?;
                self.is_success = status.is_some_and(|status| status == "success");
                return Ok(read);
            }
            Key::Kind => return text(&mut self.kind),
            Key::Message => return text(&mut self.message),
            Key::Other => {
                let ignored = one_of::<IgnoredAny>(value, is_end)?;
                return Ok(ignored.map(|(_, took)| read + took));
            }
        }
        Ok(Some(read + 1))
    }
}

/// What follows a colon, and how many bytes are before that.
fn after_colon(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let is_gap = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b':');
    let gap = bytes.iter().position(|byte| !is_gap(byte))?;
    Some((bytes.get(gap..)?, gap))
}

/// A value at the front of `bytes`, and how long it is; `None` if it is not whole.
fn one_of<'b, T: Deserialize<'b>>(
    bytes: &'b [u8],
    is_end: bool,
) -> Result<Option<(T, usize)>, QueryError> {
    one(bytes, is_end, std::marker::PhantomData)
}

fn one<'b, S: DeserializeSeed<'b>>(
    bytes: &'b [u8],
    is_end: bool,
    seed: S,
) -> Result<Option<(S::Value, usize)>, QueryError> {
    let mut json = Deserializer::from_slice(bytes);
    match seed.deserialize(&mut json) {
        Ok(value) => {
            let read = json.into_iter::<IgnoredAny>().byte_offset();
            // A number at the end may go on.
            Ok((read < bytes.len() || is_end).then_some((value, read)))
        }
        Err(error) if !is_end && (error.is_eof() || ends_within_number(bytes)) => Ok(None),
        Err(error) => Err(QueryError::Malformed(error.to_string())),
    }
}

/// Whether bytes may end within a number. Of one that is passed over, the parser takes that for a fault, not for an end.
fn ends_within_number(bytes: &[u8]) -> bool {
    matches!(bytes, [.., b'.' | b'e' | b'E' | b'+' | b'-'])
}

#[cfg(test)]
mod tests;
