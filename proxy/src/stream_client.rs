//! The client of a request that streams: it is lent to one attempt after another.
//!
//! An attempt is an exchange that Pingora runs, and Pingora owns both sides of it. But a request may be refused by one
//! substation and go to the next, and an attempt may fail before anything was answered, so that the proxy answers. So the
//! client's side is lent for an attempt, and comes back when Pingora drops it, however the attempt ended.

use std::{
    fmt::Debug,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use pingora_core::protocols::http::ServerSession;
use pingora_http::RequestHeader;
use switchyard_wire::Failure;

/// The client's side of one request that streams.
pub trait StreamClient: Debug + Send + Sync {
    /// How many bytes the request's body has; `None` if only its end tells.
    fn body_length(&self) -> Option<u64>;

    /// Whether the client asks for another protocol on its connection, and for which.
    fn upgrade(&self) -> Option<&[u8]>;

    /// Lends the client to one attempt. The session's request is `request`, as the substation gets it, and its body begins
    /// anew: what was read in earlier attempts is read again. What moves is counted in `moved`.
    fn lend(&mut self, request: Box<RequestHeader>, moved: &Arc<Moved>) -> ServerSession;

    /// Takes back what the session had, which was dropped.
    fn take_back(&mut self);

    /// Whether all of the body so far is kept, so that another attempt can send it.
    fn can_replay(&self) -> bool;

    /// Whether anything of a final answer may have been sent to the client, so that no other answer can follow.
    fn has_begun(&self) -> bool;

    /// Why the client's side ended the attempt, if what it sent was no request.
    fn fault(&mut self) -> Option<Failure>;

    /// Sends what the attempt has written and the client's side still holds: it is called whenever the attempt has done all
    /// that it can for now. An error means that the client takes no more.
    fn poll_flush(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ready once the client has left. While it is lent, only if it can tell then.
    fn poll_left(&mut self, context: &mut Context<'_>) -> Poll<()>;
}

/// What has moved between a client and a substation in one attempt.
#[derive(Debug, Default)]
pub struct Moved {
    read: AtomicU64,
    written: AtomicU64,
    has_left: AtomicBool,
    is_lost: AtomicBool,
}

impl Moved {
    /// Notes that so many bytes of the request's body came from the client.
    pub fn read(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Relaxed);
    }

    /// Notes that the client's side took so many bytes of the answer's body.
    pub fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Relaxed);
    }

    /// Notes that the client has left, or takes no more.
    pub fn client_left(&self) {
        self.has_left.store(true, Relaxed);
    }

    /// Notes that a part of the body is not kept, so that no other attempt can follow.
    pub fn is_not_kept(&self) {
        self.is_lost.store(true, Relaxed);
    }

    /// Whether all of the body so far is kept.
    #[must_use]
    pub fn can_replay(&self) -> bool {
        !self.is_lost.load(Relaxed)
    }

    /// How many bytes of the request's body have come from the client.
    #[must_use]
    pub fn bytes_in(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// How many bytes of the answer's body the client's side has taken.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.written.load(Relaxed)
    }

    /// Whether the client has left.
    #[must_use]
    pub fn has_client_left(&self) -> bool {
        self.has_left.load(Relaxed)
    }
}

/// So many bytes at least of a body that streams are kept for another attempt, and looked at if something in it decides.
pub(crate) const LEAST_KEPT: usize = 1 << 20;

/// The parts of a request's body that were read, kept for another attempt.
#[derive(Debug)]
pub(crate) struct Kept {
    parts: Vec<Bytes>,
    length: usize,
    /// The most bytes that are kept.
    most: usize,
    is_whole: bool,
    /// Whether there is too much of it to be kept beyond the next attempt.
    is_last: bool,
}

impl Kept {
    /// Nothing yet, and at most so many bytes.
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            parts: Vec::new(),
            length: 0,
            most,
            is_whole: true,
            is_last: false,
        }
    }

    /// Keeps a part that was read before the first attempt, so that it can't be dropped. False if nothing more should be read
    /// before: it is too much, or `hold` finds no room for as many bytes as are kept then.
    pub(crate) fn add_ahead(&mut self, part: &Bytes, hold: impl FnOnce(usize) -> bool) -> bool {
        self.length += part.len();
        self.parts.push(part.clone());
        self.is_last = self.length > self.most || !hold(self.length);
        !self.is_last
    }

    /// All that is kept, for an attempt that begins. Too much of it is not kept any longer.
    pub(crate) fn begin(&mut self) -> Option<Bytes> {
        let all = self.all();
        if self.is_last {
            self.parts = Vec::new();
            self.length = 0;
            self.is_whole = false;
        }
        all
    }

    /// Keeps a part, if that is not too much and `hold` finds room for as many bytes as are kept then. If not, nothing is kept
    /// any more.
    pub(crate) fn add(&mut self, part: &Bytes, hold: impl FnOnce(usize) -> bool) {
        let length = self.length + part.len();
        if self.is_whole && length <= self.most && hold(length) {
            self.parts.push(part.clone());
            self.length = length;
        } else if self.is_whole {
            self.parts = Vec::new();
            self.length = 0;
            self.is_whole = false;
        }
    }

    /// Keeps nothing any more: no other attempt follows.
    pub(crate) fn forget(&mut self) {
        self.is_whole &= self.length == 0;
        self.parts = Vec::new();
        self.length = 0;
        self.most = 0;
    }

    /// Whether all that was read is kept.
    pub(crate) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// All that is kept, if it is all and not nothing.
    pub(crate) fn all(&mut self) -> Option<Bytes> {
        if !self.is_whole || self.length == 0 {
            return None;
        }
        if self.parts.len() > 1 {
            let mut all = BytesMut::with_capacity(self.length);
            self.parts
                .drain(..)
                .for_each(|part| all.extend_from_slice(&part));
            self.parts.push(all.freeze());
        }
        self.parts.first().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_kept_whole_or_not_at_all() {
        let mut kept = Kept::new(8);
        assert_eq!(kept.all(), None);
        assert!(kept.is_whole(), "nothing was read");
        for part in ["one", "two"] {
            kept.add(&part.into(), |length| length <= 8);
        }
        assert_eq!(kept.all().unwrap(), "onetwo");
        kept.add(&"xy".into(), |length| length == 8);
        assert_eq!(kept.all().unwrap(), "onetwoxy");
        kept.add(&"z".into(), |_| panic!("it is too much"));
        assert!(!kept.is_whole());
        assert_eq!(kept.all(), None);
        kept.add(&"a".into(), |_| panic!("a part of it is of no use"));
        assert_eq!(kept.all(), None);
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let mut kept = Kept::new(100);
        kept.add(&"one".into(), |_| true);
        kept.add(&"two".into(), |_| false);
        assert!(!kept.is_whole());
        let mut kept = Kept::new(100);
        kept.forget();
        assert!(kept.is_whole(), "an empty body can be sent again");
        kept.add(&"one".into(), |_| true);
        assert!(!kept.is_whole());
    }

    #[test]
    fn what_was_read_ahead_is_sent_once_at_least() {
        let mut kept = Kept::new(5);
        assert!(kept.add_ahead(&"one".into(), |length| length == 3));
        assert_eq!(kept.begin().unwrap(), "one");
        assert!(kept.is_whole(), "another attempt can have it");
        assert!(!kept.add_ahead(&"two".into(), |_| true), "it is too much");
        assert!(kept.is_whole());
        assert_eq!(kept.begin().unwrap(), "onetwo");
        assert!(!kept.is_whole());
        assert_eq!(kept.begin(), None);
        let mut kept = Kept::new(5);
        assert!(
            !kept.add_ahead(&"one".into(), |_| false),
            "there is no room"
        );
        assert_eq!(kept.begin().unwrap(), "one");
        assert!(!kept.is_whole());
    }
}
