//! What the streams of a connection have earned for its [budget of frames](super::frame_budget).
//!
//! A request that streams may send its body in small pieces for hours, and its client acknowledges each small piece of the
//! answer. These frames ask for something: each was asked for by a substation, or goes to one. So they cost nothing.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// What a client may send for a piece of an answer: an update of the window of the stream and of the connection, and a PING
/// that measures the way.
const PER_PIECE: u32 = 3;

/// Earned by the streams of one connection. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Credit(Arc<AtomicU32>);

impl Credit {
    /// A piece of a body, which has at least a byte, was taken from the client.
    pub(super) fn received(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// A piece of an answer was sent.
    pub(super) fn sent(&self) {
        self.0.fetch_add(PER_PIECE, Relaxed);
    }

    /// What was earned since the last call.
    pub(super) fn take(&self) -> u32 {
        match self.0.load(Relaxed) {
            0 => 0,
            _ => self.0.swap(0, Relaxed),
        }
    }
}
