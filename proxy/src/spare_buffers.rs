//! Buffers for the first bytes of requests, which a connection has only while it has a request.
//!
//! A connection can't know when its client will send, so it used to keep a buffer to read into, and ten thousand idle clients
//! kept ten thousand of them. But a thread reads one socket at a time. So it takes a buffer for the attempt to read, and puts
//! it back if there is nothing to read, or once the request is answered. The buffer that was used last is taken first, so under
//! load the same few stay in the processor's cache, however many clients there are.
//!
//! Each thread has its own, because a connection stays on the thread that accepted it.

use std::{
    cell::RefCell,
    io,
    task::{Poll, ready},
};

use bytes::BytesMut;
use tokio::io::ReadBuf;

use crate::buffered::FREE;

/// How many a thread keeps: enough for the requests that are under way at once while a thread is busy. 64 KiB together.
const MOST: usize = 64;

/// The most bytes of a request that streams which are read at once.
const LARGEST_READ: usize = 64 * 1024;

/// The room of a buffer for what is written to a client together, in bytes.
const WRITE: usize = 20 * 1024;

thread_local! {
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
    /// Empty until the first request that streams.
    static LARGE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// The buffer of the write before: usually the only one that this thread needs.
    static WRITTEN: RefCell<Option<BytesMut>> = const { RefCell::new(None) };
}

/// Reads with `read` and appends what it has read to `bytes`, which is not touched if there is nothing to read. Returns how
/// many bytes there were; zero at the end.
pub(crate) fn read_into(
    bytes: &mut BytesMut,
    read: impl FnOnce(&mut ReadBuf<'_>) -> Poll<io::Result<()>>,
) -> Poll<io::Result<usize>> {
    LARGE.with_borrow_mut(|large| {
        large.resize(LARGEST_READ, 0);
        let mut buffer = ReadBuf::new(large);
        ready!(read(&mut buffer))?;
        bytes.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    })
}

/// An empty buffer with room for [`FREE`] bytes.
pub(crate) fn take() -> BytesMut {
    let spare = SPARE.with_borrow_mut(Vec::pop);
    spare.unwrap_or_else(|| BytesMut::with_capacity(FREE))
}

/// Takes a buffer back, whatever is in it. It is freed if it has grown, or if there are enough.
pub(crate) fn put(mut buffer: BytesMut) {
    buffer.clear();
    // What was read and dropped at its front is room again.
    if buffer.try_reclaim(FREE) && buffer.capacity() <= 2 * FREE {
        put_unused(buffer);
    }
}

/// Takes a buffer back into which nothing was read.
pub(crate) fn put_unused(buffer: BytesMut) {
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < MOST {
            spare.push(buffer);
        }
    });
}

/// An empty buffer for what is written to a client together.
pub(crate) fn take_for_write() -> BytesMut {
    let spare = WRITTEN.with_borrow_mut(Option::take);
    spare.unwrap_or_else(|| BytesMut::with_capacity(WRITE))
}

/// Takes a buffer back all of which was written. It is freed if it has grown much.
pub(crate) fn put_written(mut buffer: BytesMut) {
    buffer.clear();
    if buffer.try_reclaim(WRITE) && buffer.capacity() <= 4 * WRITE {
        WRITTEN.with_borrow_mut(|spare| *spare = Some(buffer));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    fn count() -> usize {
        SPARE.with_borrow(Vec::len)
    }

    #[test]
    fn the_buffer_that_was_put_back_last_is_taken_first_and_empty() {
        let (mut first, second) = (take(), take());
        first.extend_from_slice(&[b'x'; FREE]);
        first.advance(FREE);
        let at = second.as_ptr();
        put(first);
        put(second);
        let again = take();
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
        assert!(take().capacity() >= FREE, "all of its room is back");
        assert_eq!(count(), 0);
    }

    #[test]
    fn large_ones_and_too_many_are_freed() {
        put(BytesMut::with_capacity(3 * FREE));
        put(BytesMut::new());
        assert_eq!(count(), 0);
        let many: Vec<_> = (0..MOST + 3).map(|_| take()).collect();
        many.into_iter().for_each(put);
        assert_eq!(count(), MOST);
    }
}
