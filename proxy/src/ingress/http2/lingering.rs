//! A close after which the client can still read the last answers (lingering close).
//!
//! If a socket is closed with unread bytes, or bytes arrive after the close, the system resets the connection. A
//! reset may discard what the client has not read yet: the last answers and the GOAWAY. An HTTP/2 client nearly
//! always has bytes on the way (acknowledgements, window updates). So this stream first shuts down its sending
//! side, and then reads and drops everything until the client closes too.
//!
//! It is also where the client's frames are [counted](super::frame_budget), since all its bytes pass here. Once they are a
//! flood, nothing more of them is read, and [`Lingering::flood`] says so. What `h2` keeps of a frame or a head until the
//! rest comes counts as that of a request does.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use pingora_core::protocols::Stream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::{credit::Credit, frame_budget::FrameBudget};
use crate::{buffered::BufferShare, client_connection::CLOSE_GRACE};

/// Up to this many bytes, what `h2` keeps fits into the buffer that it has anyway; above, it grows to twice its size.
const KEPT_ANYWAY: usize = 4 * 1024;

/// How many bytes are read and dropped at the end, at most: a flood does not end with the answer to it. An honest client has
/// at most the window of its connection on the way, 64 KiB, and some frames.
const MOST_DROPPED: usize = 256 * 1024;
/// How many of them are read at once, at most.
const DROPPED_AT_ONCE: usize = 4 * 1024;

/// A stream that closes only once the client has closed too, or after a grace period.
#[derive(Debug)]
pub(super) struct Lingering {
    stream: Stream,
    /// Set once the sending side is shut down: when the wait for the client ends.
    until: Option<Pin<Box<Sleep>>>,
    dropped: usize,
    frames: FrameBudget,
    credit: Credit,
    /// What `h2` keeps of unfinished frames and heads.
    share: BufferShare,
    started: Instant,
    /// Set once the frames are a flood.
    flood: Arc<AtomicBool>,
}

impl Lingering {
    /// A stream whose unfinished frames count in `share`.
    pub(super) fn new(stream: Stream, share: BufferShare) -> Self {
        Self {
            stream,
            until: None,
            dropped: 0,
            frames: FrameBudget::default(),
            credit: Credit::default(),
            share,
            started: Instant::now(),
            flood: Arc::default(),
        }
    }

    /// Becomes true in the read that finds that the client floods the connection: its caller has to look after it.
    pub(super) fn flood(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flood)
    }

    /// What the streams of the connection earn for its client.
    pub(super) fn credit(&self) -> Credit {
        self.credit.clone()
    }

    fn below(&self) -> &Stream {
        &self.stream
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.flood.load(Relaxed) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        this.frames.earn(this.credit.take());
        let is_flood = this.frames.received(read, this.started.elapsed()).is_err();
        let kept = match this.frames.unfinished() {
            ..=KEPT_ANYWAY => 0,
            kept => 2 * kept,
        };
        if is_flood || this.share.hold(kept).is_err() {
            buffer.set_filled(before);
            this.flood.store(true, Relaxed);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.frames.sent(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, pieces))?;
        self.frames.sent(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            stream,
            until,
            dropped,
            ..
        } = &mut *self;
        if until.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
        }
        let until =
            until.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + CLOSE_GRACE)));
        let mut rest = [0; DROPPED_AT_ONCE];
        while until.as_mut().poll(context).is_pending() {
            let mut rest = ReadBuf::new(&mut rest);
            // An error ends the wait as a close does.
            let is_more = ready!(Pin::new(&mut *stream).poll_read(context, &mut rest)).is_ok();
            *dropped += rest.filled().len();
            if !is_more || rest.filled().is_empty() || *dropped > MOST_DROPPED {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

switchyard_tls::pingora_layer!(Lingering, below);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::buffered::Buffered;

    fn share() -> BufferShare {
        Arc::new(Buffered::default()).share(0)
    }

    #[tokio::test(start_paused = true)]
    async fn the_close_is_sent_at_once_and_waits_for_that_of_the_client() {
        let (mut client, server) = duplex(64);
        let mut server = Lingering::new(Box::new(server), share());
        let start = Instant::now();
        let ending = tokio::spawn(async move { AsyncWriteExt::shutdown(&mut server).await });
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        for _ in 0..10 {
            // More than the buffer holds, unless the server reads it.
            client.write_all(&[0; 64]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(client);
        ending.await.unwrap().unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_pours_without_end_is_not_read_for_the_whole_grace() {
        let (mut client, server) = duplex(64 * 1024);
        let mut server = Lingering::new(Box::new(server), share());
        let pouring = tokio::spawn(async move {
            let mut poured = 0;
            while client.write_all(&[0; 1024]).await.is_ok() {
                poured += 1024;
            }
            poured
        });
        let start = Instant::now();
        AsyncWriteExt::shutdown(&mut server).await.unwrap();
        assert!(start.elapsed() < CLOSE_GRACE, "{:?}", start.elapsed());
        drop(server);
        let poured = pouring.await.unwrap();
        assert!(
            (MOST_DROPPED..2 * MOST_DROPPED).contains(&poured),
            "{poured}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_close_is_waited_for_no_longer_than_the_grace() {
        let (mut client, server) = duplex(64);
        let mut server = Lingering::new(Box::new(server), share());
        let pouring = tokio::spawn(async move {
            while client.write_all(&[0; 64]).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        let start = Instant::now();
        AsyncWriteExt::shutdown(&mut server).await.unwrap();
        let took = start.elapsed();
        assert!(
            took >= CLOSE_GRACE && took < CLOSE_GRACE + Duration::from_millis(20),
            "{took:?}"
        );
        drop(server);
        pouring.await.unwrap();
    }
}
