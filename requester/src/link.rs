//! One keep-alive connection, driven by the task that asks over it.
//!
//! hyper gives a connection in two halves, one that asks and one that moves the bytes, and expects the
//! second to run in a task of its own. Here both are polled in the same task, so that a request costs no
//! wake-up across tasks. A link that is dropped before its answer is complete closes its connection, so one
//! that is put back is always usable, or noticed as closed by [`Link::ready`].

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::body::Body;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::answer::{Answer, Keep};

/// A request as it is sent.
pub(crate) type Ask = Request<Full<Bytes>>;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Not a byte of the request left, so that it may be sent again: here it is.
    Unsent(Box<Ask>, hyper::Error),
    /// The connection broke while the target had some of the request, or all.
    Broken(hyper::Error),
}

impl NoAnswer {
    /// What went wrong.
    pub(crate) fn error(&self) -> &hyper::Error {
        match self {
            Self::Unsent(_, error) | Self::Broken(error) => error,
        }
    }
}

/// A connection to the target.
#[derive(Debug)]
pub(crate) struct Link {
    asking: SendRequest<Full<Bytes>>,
    moving: Connection<TokioIo<TcpStream>, Full<Bytes>>,
    closed: bool,
}

/// Connects, without a word of HTTP yet.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    // A request is one small write; waiting for more to send along would be measured as latency.
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Link {
    pub(crate) async fn over(stream: TcpStream) -> Result<Self, hyper::Error> {
        let (asking, moving) = http1::handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            asking,
            moving,
            closed: false,
        })
    }

    /// Waits until the connection can take a request; `false`: it is closed.
    pub(crate) async fn ready(&mut self) -> bool {
        poll_fn(|cx| {
            self.poll_moving(cx);
            self.asking.poll_ready(cx)
        })
        .await
        .is_ok()
    }

    /// Resolves when the target closes the connection that nobody is asking over.
    pub(crate) async fn closed(&mut self) {
        poll_fn(|cx| {
            self.poll_moving(cx);
            if self.closed {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Asks, and waits for the answer to its last byte.
    pub(crate) async fn ask(&mut self, ask: Ask, keep: Keep) -> Result<Answer, NoAnswer> {
        let mut answer = pin!(self.asking.try_send_request(ask));
        let response = poll_fn(|cx| {
            poll_moving(&mut self.moving, &mut self.closed, cx);
            answer.as_mut().poll(cx)
        })
        .await;
        let (head, mut body) = match response {
            Ok(response) => response.into_parts(),
            Err(mut error) => {
                let unsent = error.take_message();
                let error = error.into_error();
                return Err(match unsent {
                    Some(ask) => NoAnswer::Unsent(Box::new(ask), error),
                    None => NoAnswer::Broken(error),
                });
            }
        };
        let mut answer = Answer::new(head, keep);
        while !body.is_end_stream() {
            let frame = poll_fn(|cx| {
                self.poll_moving(cx);
                Pin::new(&mut body).poll_frame(cx)
            });
            match frame.await {
                None => break,
                Some(Err(error)) => return Err(NoAnswer::Broken(error)),
                Some(Ok(frame)) => {
                    if let Some(piece) = frame.data_ref() {
                        answer.push(piece);
                    }
                }
            }
        }
        Ok(answer)
    }

    fn poll_moving(&mut self, cx: &mut Context<'_>) {
        poll_moving(&mut self.moving, &mut self.closed, cx);
    }
}

/// Moves bytes. That it ended with an error is told to whoever asks, by the other half.
fn poll_moving(
    moving: &mut Connection<TokioIo<TcpStream>, Full<Bytes>>,
    closed: &mut bool,
    cx: &mut Context<'_>,
) {
    if !*closed {
        *closed = Pin::new(moving).poll(cx).is_ready();
    }
}
