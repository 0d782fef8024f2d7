//! The answer to a client: its content, and the two ways to send it, each in one write.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use http::{HeaderName, HeaderValue, StatusCode};
use pingora_core::{
    InvalidHTTPHeader, OrErr,
    protocols::{
        Stream,
        http::{ServerSession, date::get_cached_date},
    },
};
use pingora_http::ResponseHeader;
use switchyard_grid::Substation;
use switchyard_http1::{Answer, nominates};
use switchyard_wire::{
    Failure, Outcome,
    names::{ENDPOINT_LOAD_METRICS, REQUEST_ID, SUBSTATION},
};
use tokio::io::AsyncWriteExt;

/// Enough bytes for a usual head and body, so that the buffer grows once at most.
const BUFFER: usize = 512;

/// Context of the error for a header that can't be passed on.
const UNFIT: &str = "in a substation's answer";

/// An answer, and the substation that gave it.
#[derive(Debug)]
pub(super) struct RoutedAnswer {
    pub(super) answer: Answer,
    pub(super) substation: Arc<Substation>,
}

/// The answer to a client.
#[derive(Debug)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) outcome: Outcome,
    /// Whether the connection ends with it.
    pub closes: bool,
    request_id: HeaderValue,
    content: Content,
    body: Bytes,
}

#[derive(Debug)]
enum Content {
    /// The answer of a substation.
    Answer(RoutedAnswer),
    /// An error of the proxy itself.
    Failure {
        allow: Option<&'static str>,
        retry_after_seconds: Option<u32>,
    },
}

impl Reply {
    /// The answer of a substation: its status, body and end-to-end headers, and the substation's name.
    pub(super) fn passing_on(
        routed: RoutedAnswer,
        is_charge: bool,
        request_id: HeaderValue,
    ) -> Self {
        let status = routed.answer.status;
        let outcome = if is_charge && (200..300).contains(&status) {
            Outcome::Booked
        } else {
            Outcome::Answered
        };
        Self {
            status,
            outcome,
            closes: false,
            request_id,
            body: routed.answer.body.clone(),
            content: Content::Answer(routed),
        }
    }

    /// An error answer, with the seconds for `Retry-After` if a retry can help.
    pub(super) fn failing(
        failure: &Failure,
        retry_after_seconds: Option<u32>,
        request_id: HeaderValue,
    ) -> Self {
        let body = failure.to_json(request_id.to_str().unwrap_or_default());
        Self {
            status: failure.code.status(),
            outcome: failure.code.outcome(),
            closes: failure.close,
            request_id,
            content: Content::Failure {
                allow: failure.allow,
                retry_after_seconds,
            },
            body: body.into(),
        }
    }

    /// Sends it over a Pingora session, which handles the protocol and the connection.
    ///
    /// If the client has closed the connection, the answer is dropped and the booking stands.
    pub async fn send(self, session: &mut ServerSession) -> pingora_core::Result<()> {
        let mut head = ResponseHeader::build_no_case(self.status, Some(8))?;
        let mut written = Ok(());
        self.fields(|name, value| {
            if written.is_ok() {
                written = append(&mut head, name, value);
            }
        });
        written?;
        if self.closes {
            session.set_keepalive(None);
        }
        session.write_response_header(Box::new(head)).await?;
        if self.body.is_empty() {
            session.finish_body().await
        } else {
            session.write_response_body(self.body, true).await
        }
    }

    /// Sends it over an HTTP/1.1 connection whose request was read to its end.
    pub async fn send_plain(self, stream: &mut Stream) -> std::io::Result<()> {
        let wire = self.to_wire(get_cached_date().as_bytes());
        stream.write_all(&wire).await?;
        stream.flush().await
    }

    fn to_wire(&self, date: &[u8]) -> Vec<u8> {
        let mut wire = Vec::with_capacity(BUFFER + self.body.len());
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let reason = status.canonical_reason().unwrap_or_default();
        for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
            wire.put_slice(part.as_bytes());
        }
        let mut put = |name: &[u8], value: &[u8]| {
            // In lower case as in HTTP/2; a substation may write them differently.
            wire.extend(name.iter().map(u8::to_ascii_lowercase));
            for part in [b": ", value, b"\r\n"] {
                wire.put_slice(part);
            }
        };
        self.fields(&mut put);
        put(b"date", date);
        put(
            b"connection",
            if self.closes { b"close" } else { b"keep-alive" },
        );
        wire.put_slice(b"\r\n");
        wire.put_slice(&self.body);
        wire
    }

    /// The headers, except those of the connection.
    fn fields(&self, mut put: impl FnMut(&[u8], &[u8])) {
        match &self.content {
            Content::Answer(RoutedAnswer { answer, substation }) => {
                let connection = answer.header("connection");
                let is_nominated = |name| connection.is_some_and(|value| nominates(value, name));
                for (name, value) in answer.headers() {
                    if is_end_to_end(name) && !is_nominated(name) {
                        put(name, value);
                    }
                }
                put(SUBSTATION.as_bytes(), substation.name_header().as_bytes());
            }
            Content::Failure {
                allow,
                retry_after_seconds,
            } => {
                put(b"content-type", b"application/json");
                if let Some(allow) = allow {
                    put(b"allow", allow.as_bytes());
                }
                if let Some(seconds) = retry_after_seconds {
                    put(b"retry-after", seconds.to_string().as_bytes());
                }
            }
        }
        put(REQUEST_ID.as_bytes(), self.request_id.as_bytes());
        if !matches!(self.status, 204 | 304) {
            let mut digits = itoa::Buffer::new();
            let length = digits.format(self.body.len());
            put(b"content-length", length.as_bytes());
        }
    }
}

fn append(head: &mut ResponseHeader, name: &[u8], value: &[u8]) -> pingora_core::Result<()> {
    let name = HeaderName::from_bytes(name).or_err(InvalidHTTPHeader, UNFIT)?;
    let value = HeaderValue::from_bytes(value).or_err(InvalidHTTPHeader, UNFIT)?;
    head.append_header(name, value)?;
    Ok(())
}

/// Whether a substation's header goes to the client: not one of the connection, not a load report to the balancer, and
/// not one that is written here anew. Names are in the substation's own case.
fn is_end_to_end(name: &[u8]) -> bool {
    const NOT_FOR_CLIENTS: [&str; 12] = [
        "connection",
        "content-length",
        "date",
        ENDPOINT_LOAD_METRICS,
        "keep-alive",
        "proxy-authenticate",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        REQUEST_ID,
        SUBSTATION,
    ];
    !NOT_FOR_CLIENTS
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop.as_bytes()))
}
