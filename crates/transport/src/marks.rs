//! Where requests begin among the bytes on the wire.
//!
//! Whether a request has arrived is asked of the kernel, which counts the bytes of the connection. A caller counts the
//! bytes of its requests. Between both, TLS adds its own: the handshake, the head and the tag of each record, and
//! messages about keys. So each write notes both counts, as they were before it.
//!
//! What is not known any more has no place, and a request without a place can't be proven undelivered.

use std::collections::VecDeque;

/// The most writes that are remembered: more than requests share a connection.
const MOST: usize = 64;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Marks {
    /// Bytes that callers have written.
    written: u64,
    marks: VecDeque<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    /// Bytes that callers had written.
    written: u64,
    /// Bytes that the socket had taken.
    sent: u64,
}

impl Marks {
    /// A caller's `bytes` are about to be sent, on a connection whose socket has taken `sent`.
    pub(crate) fn write(&mut self, bytes: usize, sent: u64) {
        if self.marks.len() >= MOST {
            self.marks.pop_front();
        }
        self.marks.push_back(Mark {
            written: self.written,
            sent,
        });
        self.written += bytes as u64;
    }

    /// So many bytes the socket had taken, at least, before the first byte of the wire that has to do with the caller's
    /// byte number `at`. It may be that nothing else has left since then.
    pub(crate) fn place(&self, at: u64) -> Option<u64> {
        let mut before = self.marks.iter().rev();
        before.find(|mark| mark.written <= at).map(|mark| mark.sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_begins_where_the_write_began_that_has_it() {
        let mut marks = Marks::default();
        assert_eq!(marks.place(0), None, "nothing was written");
        marks.write(100, 500);
        marks.write(10, 622);
        marks.write(30, 654);
        for (at, place) in [
            (0, 500),
            (99, 500),
            (100, 622),
            (109, 622),
            (110, 654),
            (500, 654),
        ] {
            assert_eq!(marks.place(at), Some(place), "{at}");
        }
    }

    #[test]
    fn what_is_too_long_ago_has_no_place() {
        let mut marks = Marks::default();
        for at in 0..1_000 {
            marks.write(1, 2 * at);
        }
        assert_eq!(marks.place(999), Some(1_998));
        assert_eq!(
            marks.place(1_000 - MOST as u64),
            Some(2 * (1_000 - MOST as u64))
        );
        assert_eq!(marks.place(999 - MOST as u64), None);
        assert_eq!(marks.marks.len(), MOST);
    }
}
