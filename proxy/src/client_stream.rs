//! The bytes of a client's connection: its socket itself, or a layer over it.
//!
//! HTTP/1.1 without TLS reads and writes the socket as tokio has it. Pingora's stream would be a box of 0.4 KiB around it, with
//! a write buffer that an answer, which leaves in one write, has no use for; and every read and write would go through both.
//! An idle client would keep them for nothing. TLS and HTTP/2 are layers of Pingora's type.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use pingora_core::protocols::{Stream, l4::stream::Stream as Plain};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// What a client's bytes come over.
#[derive(Debug)]
pub enum ClientStream {
    /// The socket.
    Socket(TcpStream),
    /// TLS over it, a connection of the admin port, or a pipe in a test.
    Layer(Stream),
    /// None: it is lent to a request that streams.
    Lent,
}

impl ClientStream {
    /// The stream as Pingora's types take it. `received` was read from it, and is read from it again.
    #[must_use]
    pub(crate) fn into_pingora(self, received: &[u8]) -> Stream {
        match self {
            Self::Socket(socket) => Box::new(plain(socket, received)),
            // Nothing is read from a layer before it is known what speaks.
            Self::Layer(layer) => layer,
            Self::Lent => Box::new(tokio::io::duplex(1).0),
        }
    }

    /// The socket, if there is no layer over it. `received` was read from it, and is read from it again.
    pub(crate) fn into_socket(self, received: &[u8]) -> Option<Plain> {
        match self {
            Self::Socket(socket) => Some(plain(socket, received)),
            Self::Layer(_) | Self::Lent => None,
        }
    }

    /// Ready once there is something to read, or the client has closed; always for a layer.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        match self {
            // Readiness alone does not say it: a new socket counts as ready until a read has found nothing. An error comes up
            // again in the read.
            Self::Socket(socket) => socket
                .poll_peek(context, &mut ReadBuf::new(&mut [0]))
                .map(drop),
            Self::Layer(_) | Self::Lent => Poll::Ready(()),
        }
    }
}

/// A socket as Pingora has it, from which `received` is read again.
fn plain(socket: TcpStream, received: &[u8]) -> Plain {
    let mut stream = Plain::from(socket);
    stream.rewind(received);
    stream
}

impl From<TcpStream> for ClientStream {
    fn from(socket: TcpStream) -> Self {
        Self::Socket(socket)
    }
}

impl From<Stream> for ClientStream {
    fn from(layer: Stream) -> Self {
        Self::Layer(layer)
    }
}

/// Calls a method of the stream inside.
macro_rules! inside {
    ($this:expr, $stream:ident => $call:expr, $lent:expr) => {
        match $this {
            ClientStream::Socket($stream) => $call,
            ClientStream::Layer($stream) => $call,
            ClientStream::Lent => $lent,
        }
    };
}

/// What a stream that is elsewhere says to a write.
fn is_lent<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        inside!(&mut *self, stream => Pin::new(stream).poll_read(context, buffer), Poll::Ready(Ok(())))
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        inside!(&mut *self, stream => Pin::new(stream).poll_write(context, bytes), is_lent())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        inside!(&mut *self, stream => Pin::new(stream).poll_write_vectored(context, pieces), is_lent())
    }

    fn is_write_vectored(&self) -> bool {
        inside!(self, stream => stream.is_write_vectored(), false)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(&mut *self, stream => Pin::new(stream).poll_flush(context), is_lent())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        inside!(&mut *self, stream => Pin::new(stream).poll_shutdown(context), is_lent())
    }
}
