//! A stream that reads no more than it may.
//!
//! The library keeps an answer until it is whole, however long it says it will be. So a store that writes without end,
//! or announces a gigabyte, would take as much of the proxy's memory. Each call allows so many bytes to be read; beyond
//! that the connection ends.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that may come unread, whatever was allowed.
const MOST: usize = 16 << 20;

/// How many bytes may still be read.
#[derive(Clone, Debug)]
pub(crate) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    /// `bytes` may be read.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// `bytes` more may be read, for an answer that will come.
    pub(crate) fn add(&self, bytes: usize) {
        // A lost race allows less than it might, or `bytes` more; neither matters.
        if self.0.load(Ordering::Relaxed) < MOST {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn take(&self, bytes: usize) -> io::Result<()> {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            })
            .map(drop)
            .map_err(|_| {
                let what = "it sent more than all answers together may take";
                io::Error::new(io::ErrorKind::InvalidData, what)
            })
    }
}

/// The stream below, bounded by an [`Allowance`].
pub(crate) struct Allowed<S> {
    pub(crate) stream: S,
    pub(crate) allowance: Allowance,
}

impl<S: AsyncRead + Unpin> AsyncRead for Allowed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let read = buf.filled().len().saturating_sub(before);
        Poll::Ready(self.allowance.take(read))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Allowed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_stream_reads_what_it_may_and_then_ends() {
        let allowance = Allowance::new(3);
        let mut stream = Allowed {
            stream: &[7; 10][..],
            allowance: allowance.clone(),
        };
        let mut bytes = [0; 3];
        stream.read_exact(&mut bytes).await.unwrap();
        allowance.add(4);
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await.unwrap();
        let error = stream.read_exact(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
