//! The answer to a client: its content, and the two forms in which it is sent.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use pingora_core::protocols::http::date::get_cached_date;
use switchyard_grid::Substation;
use switchyard_http1::{Answer, nominates};
use switchyard_wire::{
    Code, Failure, Outcome,
    names::{ENDPOINT_LOAD_METRICS, REQUEST_ID, SUBSTATION},
};

/// Enough bytes for a usual head and body, so that the buffer grows once at most.
const BUFFER: usize = 512;

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
    /// Whether it refuses a request over a limit. It is sent to clients that read it at once, and to no others: what waits
    /// to be read is what such a limit bounds.
    pub(super) is_shed: bool,
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
            is_shed: false,
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
            is_shed: is_shed(failure),
            request_id,
            content: Content::Failure {
                allow: failure.allow,
                retry_after_seconds,
            },
            body: body.into(),
        }
    }

    /// It as HTTP/1.1, whole, to be sent in one write. The answer to a `HEAD` has no body.
    #[must_use]
    pub fn to_wire(&self, is_head: bool) -> Vec<u8> {
        self.to_wire_at(get_cached_date().as_bytes(), is_head)
    }

    /// It as the head of an HTTP/2 answer, and its body. An error means that a substation's header is not fit for HTTP/2.
    pub fn into_http2(self, is_head: bool) -> Result<(Response<()>, Bytes), http::Error> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(self.status)?;
        let headers = response.headers_mut();
        let mut appended = Ok(());
        self.fields(|name, value| {
            if appended.is_ok() {
                appended = append(headers, name, value);
            }
        });
        appended?;
        append(headers, b"date", get_cached_date().as_bytes())?;
        let body = if is_head { Bytes::new() } else { self.body };
        Ok((response, body))
    }

    fn to_wire_at(&self, date: &[u8], is_head: bool) -> Vec<u8> {
        let mut wire = Vec::with_capacity(BUFFER + self.body.len());
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let reason = status.canonical_reason().unwrap_or_default();
        for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
            wire.put_slice(part.as_bytes());
        }
        let mut put = |name: &[u8], value: &[u8]| {
            // In lower case as in HTTP/2; a substation may write them differently.
            let begin = wire.len();
            wire.put_slice(name);
            if let Some(name) = wire.get_mut(begin..) {
                name.make_ascii_lowercase();
            }
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
        if !is_head {
            wire.put_slice(&self.body);
        }
        wire
    }

    /// The headers, except those of the connection.
    fn fields(&self, mut put: impl FnMut(&[u8], &[u8])) {
        match &self.content {
            Content::Answer(RoutedAnswer { answer, substation }) => {
                let connection = || {
                    let headers = answer.headers();
                    headers.filter(|(name, _)| name.eq_ignore_ascii_case(b"connection"))
                };
                let is_nominated = |name| {
                    answer.nominates && connection().any(|(_, value)| nominates(value, name))
                };
                for (name, value) in answer.headers() {
                    if is_end_to_end(name) && !is_nominated(name) {
                        put(name, value);
                    }
                }
                let name = substation.public_name();
                put(SUBSTATION.as_bytes(), name.header().as_bytes());
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

/// Whether this refuses a request over a limit of the proxy or of its client.
fn is_shed(failure: &Failure) -> bool {
    matches!(failure.code, Code::Overloaded | Code::RateLimited)
}

fn append(headers: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<(), http::Error> {
    headers.append(
        HeaderName::from_bytes(name)?,
        HeaderValue::from_bytes(value)?,
    );
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
