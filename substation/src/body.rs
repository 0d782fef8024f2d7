//! Reading a request's body, with a bound on its size and its time.
//!
//! A body of one piece, the usual case, is passed on without a copy. Some of a body that is too large is read
//! and discarded: to close a socket with unread bytes resets the connection, and the reset would overtake
//! the response that says why.

use std::error::Error;
use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use thiserror::Error;
use tokio::time::timeout;

/// The largest body of a charge request, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;
/// How much of a body that is too large is read and discarded, in bytes.
const MAX_DISCARD: usize = 1024 * 1024;
/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no body.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than {MAX_BODY} bytes; send the charge request alone")]
    TooLarge,
    #[error("the body did not arrive within {} s; not booked, send it again", BODY_TIMEOUT.as_secs())]
    TooSlow,
    #[error("the client went away before its body was complete")]
    Gone,
    #[error("the body can't be read: {0}")]
    Malformed(hyper::Error),
}

/// The whole body. `is_announced`: the client waits for a `100 Continue` before it sends the body.
pub(crate) async fn read(mut body: Incoming, is_announced: bool) -> Result<Bytes, BodyError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if is_announced && body.size_hint().lower() > MAX_BODY as u64 {
        return Err(BodyError::TooLarge);
    }
    timeout(BODY_TIMEOUT, collect(&mut body))
        .await
        .map_err(|_| BodyError::TooSlow)?
}

async fn collect(body: &mut Incoming) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut size = 0_usize;
    while let Some(piece) = next(body).await? {
        size = size.saturating_add(piece.len());
        if size > MAX_DISCARD {
            return Err(BodyError::TooLarge);
        }
        if size > MAX_BODY {
            continue;
        }
        if first.is_empty() {
            first = piece;
        } else {
            rest.extend_from_slice(&piece);
        }
    }
    match (size > MAX_BODY, rest.is_empty()) {
        (true, _) => Err(BodyError::TooLarge),
        (false, true) => Ok(first),
        (false, false) => Ok([first.as_ref(), rest.as_ref()].concat().into()),
    }
}

/// The next piece with data in it. Trailers are ignored.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
    while !body.is_end_stream() {
        match body.frame().await {
            None => break,
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) if is_malformed(&error) => return Err(BodyError::Malformed(error)),
            Some(Err(_)) => return Err(BodyError::Gone),
        }
    }
    Ok(None)
}

/// Whether the bytes received make no body, such as a chunk without a size. Every other error that hyper
/// reports here is an end of the connection.
fn is_malformed(error: &hyper::Error) -> bool {
    let io = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    io.is_some_and(|io| {
        matches!(
            io.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
        )
    })
}
