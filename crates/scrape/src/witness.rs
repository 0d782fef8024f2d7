//! What is told of a scrape while it reads.

use switchyard_http1::Answer;

/// Sees what a scrape reads, in its order. The proxy's own scrapes have none: `()`.
pub(crate) trait Witness {
    /// A request leaves, perhaps again.
    fn begin(&mut self) {}
    /// The next whole lines of the page.
    fn part(&mut self, _lines: &[u8]) {}
    /// The whole answer, with what of its body was no part before.
    fn answer(&mut self, _answer: &Answer) {}
}

impl Witness for () {}
