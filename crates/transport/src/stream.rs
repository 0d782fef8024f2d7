//! A connection to a server, plain or with TLS.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::tls_stream::TlsStream;

/// A connection to a server.
///
/// With TLS, a write may leave bytes that the socket did not take at once, and reading does not send them: see
/// [`Stream::is_flushed`]. A read that ends with [`io::ErrorKind::UnexpectedEof`] found the connection closed without a
/// word of TLS: what came before may have been cut on the way.
#[derive(Debug)]
pub enum Stream {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS.
    Tls(Box<TlsStream>),
}

impl Stream {
    /// The socket.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.tcp(),
        }
    }

    /// Whether nothing arrived while the connection was idle: neither a close nor bytes that no request asked for. With TLS,
    /// tickets and other messages of TLS itself are read, and are nothing. Makes a system call only if something did
    /// arrive. A connection that is not open any more must not be used.
    pub fn is_open(&mut self) -> bool {
        match self {
            Self::Plain(tcp) => {
                let read = tcp.try_read(&mut [0]);
                matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Self::Tls(tls) => tls.is_open(),
        }
    }

    /// Whether all that was written has left.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Tls(tls) => tls.is_flushed(),
        }
    }

    /// How many bytes the socket had taken, at most, when nothing of the byte with this number had left; bytes are
    /// counted as they were written to this stream. `None` if that is not known any more.
    #[must_use]
    pub fn place(&self, at: u64) -> Option<u64> {
        match self {
            Self::Plain(_) => Some(at),
            Self::Tls(tls) => tls.place(at),
        }
    }

    /// Whether a read would give something at once, be it an end or an error.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => tcp.poll_read_ready(context),
            Self::Tls(tls) if tls.has_read() => Poll::Ready(Ok(())),
            Self::Tls(tls) => tls.tcp().poll_read_ready(context),
        }
    }

    /// Whether the socket would take something at once.
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_write_ready(context)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Tls(tls) => tls.poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Tls(tls) => tls.poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(tls) => tls.poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Tls(tls) => tls.poll_shutdown(context),
        }
    }
}
