//! The answer to bytes that hyper could not read as a request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::problem::Problem;
use crate::substation::Substation;

/// How long a client may take to read the answer and to close.
const GRACE: Duration = Duration::from_secs(1);
/// How many bytes are read and dropped meanwhile, at most.
const MOST_DROPPED: u64 = 1024 * 1024;

/// A client's connection, without and with TLS.
pub(super) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A client's connection that hyper can't close for writing: an answer may have to follow after hyper has given up.
#[derive(Debug)]
pub(super) struct Socket(pub(super) Stream);

impl Socket {
    /// Says over TLS that nothing follows; without TLS the end of the connection says that.
    pub(super) async fn close(mut self) {
        if matches!(self.0, Either::Right(_)) {
            let _ = timeout(GRACE, self.0.shutdown()).await;
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
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

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Says why, and closes once the client has read it.
pub(super) async fn send(socket: Socket, substation: &Substation, error: &hyper::Error) {
    let problem = if error.is_parse_too_large() {
        Problem::head_too_large("the request line or the headers are too large; nothing is booked")
    } else {
        Problem::invalid(format_args!("this is no HTTP/1.1 request: {error}"))
    };
    // A client that does not take the answer misses it.
    let _ = timeout(GRACE, answer(socket.0, problem, substation)).await;
}

async fn answer(mut socket: Stream, problem: Problem, substation: &Substation) -> io::Result<()> {
    let (head, body) = problem
        .into_response(substation, &HeaderMap::new())
        .into_parts();
    let Ok(body) = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let mut bytes = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        head.status,
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&body);
    socket.write_all(&bytes).await?;
    socket.shutdown().await?;
    // To close a socket with unread bytes resets the connection, and the reset may overtake the answer.
    let mut rest = socket.take(MOST_DROPPED);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}
