//! `/v1/realtime`: a WebSocket that sends back what it gets.
//!
//! It reads frames as RFC 6455 has them, as far as an echo needs: a message or a part of one comes back unmasked, a ping
//! as a pong, a close as a close. A frame of more than [`LARGEST`] bytes, or one without a mask, ends the connection.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BytesMut};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::engine::Engine;
use crate::problem::Problem;
use crate::reply::Reply;

/// The largest frame, in bytes.
pub(crate) const LARGEST: usize = 64 << 10;
/// What RFC 6455 adds to a key before the digest.
const SALT: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Answers the request for a WebSocket, and serves it from then on.
pub(crate) fn open(engine: &Arc<Engine>, mut request: Request<Incoming>) -> Result<Reply, Problem> {
    let asked = request
        .headers()
        .get(UPGRADE)
        .and_then(|value| value.to_str().ok());
    let asks = asked.is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let key = request.headers().get(SEC_WEBSOCKET_KEY).filter(|_| asks);
    let accept = key.map(|key| accept(key.as_bytes())).ok_or_else(|| {
        Problem::invalid(
            None,
            "this path takes a WebSocket: send Upgrade: websocket and Sec-WebSocket-Key".to_owned(),
        )
    })?;
    let engine = Arc::clone(engine);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let open = Open::new(engine);
        if let Ok(upgraded) = upgrade.await {
            let ended = echo(TokioIo::new(upgraded)).await;
            tracing::debug!(?ended, "A WebSocket ended");
        }
        drop(open);
    });
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // Base64 is always a value.
    if let Ok(accept) = HeaderValue::try_from(accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(answer)
}

/// What proves that the key was read.
pub(crate) fn accept(key: &[u8]) -> String {
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key);
    digest.update(SALT.as_bytes());
    STANDARD.encode(digest.finish())
}

/// A connection, which counts as a request that runs while it is there.
struct Open(Arc<Engine>);

impl Open {
    fn new(engine: Arc<Engine>) -> Self {
        engine.counts().running.fetch_add(1, Ordering::Relaxed);
        Self(engine)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counts().running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends back each frame, until either side ends it.
pub(crate) async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut read = BytesMut::new();
    loop {
        while let Some(frame) = next(&mut read)? {
            let opcode = match frame.opcode & 0x0f {
                PING => frame.opcode & 0xf0 | PONG,
                _ => frame.opcode,
            };
            stream.write_all(&written(opcode, &frame.payload)).await?;
            if opcode & 0x0f == CLOSE {
                return stream.shutdown().await;
            }
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// With the bit that says whether it is a message's last.
    opcode: u8,
    payload: Vec<u8>,
}

/// Takes a whole frame from the front; `None` while it is not whole.
fn next(read: &mut BytesMut) -> io::Result<Option<Frame>> {
    let Some(&[opcode, length]) = read.first_chunk() else {
        return Ok(None);
    };
    if length & 0x80 == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a client's frame has no mask",
        ));
    }
    let (length, head) = match length & 0x7f {
        126 => match read.first_chunk() {
            Some(&[_, _, high, low]) => (u64::from(u16::from_be_bytes([high, low])), 4),
            None => return Ok(None),
        },
        127 => match read.get(2..10).map(<[u8; 8]>::try_from) {
            Some(Ok(length)) => (u64::from_be_bytes(length), 10),
            _ => return Ok(None),
        },
        length => (u64::from(length), 2),
    };
    let Some(length) = usize::try_from(length)
        .ok()
        .filter(|length| *length <= LARGEST)
    else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a frame is too large",
        ));
    };
    if read.len() < head + 4 + length {
        return Ok(None);
    }
    read.advance(head);
    let mask = read.get_u32().to_be_bytes();
    let payload = read
        .split_to(length)
        .into_iter()
        .zip(mask.into_iter().cycle());
    Ok(Some(Frame {
        opcode,
        payload: payload.map(|(byte, mask)| byte ^ mask).collect(),
    }))
}

/// A frame without a mask, as servers send them.
fn written(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 10);
    frame.push(opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ ..126), _) => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}
