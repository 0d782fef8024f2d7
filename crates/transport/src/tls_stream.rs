//! TLS over a socket, with what an HTTP client needs to know of it.
//!
//! A wrapper such as `tokio-rustls` hides three things that matter here. How many bytes the socket has taken: the proof
//! that a request never arrived counts them. Whether a message that came to an idle connection is only a ticket. And an
//! alert that refuses the client's certificate, which with TLS 1.3 comes after the handshake, as the answer to the first
//! request: no program has read that request.

use std::{
    io::{self, BufRead, ErrorKind, IoSlice, Read, Write},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustls::{ClientConnection, Error};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{
    alert::{self, is_about_client},
    belief::ClientCertificate,
    marks::Marks,
    refusal::Refusal,
};

/// How many reads a look at an idle connection makes. A server sends a few tickets at most.
const LOOKS: usize = 16;

/// A connection with TLS, after its handshake.
#[derive(Debug)]
pub struct TlsStream {
    tcp: TcpStream,
    tls: ClientConnection,
    client: Arc<ClientCertificate>,
    /// Bytes that the socket has taken.
    sent: u64,
    marks: Marks,
    /// Whether the server has shown that it accepts the handshake: it has sent something after it.
    is_accepted: bool,
    /// An error of a write of which a part had left: it is told with the next call.
    failed: Option<io::Error>,
}

impl TlsStream {
    /// Does the client's part of a handshake. It has no deadline of its own.
    pub(crate) async fn handshake(
        tcp: TcpStream,
        tls: ClientConnection,
        client: &Arc<ClientCertificate>,
    ) -> Result<Self, HandshakeError> {
        let mut stream = Self {
            tcp,
            tls,
            client: Arc::clone(client),
            sent: 0,
            marks: Marks::default(),
            is_accepted: false,
            failed: None,
        };
        loop {
            while stream.tls.wants_write() {
                stream.tcp.writable().await?;
                would_block(stream.try_send())?;
            }
            if !stream.tls.is_handshaking() {
                return Ok(stream);
            }
            stream.tcp.readable().await?;
            let mut socket = Trying { tcp: &stream.tcp };
            match would_block(stream.tls.read_tls(&mut socket))? {
                Some(0) => return Err(HandshakeError::Io(ErrorKind::UnexpectedEof.into())),
                Some(_) => {}
                None => continue,
            }
            if let Err(error) = stream.tls.process_new_packets() {
                // The alert that says why, if the socket takes it at once.
                let _ = stream.try_send();
                return Err(HandshakeError::Tls(error));
            }
        }
    }

    pub(crate) const fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// See [`Stream::is_open`](crate::Stream::is_open).
    pub(crate) fn is_open(&mut self) -> bool {
        if self.failed.is_some() || self.has_read() {
            return false;
        }
        for _ in 0..LOOKS {
            match self.tls.read_tls(&mut Trying { tcp: &self.tcp }) {
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
                Ok(0) => return false,
                Ok(_) => {
                    if self.tls.process_new_packets().is_err() || self.has_read() {
                        return false;
                    }
                    self.is_accepted = true;
                }
            }
        }
        // It does not stop to talk.
        false
    }

    pub(crate) fn is_flushed(&self) -> bool {
        !self.tls.wants_write()
    }

    pub(crate) fn place(&self, at: u64) -> Option<u64> {
        self.marks.place(at)
    }

    /// Whether there is something for a reader that came before: bytes, or the end of them.
    pub(crate) fn has_read(&self) -> bool {
        !self.tls.wants_read()
    }

    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        loop {
            let is_end = self.take_read(buffer, before)?;
            if is_end || buffer.filled().len() > before || buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let mut socket = Polling {
                tcp: &mut self.tcp,
                context,
            };
            match self.tls.read_tls(&mut socket) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => match self.failed.take() {
                    Some(failed) => return Poll::Ready(Err(failed)),
                    None => return Poll::Pending,
                },
                Err(error) => return Poll::Ready(Err(error)),
                Ok(0) => {}
                Ok(_) => match self.tls.process_new_packets() {
                    Ok(_) => self.is_accepted = true,
                    Err(error) => return Poll::Ready(Err(self.read_error(error))),
                },
            }
        }
    }

    /// Moves what was read already behind the `before` bytes of the buffer, and returns whether that was the last.
    fn take_read(&mut self, buffer: &mut ReadBuf<'_>, before: usize) -> io::Result<bool> {
        while buffer.remaining() > 0 {
            let mut reader = self.tls.reader();
            let piece = match reader.fill_buf() {
                Ok([]) => return Ok(true),
                Ok(piece) => piece,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                // The end will be told with the next read.
                Err(_) if buffer.filled().len() > before => return Ok(false),
                Err(error) => return Err(error),
            };
            let length = piece.len().min(buffer.remaining());
            buffer.put_slice(piece.get(..length).unwrap_or_default());
            reader.consume(length);
        }
        Ok(false)
    }

    /// The error of a read: a refusal, if the server refuses the client's certificate.
    fn read_error(&self, error: Error) -> io::Error {
        match error {
            Error::AlertReceived(alert) if !self.is_accepted && is_about_client(alert) => {
                alert::refusal(&error, &self.client, true).into()
            }
            error => io::Error::new(ErrorKind::InvalidData, error),
        }
    }

    /// Whether the server has refused the client's certificate, after a write that failed: then its alert may have come
    /// already.
    fn refusal(&mut self) -> Option<Refusal> {
        while !self.is_accepted {
            let read = self.tls.read_tls(&mut Trying { tcp: &self.tcp });
            if !matches!(read, Ok(1..)) {
                return None;
            }
            match self.tls.process_new_packets() {
                Ok(_) => self.is_accepted = true,
                Err(error) => {
                    let error = self.read_error(error);
                    return Refusal::of(&error).cloned();
                }
            }
        }
        None
    }

    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // What was taken before leaves first; otherwise it would grow.
        ready!(self.poll_flush(context))?;
        let before = self.sent;
        let written = self.tls.writer().write(bytes)?;
        self.marks.write(written, before);
        match self.poll_send(context) {
            Poll::Ready(Err(error)) if self.sent == before => {
                Poll::Ready(Err(self.refusal().map_or(error, io::Error::from)))
            }
            Poll::Ready(Err(error)) => {
                self.failed = Some(error);
                Poll::Ready(Ok(written))
            }
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(written)),
        }
    }

    pub(crate) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(failed) = self.failed.take() {
            return Poll::Ready(Err(failed));
        }
        self.poll_send(context)
    }

    pub(crate) fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tls.send_close_notify();
        ready!(self.poll_flush(context))?;
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }

    /// Sends what was taken, as far as the socket takes it.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            let mut socket = Polling {
                tcp: &mut self.tcp,
                context,
            };
            match self.tls.write_tls(&mut socket) {
                Ok(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                Ok(sent) => self.sent += sent as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends once, if the socket takes something now.
    fn try_send(&mut self) -> io::Result<()> {
        let sent = self.tls.write_tls(&mut Trying { tcp: &self.tcp })?;
        self.sent += sent as u64;
        Ok(())
    }
}

impl Drop for TlsStream {
    /// Says that it closes, if the socket takes that at once: otherwise the server could not tell it from a cut.
    fn drop(&mut self) {
        self.tls.send_close_notify();
        let _ = self.try_send();
    }
}

/// Why a handshake failed.
#[derive(Debug)]
pub(crate) enum HandshakeError {
    /// The connection failed.
    Io(io::Error),
    /// TLS failed.
    Tls(Error),
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The result, or `None` if it would have had to wait.
fn would_block<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

/// A socket as `rustls` takes it, which notes the task that waits for it.
struct Polling<'a, 'b> {
    tcp: &'a mut TcpStream,
    context: &'a mut Context<'b>,
}

fn now_or_error<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
    }
}

impl Read for Polling<'_, '_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(to);
        let read = Pin::new(&mut *self.tcp).poll_read(self.context, &mut buffer);
        now_or_error(read)?;
        Ok(buffer.filled().len())
    }
}

impl Write for Polling<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        now_or_error(Pin::new(&mut *self.tcp).poll_write(self.context, bytes))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        now_or_error(Pin::new(&mut *self.tcp).poll_write_vectored(self.context, pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket as `rustls` takes it, for which nothing waits.
struct Trying<'a> {
    tcp: &'a TcpStream,
}

impl Read for Trying<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.tcp.try_read(to)
    }
}

impl Write for Trying<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
