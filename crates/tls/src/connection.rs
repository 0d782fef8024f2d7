//! A client's connection after its handshake, as Pingora's sessions take it.
//!
//! Pingora has such a type with its feature `rustls`. But with that feature its listener's task reserves memory for a
//! whole handshake, with or without TLS, for as long as the connection lives: several KiB for each idle client.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use pingora_core::protocols::l4::stream::Stream as TcpStream;
use switchyard_credentials::Subject;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::bounded::Bounded;

/// What HTTP/2 is called in a handshake (ALPN).
pub(super) const HTTP2: &[u8] = b"h2";

/// TLS over a client's connection.
#[derive(Debug)]
pub struct TlsConnection(TlsStream<Bounded>);

impl TlsConnection {
    pub(super) fn new(stream: TlsStream<Bounded>) -> Self {
        Self(stream)
    }

    /// Whether the client chose HTTP/2 in the handshake.
    #[must_use]
    pub fn is_http2(&self) -> bool {
        self.0.get_ref().1.alpn_protocol() == Some(HTTP2)
    }

    /// Who the certificate is of that the client has shown, if it has. It was checked, in this handshake or in the one
    /// whose session is resumed.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let shown = self.0.get_ref().1.peer_certificates()?;
        shown.first().and_then(Subject::of)
    }

    fn tcp(&self) -> &TcpStream {
        self.0.get_ref().0.tcp()
    }
}

impl AsyncRead for TlsConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for TlsConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

crate::pingora_layer!(TlsConnection, tcp);
