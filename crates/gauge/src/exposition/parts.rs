//! A scan of a page that comes in parts, so that a page of megabytes is never in memory as a whole.
//!
//! The caller gives what has come, and keeps what the scan could not read yet: the beginning of a line. A line without
//! end would make that grow without bound, so of a line that is longer than [`LONGEST_LINE`] only the beginning is
//! looked at. If it may be a wanted series its value is not certain, so the series is malformed; otherwise it is skipped.

use std::array;

use memchr::{memchr, memrchr};

use super::{Found, Wanted, tally::Tally};

/// The longest line that is kept while its end has not come, in bytes.
pub(super) const LONGEST_LINE: usize = 16 * 1024;

/// A scan of a page that comes in parts.
///
/// The caller gives what has come to [`read`](Self::read), keeps what that could not read yet (the beginning of a line), and
/// gives the rest to [`end`](Self::end). So it never holds more than one part and one line, however large a page is.
///
/// ```
/// use switchyard_gauge::exposition::{Found, PartialScan, Wanted};
///
/// let wanted = Wanted::from("sessions");
/// let mut scan = PartialScan::new([&wanted]);
/// let mut unread = Vec::new();
/// for part in ["other 1\nsess", "ions 1", "2\n"] {
///     unread.extend_from_slice(part.as_bytes());
///     let (_, read) = scan.read(&unread);
///     unread.drain(..read);
/// }
/// assert_eq!(scan.end(&unread, true), [Found::One(12.0)]);
/// ```
#[derive(Debug)]
pub struct PartialScan<'w, const N: usize> {
    wanted: [&'w Wanted; N],
    tallies: [Tally; N],
    /// Whether what comes next belongs to a line that is skipped.
    is_in_long_line: bool,
}

impl<'w, const N: usize> PartialScan<'w, N> {
    /// A scan for each of the `wanted` series, before the first byte of the page.
    #[must_use]
    pub fn new(wanted: [&'w Wanted; N]) -> Self {
        Self {
            wanted,
            tallies: array::from_fn(|_| Tally::default()),
            is_in_long_line: false,
        }
    }

    /// Reads what has come and was not read before. Returns the whole lines that it read, and how many bytes of `part`
    /// are read: the caller gives the others again, with what comes next.
    pub fn read<'p>(&mut self, part: &'p [u8]) -> (&'p [u8], usize) {
        let Some(last) = memrchr(b'\n', part) else {
            if part.len() < LONGEST_LINE {
                return (&[], 0);
            }
            self.skip(part);
            return (&[], part.len());
        };
        let lines = self.without_long_line(part.get(..=last).unwrap_or_default());
        self.tally(lines);
        (lines, last + 1)
    }

    /// Reads the end of the page: all that was not read before. `complete` says that nothing of the page is missing.
    #[must_use]
    pub fn end(mut self, rest: &[u8], complete: bool) -> [Found; N] {
        let lines = if complete {
            rest
        } else {
            let end = memrchr(b'\n', rest).map_or(0, |last| last + 1);
            rest.get(..end).unwrap_or_default()
        };
        let lines = self.without_long_line(lines);
        self.tally(lines);
        let wanted = self.wanted.iter().zip(&mut self.tallies);
        let mut found = wanted.map(|(series, tally)| series.found(tally, complete));
        array::from_fn(|_| found.next().unwrap_or(Found::Missing))
    }

    fn tally(&mut self, lines: &[u8]) {
        for (series, tally) in self.wanted.iter().zip(&mut self.tallies) {
            series.tally(lines, tally);
        }
    }

    /// Skips the line that `part` is of, from here to its end.
    fn skip(&mut self, part: &[u8]) {
        if !self.is_in_long_line {
            for (series, tally) in self.wanted.iter().zip(&mut self.tallies) {
                series.skip(part, tally);
            }
        }
        self.is_in_long_line = true;
    }

    /// What follows the line that is being skipped.
    fn without_long_line<'p>(&mut self, lines: &'p [u8]) -> &'p [u8] {
        if !self.is_in_long_line {
            return lines;
        }
        let Some(end) = memchr(b'\n', lines) else {
            return &[];
        };
        self.is_in_long_line = false;
        lines.get(end + 1..).unwrap_or_default()
    }
}
