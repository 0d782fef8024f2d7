//! The head of the last answer, so that the same head need not be parsed again.
//!
//! A substation's answers have the same head nearly always: the same headers in the same order, the same second, a
//! body of the same length. To compare bytes costs a fiftieth of what it costs to find the lines in them, to check
//! each byte and to look for the headers that decide about framing. What a head means depends on its bytes alone, so
//! a head that is equal to the last byte for byte means the same.

use super::head::AnswerHead;

/// The longest head that is kept, in bytes. A usual one has some 120.
const LONGEST: usize = 512;

/// The head of the last final answer on a connection, and what it means.
#[derive(Debug, Default)]
pub struct KnownHead {
    bytes: Vec<u8>,
    meaning: Option<AnswerHead>,
}

impl KnownHead {
    /// What the head means that `received` begins with, if it is the one that is kept and within `limit` bytes.
    pub(super) fn find(&self, received: &[u8], limit: usize) -> Option<AnswerHead> {
        let is_it = |head: &AnswerHead| head.length <= limit && received.starts_with(&self.bytes);
        self.meaning.filter(is_it)
    }

    /// Keeps the head that `received` begins with, which means this.
    pub(super) fn keep(&mut self, received: &[u8], meaning: AnswerHead) {
        let Some(bytes) = received.get(..meaning.length.min(LONGEST + 1)) else {
            return;
        };
        self.bytes.clear();
        self.meaning = (bytes.len() <= LONGEST).then(|| {
            self.bytes.extend_from_slice(bytes);
            meaning
        });
    }
}
