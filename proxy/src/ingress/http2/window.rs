//! How much all requests of a connection may send that was not read yet.
//!
//! A body that streams is read as its substation takes it. If one substation takes nothing, what its client has sent stays
//! unread, and it counts against the window of the connection, which is as large as that of one stream: no other request of
//! the connection could send its body. So the connection's window grows by a stream's for each body that may stay unread,
//! and what can come then counts as held (`limits.buffered`). Without room there it does not grow, and bodies wait for each
//! other.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use crate::buffered::{BufferShare, FREE};

/// The window of a stream, and that of a connection whose requests are all read at once (RFC 9113 §6.9.2).
const WINDOW: u32 = 65_535;
/// The same, as a number of bytes that are held.
const HELD: usize = 65_535;

/// The window of one connection.
#[derive(Debug)]
pub(super) struct Window {
    open: Arc<AtomicU32>,
    /// For how many bodies it is large enough.
    told: u32,
}

/// A body that may stay unread.
#[derive(Debug)]
pub(super) struct OpenBody {
    open: Arc<AtomicU32>,
    _share: BufferShare,
}

impl Window {
    /// That of a connection at its beginning.
    pub(super) fn new() -> Self {
        Self {
            open: Arc::default(),
            told: 0,
        }
    }

    /// Adds a body for as long as the value lives, if `share` has room for it.
    pub(super) fn open(&self, mut share: BufferShare) -> Option<OpenBody> {
        share.hold(HELD + FREE).ok()?;
        self.open.fetch_add(1, Relaxed);
        Some(OpenBody {
            open: Arc::clone(&self.open),
            _share: share,
        })
    }

    /// How large it has to be, if that has changed since the last call.
    pub(super) fn changed(&mut self) -> Option<u32> {
        let open = self.open.load(Relaxed);
        if open == self.told {
            return None;
        }
        self.told = open;
        Some(WINDOW.saturating_mul(open.saturating_add(1)))
    }
}

impl Drop for OpenBody {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffered::Buffered;

    #[test]
    fn it_grows_by_a_stream_for_each_body_that_there_is_room_for() {
        let all = Arc::new(Buffered::default());
        let share = || all.share(2 * HELD);
        let mut window = Window::new();
        assert_eq!(window.changed(), None);
        let first = window.open(share());
        let second = window.open(share());
        assert!(first.is_some() && second.is_some());
        assert!(window.open(share()).is_none());
        assert_eq!(window.changed(), Some(3 * WINDOW));
        assert_eq!(window.changed(), None);
        drop(first);
        assert_eq!(window.changed(), Some(2 * WINDOW));
        assert!(window.open(share()).is_some());
    }
}
