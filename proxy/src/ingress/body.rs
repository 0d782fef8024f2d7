//! Reads the body of a request from a Pingora session.

use bytes::{Bytes, BytesMut};
use http::header;
use pingora_core::protocols::http::ServerSession;
use switchyard_wire::{Code, Failure};

/// The whole body, at most `limit` bytes.
pub(super) async fn read(session: &mut ServerSession, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || {
        let message = format!("the body is larger than {limit} bytes (limits.body)");
        Failure::new(Code::BodyTooLarge, message)
    };
    let declared = session.get_header(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit))
    {
        return Err(too_large());
    }
    if session.is_body_done() {
        return Ok(Bytes::new());
    }
    let broken =
        |_| Failure::new(Code::InvalidRequest, "the body broke off or is malformed").closing();
    if session.get_header(header::EXPECT).is_some() {
        session.write_continue_response().await.map_err(broken)?;
    }
    // Nearly every body arrives in one piece and needs no second buffer.
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(piece) = session.read_request_body().await.map_err(broken)? {
        if whole.len() + pieces.len() + piece.len() > limit {
            return Err(too_large());
        }
        if session.is_body_done() && pieces.is_empty() {
            whole = piece;
            break;
        }
        pieces.extend_from_slice(&piece);
    }
    let body = if whole.is_empty() {
        pieces.freeze()
    } else {
        whole
    };
    Ok(body)
}
