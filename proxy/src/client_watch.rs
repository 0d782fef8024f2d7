//! Notices that a client leaves while its request waits in line.
//!
//! A request that waits has cost nothing yet, so it may still be dropped, and room must not go to a client that has
//! left. Only requests that wait are watched; once one is sent to a substation it may be booked, and goes on to its
//! end.
//!
//! Over HTTP/2 a client says that it leaves: it resets the stream, or its connection ends. Over HTTP/1.1 there is only
//! the end of the connection. A client that closes its sending side after a whole request (a half-close) may still
//! read,
//! but nearly every client that does so is gone, and there is no way to tell. So it counts as gone, as in nginx and
//! HAProxy; it is answered all the same, in case that it reads.
//!
//! To watch an HTTP/1.1 connection is to read it, so bytes of the next request may come. They are kept, up to a bound;
//! beyond it the connection is no longer watched: its client is there, and has more to say.

use std::future::{pending, poll_fn};

use bytes::{Bytes, BytesMut};
use h2::server::SendResponse;
use tokio::io::AsyncReadExt;

use crate::{client_stream::ClientStream, stream_client::StreamClient};

/// Room for one read, in bytes.
const READ: usize = 1024;
/// The most bytes of further requests that are read meanwhile.
const MOST_AHEAD: usize = 1024;

/// The client of one request, as long as the request is not answered.
#[derive(Debug)]
pub enum ClientWatch<'a> {
    /// Its connection, and what was read of further requests.
    Http1(&'a mut ClientStream, &'a mut BytesMut),
    /// The stream of its answer.
    Http2(&'a mut SendResponse<Bytes>),
    /// The client of a request that streams.
    Stream(&'a mut (dyn StreamClient + 'static)),
}

impl ClientWatch<'_> {
    /// Completes when the client has left. May be dropped and called again: nothing is lost.
    pub async fn left(&mut self) {
        match self {
            Self::Http1(stream, ahead) => {
                while ahead.len() < MOST_AHEAD {
                    ahead.reserve(READ);
                    if !matches!(stream.read_buf(*ahead).await, Ok(1..)) {
                        return;
                    }
                }
                pending::<()>().await;
            }
            Self::Http2(answer) => {
                // An error means that the connection has ended.
                let _ = poll_fn(|context| answer.poll_reset(context)).await;
            }
            Self::Stream(client) => poll_fn(|context| client.poll_left(context)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pingora_core::protocols::Stream;
    use tokio::{
        io::{AsyncWriteExt, DuplexStream, duplex},
        time::timeout,
    };

    use super::*;

    fn pipe() -> (DuplexStream, ClientStream) {
        let (client, server) = duplex(64);
        let server: Stream = Box::new(server);
        (client, server.into())
    }

    const SOON: Duration = Duration::from_millis(10);

    #[tokio::test(start_paused = true)]
    async fn further_requests_are_kept_and_the_end_is_noticed() {
        let ((mut client, mut stream), mut ahead) = (pipe(), BytesMut::new());
        let mut watch = ClientWatch::Http1(&mut stream, &mut ahead);
        client.write_all(b"POST /").await.unwrap();
        assert!(timeout(SOON, watch.left()).await.is_err(), "it is there");
        client.write_all(b"request_charge").await.unwrap();
        drop(client);
        assert!(timeout(SOON, watch.left()).await.is_ok());
        assert_eq!(ahead, b"POST /request_charge"[..]);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_bound_is_read_ahead() {
        let ((mut client, mut stream), mut ahead) = (pipe(), BytesMut::new());
        let mut watch = ClientWatch::Http1(&mut stream, &mut ahead);
        let flood = async {
            loop {
                client.write_all(&[b'x'; 64]).await.unwrap();
            }
        };
        let both = async {
            tokio::select! { () = watch.left() => (), () = flood => () }
        };
        assert!(timeout(SOON, both).await.is_err());
        assert!((MOST_AHEAD..MOST_AHEAD + READ * 2).contains(&ahead.len()));
    }
}
