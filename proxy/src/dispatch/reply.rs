//! The answer to a client, in one write.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use pingora_core::{InvalidHTTPHeader, OrErr, protocols::http::ServerSession};
use pingora_http::ResponseHeader;

use super::{Failure, exchange::Answer, hop_by_hop::nominates, request_id};
use crate::grid::{Substation, orca};

/// The header that names the substation that answered.
const SUBSTATION: HeaderName = HeaderName::from_static("x-substation");

/// Where a header that can't be passed on came from.
const UNFIT: &str = "in a substation's answer";

/// A client that hangs up early is its own affair: the answer is dropped, the booking stands.
type Written = pingora_core::Result<()>;

/// Passes a substation's answer on: its status, its body, its end-to-end headers, and whose it is.
pub(super) async fn pass_on(
    session: &mut ServerSession,
    answer: Answer,
    substation: &Substation,
    request_id: HeaderValue,
) -> Written {
    let mut head = ResponseHeader::build_no_case(answer.status, Some(8))?;
    for (name, value) in answer.headers() {
        if is_end_to_end(name) && !is_nominated(&answer, name) {
            let name = HeaderName::from_bytes(name).or_err(InvalidHTTPHeader, UNFIT)?;
            let value = HeaderValue::from_bytes(value).or_err(InvalidHTTPHeader, UNFIT)?;
            head.append_header(name, value)?;
        }
    }
    head.insert_header(SUBSTATION, substation.name_header())?;
    send(session, head, request_id, answer.body).await
}

/// Tells a client what went wrong.
pub(super) async fn fail(
    session: &mut ServerSession,
    failure: &Failure,
    request_id: HeaderValue,
    retry_after_seconds: u32,
) -> Written {
    let body = failure.to_json(request_id.to_str().unwrap_or_default());
    let status = StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut head = ResponseHeader::build_no_case(status, Some(8))?;
    head.insert_header(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    )?;
    if let Some(allow) = failure.allow {
        head.insert_header(header::ALLOW, HeaderValue::from_static(allow))?;
    }
    if failure.code.is_retryable() {
        head.insert_header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))?;
    }
    if failure.close {
        session.set_keepalive(None);
    }
    send(session, head, request_id, body.into()).await
}

async fn send(
    session: &mut ServerSession,
    mut head: ResponseHeader,
    request_id: HeaderValue,
    body: Bytes,
) -> Written {
    head.insert_header(HeaderName::from_static(request_id::HEADER), request_id)?;
    if body.is_empty() {
        if !matches!(head.status.as_u16(), 204 | 304) {
            head.insert_header(header::CONTENT_LENGTH, HeaderValue::from_static("0"))?;
        }
        session.write_response_header(Box::new(head)).await?;
        return session.finish_body().await;
    }
    head.insert_header(header::CONTENT_LENGTH, HeaderValue::from(body.len()))?;
    session.write_response_header(Box::new(head)).await?;
    session.write_response_body(body, true).await
}

/// Whether the substation's `Connection` header nominates `name` as hop-by-hop.
fn is_nominated(answer: &Answer, name: &[u8]) -> bool {
    let connection = answer.header("connection");
    connection.is_some_and(|value| nominates(value, name))
}

/// Whether a header speaks of the message, not of the connection it came over, and to the client, not to whoever
/// balances. Names of `codec` answers
/// are as the substation wrote them.
fn is_end_to_end(name: &[u8]) -> bool {
    const NOT_FOR_CLIENTS: [&str; 11] = [
        "connection",
        "content-length",
        "date",
        orca::HEADER,
        "keep-alive",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        request_id::HEADER,
    ];
    !NOT_FOR_CLIENTS
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
}
