//! Which client most of the work is for, if there is such a one.
//!
//! Of a substation, it decides whether one client's failures are enough to judge it. Where all traffic comes through one
//! proxy in front, they have to be: there is no other witness.
//!
//! This is the majority vote of Boyer and Moore, with a bound, so that it follows a change. It is written with every
//! good answer, by all threads: a vote that is lost in a race does not matter.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use super::Source;

/// The most votes that are kept: so many answers to others, and the majority is over.
const MOST: u32 = 64;
/// The votes from which on there is a majority.
const CLEAR: u32 = 8;
/// Before so many good answers nothing is known of the clients.
const FRESH: u32 = 16;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct MainClient {
    candidate: AtomicU64,
    votes: AtomicU32,
    /// Good answers, up to [`FRESH`].
    seen: AtomicU32,
}

impl MainClient {
    /// The client by [`Source::number`], its votes, and how many good answers are known.
    pub(crate) fn carry(&self) -> (u64, u32, u32) {
        let votes = self.votes.load(Relaxed);
        (self.candidate.load(Relaxed), votes, self.seen.load(Relaxed))
    }

    /// Goes on from what another process has carried.
    pub(crate) fn restore(&self, (candidate, votes, seen): (u64, u32, u32)) {
        self.candidate.store(candidate, Relaxed);
        self.votes.store(votes.min(MOST), Relaxed);
        self.seen.store(seen.min(FRESH), Relaxed);
    }

    /// Counts a good answer to this client. Where one client is served alone, this only reads after a while.
    #[inline]
    pub fn served(&self, source: Source) {
        let seen = self.seen.load(Relaxed);
        if seen < FRESH {
            self.seen.store(seen + 1, Relaxed);
        }
        let votes = self.votes.load(Relaxed);
        if self.candidate.load(Relaxed) == source.number() {
            if votes < MOST {
                self.votes.store(votes + 1, Relaxed);
            }
        } else if votes == 0 {
            self.candidate.store(source.number(), Relaxed);
            self.votes.store(1, Relaxed);
        } else {
            self.votes.store(votes - 1, Relaxed);
        }
    }

    /// Whether failures of this client alone are enough: most good answers went to it, or nothing is known yet.
    #[must_use]
    pub fn believes(&self, source: Source) -> bool {
        let is_fresh = self.seen.load(Relaxed) < FRESH;
        let is_main =
            self.candidate.load(Relaxed) == source.number() && self.votes.load(Relaxed) >= CLEAR;
        is_fresh || is_main
    }
}
