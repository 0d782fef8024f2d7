//! One keep-alive connection, driven by the task that sends over it.
//!
//! hyper splits a connection into two halves: a sender, and a driver that moves the bytes. It
//! expects the driver to run in a task of its own. Here the same task polls both, so a request
//! costs no wake-up across tasks. A connection that is dropped before its answer is complete closes
//! its socket. So a connection that was put back is either usable, or [`Connection::ready`] notices
//! that it is closed.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::access::{Access, Stream, advice};
use crate::answer::{Answer, KeepBody};
use crate::target::Target;

/// A request as it is sent.
pub(crate) type OutgoingRequest = Request<Full<Bytes>>;

/// The half of hyper's connection that moves the bytes.
type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum SendError {
    /// No byte of the request was sent, so the request, given back here, may be sent again.
    Unsent(Box<OutgoingRequest>, hyper::Error),
    /// The connection broke while the target had some or all of the request.
    Broken(hyper::Error),
}

impl SendError {
    /// What went wrong.
    pub(crate) fn cause(&self) -> &hyper::Error {
        match self {
            Self::Unsent(_, error) | Self::Broken(error) => error,
        }
    }
}

/// A connection to the target.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    closed: bool,
}

/// Opens a connection to a target at one of its addresses, with the handshake if it has TLS; HTTP begins with
/// [`Connection::over`].
pub(crate) async fn connect(
    target: &Target,
    address: SocketAddr,
    access: &Access,
) -> io::Result<Stream> {
    let stream = TcpStream::connect(address).await?;
    // A request is one small write. Waiting for more bytes to send along would count as latency.
    stream.set_nodelay(true)?;
    access.secure(target, stream).await
}

/// Why a connection could not be opened, and what helps.
pub(crate) fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => {
            format!("{error}: no local port is left; use fewer connections")
        }
        _ if is_out_of_files(error) => {
            format!("{error}: raise the limit (ulimit -n), or use fewer connections")
        }
        _ => match advice(error) {
            Some(advice) => format!("{error}: {advice}"),
            None => error.to_string(),
        },
    }
}

#[cfg(unix)]
fn is_out_of_files(error: &io::Error) -> bool {
    use nix::errno::Errno;
    let code = error.raw_os_error();
    code == Some(Errno::EMFILE as i32) || code == Some(Errno::ENFILE as i32)
}

#[cfg(not(unix))]
fn is_out_of_files(_error: &io::Error) -> bool {
    false
}

impl Connection {
    pub(crate) async fn over(stream: Stream) -> Result<Self, hyper::Error> {
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender,
            driver,
            closed: false,
        })
    }

    /// Waits until the connection can take a request; `false` means that it is closed.
    pub(crate) async fn ready(&mut self) -> bool {
        poll_fn(|cx| {
            self.poll_driver(cx);
            self.sender.poll_ready(cx)
        })
        .await
        .is_ok()
    }

    /// Resolves when the target closes the idle connection.
    pub(crate) async fn closed(&mut self) {
        poll_fn(|cx| {
            self.poll_driver(cx);
            if self.closed {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Sends a request, and reads the whole answer.
    pub(crate) async fn send(
        &mut self,
        request: OutgoingRequest,
        keep: KeepBody,
    ) -> Result<Answer, SendError> {
        let mut response = pin!(self.sender.try_send_request(request));
        let response = poll_fn(|cx| {
            poll_driver(&mut self.driver, &mut self.closed, cx);
            response.as_mut().poll(cx)
        })
        .await;
        let (head, mut body) = match response {
            Ok(response) => response.into_parts(),
            Err(mut error) => {
                let unsent = error.take_message();
                let error = error.into_error();
                return Err(match unsent {
                    Some(request) => SendError::Unsent(Box::new(request), error),
                    None => SendError::Broken(error),
                });
            }
        };
        let mut answer = Answer::new(head, keep);
        while !body.is_end_stream() {
            let frame = poll_fn(|cx| {
                self.poll_driver(cx);
                Pin::new(&mut body).poll_frame(cx)
            });
            match frame.await {
                None => break,
                Some(Err(error)) => return Err(SendError::Broken(error)),
                Some(Ok(frame)) => {
                    if let Some(piece) = frame.data_ref() {
                        answer.push(piece);
                    }
                }
            }
        }
        Ok(answer)
    }

    fn poll_driver(&mut self, cx: &mut Context<'_>) {
        poll_driver(&mut self.driver, &mut self.closed, cx);
    }
}

/// Moves bytes. If the driver ends with an error, the sender reports it.
fn poll_driver(driver: &mut Driver, closed: &mut bool, cx: &mut Context<'_>) {
    if !*closed {
        *closed = Pin::new(driver).poll(cx).is_ready();
    }
}
