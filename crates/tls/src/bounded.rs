//! A client's socket during and after its handshake: what a handshake may send is bounded.
//!
//! rustls collects a handshake message of up to 64 KiB before it reads it, and a client can announce one and send all but
//! its last byte. An honest client sends about two KiB.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pingora_core::protocols::l4::stream::Stream as TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A socket that fails if more is read than its bound.
#[derive(Debug)]
pub(super) struct Bounded {
    stream: TcpStream,
    largest: usize,
    left: usize,
}

impl Bounded {
    /// A socket whose client begins a handshake of at most so many bytes.
    pub(super) const fn new(stream: TcpStream, largest: usize) -> Self {
        Self {
            stream,
            largest,
            left: largest,
        }
    }

    /// The handshake has ended.
    pub(super) const fn unbind(&mut self) {
        self.left = usize::MAX;
    }

    pub(super) const fn tcp(&self) -> &TcpStream {
        &self.stream
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let largest = self.largest;
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if self.left < usize::MAX {
            let read = buffer.filled().len() - before;
            self.left = self.left.checked_sub(read).ok_or_else(|| {
                let message = format!("the handshake is larger than {largest} bytes");
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
