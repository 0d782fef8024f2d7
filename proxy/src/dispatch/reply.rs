//! The answer to a client: its content, and the two forms in which it is sent.

use std::{borrow::Cow, convert::Infallible, ops::Range, sync::Arc, time::Duration};

use bytes::{BufMut, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use pingora_core::protocols::http::date::get_cached_date;
use switchyard_grid::Substation;
use switchyard_http1::{Answer, nominates};
use switchyard_wire::{
    Code, Failure, Outcome,
    names::{ENDPOINT_LOAD_METRICS, POSSIBLE_HOLDER, REQUEST_ID, SUBSTATION},
};

use super::{quota::Quota, route_words::body_of, streamed::Streamed};
use crate::snapshot::RouteRule;

/// Enough bytes for a usual head and body, so that the buffer grows once at most.
const BUFFER: usize = 512;
/// Room for the headers of a usual answer, so that their map is made once.
const USUAL_HEADERS: usize = 8;

static SUBSTATION_NAME: HeaderName = HeaderName::from_static(SUBSTATION);
static POSSIBLE_HOLDER_NAME: HeaderName = HeaderName::from_static(POSSIBLE_HOLDER);
static REQUEST_ID_NAME: HeaderName = HeaderName::from_static(REQUEST_ID);
static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// By what a client can show who it is.
static BEARER: HeaderValue = HeaderValue::from_static("Bearer");
/// The type of nearly every body.
static JSON: HeaderValue = HeaderValue::from_static("application/json");

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
    /// What its client may still ask for, if it has a limit.
    pub(super) quota: Option<Box<Quota>>,
    request_id: HeaderValue,
    content: Content,
    body: Bytes,
}

#[derive(Debug)]
enum Content {
    /// The answer of a substation.
    Answer(RoutedAnswer),
    /// An answer that its client has got as it came.
    Sent(Streamed),
    /// An error of the proxy itself.
    Failure {
        allow: Option<Cow<'static, str>>,
        retry_after_seconds: Option<u32>,
        /// Whether it says by what a client can show who it is.
        asks_for_token: bool,
        possible_holder: Option<u64>,
    },
}

impl Reply {
    /// The answer of a substation: its status, body and end-to-end headers, and the substation's name. `good` are the
    /// statuses of requests that have got what they asked for.
    pub(super) fn passing_on(
        routed: RoutedAnswer,
        good: &Range<u16>,
        request_id: HeaderValue,
    ) -> Self {
        let status = routed.answer.status;
        let outcome = if good.contains(&status) {
            Outcome::Booked
        } else {
            Outcome::Answered
        };
        Self {
            status,
            outcome,
            closes: false,
            is_shed: false,
            quota: None,
            request_id,
            body: routed.answer.body.clone(),
            content: Content::Answer(routed),
        }
    }

    /// An answer that its client has got as it came. `good` are the statuses of requests that have got what they asked for.
    pub(super) fn sent(streamed: Streamed, good: &Range<u16>, request_id: HeaderValue) -> Self {
        let outcome = if good.contains(&streamed.status) {
            Outcome::Booked
        } else {
            Outcome::Answered
        };
        Self {
            status: streamed.status,
            outcome,
            closes: !streamed.is_whole,
            is_shed: false,
            quota: None,
            request_id,
            body: Bytes::new(),
            content: Content::Sent(streamed),
        }
    }

    /// Whether its client has it already.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        matches!(self.content, Content::Sent(_))
    }

    /// Whether it streamed, and did not come to its end.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        matches!(&self.content, Content::Sent(streamed) if !streamed.is_whole)
    }

    /// After how long its head came, if it streamed.
    pub(super) fn began_after(&self) -> Option<Duration> {
        match &self.content {
            Content::Sent(streamed) => Some(streamed.began_after),
            _ => None,
        }
    }

    /// An error answer, with the seconds for `Retry-After` if a retry can help, in the words of its route if it has one.
    pub(super) fn failing(
        failure: &Failure,
        retry_after_seconds: Option<u32>,
        request_id: HeaderValue,
        route: Option<&RouteRule>,
    ) -> Self {
        let body = body_of(failure, request_id.to_str().unwrap_or_default(), route);
        Self {
            status: failure.code.status(),
            outcome: failure.code.outcome(),
            closes: failure.close,
            is_shed: is_shed(failure),
            quota: None,
            request_id,
            content: Content::Failure {
                allow: failure.allow.clone(),
                retry_after_seconds,
                asks_for_token: failure.code == Code::Unauthorized,
                possible_holder: failure.possible_holder,
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
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
        self.fields(|field| {
            let (name, value) = field.into_http2()?;
            headers.try_append(name, value)?;
            Ok::<_, http::Error>(())
        })?;
        if let Some(length) = self.content_length() {
            headers.try_append(header::CONTENT_LENGTH, length.into())?;
        }
        headers.try_append(header::DATE, get_cached_date())?;
        let mut request_id = self.request_id;
        // No id comes twice, so none may take a place in the table of headers that both ends keep. With the ids of earlier
        // answers in it, `h2` would compare each new one with all of them.
        request_id.set_sensitive(true);
        headers.try_append(&REQUEST_ID_NAME, request_id)?;
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(self.status)?;
        *response.headers_mut() = headers;
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
        let Ok(()) = self.fields(|field| {
            put(field.name(), field.value());
            Ok::<_, Infallible>(())
        });
        put(REQUEST_ID.as_bytes(), self.request_id.as_bytes());
        if let Some(length) = self.content_length() {
            put(
                b"content-length",
                itoa::Buffer::new().format(length).as_bytes(),
            );
        }
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

    /// The headers, except those of the connection, the request's id and the length.
    fn fields<E>(&self, mut put: impl FnMut(Field<'_>) -> Result<(), E>) -> Result<(), E> {
        if let Some(quota) = &self.quota
            && let (Some(policy), Some(left)) = (quota.policy(), quota.left())
        {
            put(Field::Own(&RATE_LIMIT_POLICY, &policy))?;
            put(Field::Own(&RATE_LIMIT, &left))?;
        }
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
                        put(Field::PassedOn(name, value))?;
                    }
                }
                put(Field::Own(
                    &SUBSTATION_NAME,
                    substation.public_name().header(),
                ))
            }
            Content::Sent(_) => Ok(()),
            Content::Failure {
                allow,
                retry_after_seconds,
                asks_for_token,
                possible_holder,
            } => {
                put(Field::Own(&header::CONTENT_TYPE, &JSON))?;
                if let Some(allow) = allow.as_deref()
                    && let Ok(allow) = HeaderValue::from_str(allow)
                {
                    put(Field::Own(&header::ALLOW, &allow))?;
                }
                if *asks_for_token {
                    put(Field::Own(&header::WWW_AUTHENTICATE, &BEARER))?;
                }
                if let Some(seconds) = retry_after_seconds {
                    put(Field::Own(&header::RETRY_AFTER, &(*seconds).into()))?;
                }
                if let Some(sign) = possible_holder
                    && let Ok(sign) = HeaderValue::from_str(&format!("{sign:016x}"))
                {
                    put(Field::Own(&POSSIBLE_HOLDER_NAME, &sign))?;
                }
                Ok(())
            }
        }
    }

    /// The length of its body, also where the answer to a `HEAD` leaves that out.
    pub(super) fn length(&self) -> usize {
        match &self.content {
            Content::Sent(streamed) => usize::try_from(streamed.bytes_out).unwrap_or(usize::MAX),
            _ => self.content_length().unwrap_or(0),
        }
    }

    /// The length of the body, unless an answer of this status never has one.
    fn content_length(&self) -> Option<usize> {
        (!matches!(self.status, 204 | 304)).then_some(self.body.len())
    }
}

/// One header of an answer.
enum Field<'a> {
    /// Name and value as the substation wrote them.
    PassedOn(&'a [u8], &'a [u8]),
    /// A header of the proxy itself.
    Own(&'a HeaderName, &'a HeaderValue),
}

impl Field<'_> {
    fn name(&self) -> &[u8] {
        match self {
            Self::PassedOn(name, _) => name,
            Self::Own(name, _) => name.as_str().as_bytes(),
        }
    }

    fn value(&self) -> &[u8] {
        match self {
            Self::PassedOn(_, value) => value,
            Self::Own(_, value) => value.as_bytes(),
        }
    }

    /// Name and value as the `http` crate has them. What nearly every answer says is not copied.
    fn into_http2(self) -> Result<(HeaderName, HeaderValue), http::Error> {
        match self {
            Self::Own(name, value) => Ok((name.clone(), value.clone())),
            Self::PassedOn(b"content-type", value) if value == JSON.as_bytes() => {
                Ok((header::CONTENT_TYPE, JSON.clone()))
            }
            // A part of the answer would keep all of it in memory, for as long as the table of headers has the header.
            Self::PassedOn(name, value) => Ok((
                HeaderName::from_bytes(name)?,
                HeaderValue::from_bytes(value)?,
            )),
        }
    }
}

/// Whether this refuses a request over a limit of the proxy or of its client.
fn is_shed(failure: &Failure) -> bool {
    matches!(failure.code, Code::Overloaded | Code::RateLimited)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failing() -> Reply {
        let failure = Failure {
            allow: Some("POST".into()),
            possible_holder: Some(0xab),
            ..Failure::new(Code::Overloaded, "test")
        };
        Reply::failing(&failure, Some(2), HeaderValue::from_static("r1"), None)
    }

    #[test]
    fn both_forms_have_the_same_headers() {
        let wire = String::from_utf8(failing().to_wire(false)).unwrap();
        let (head, sent) = wire.split_once("\r\n\r\n").unwrap();
        let mut lines: Vec<_> = head.lines().skip(1).collect();
        lines.retain(|line| !line.starts_with("connection: ") && !line.starts_with("date: "));
        lines.sort_unstable();
        let (response, body) = failing().into_http2(false).unwrap();
        let mut headers: Vec<_> = response
            .headers()
            .iter()
            .filter(|(name, _)| *name != header::DATE)
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        headers.sort_unstable();
        assert_eq!(headers, lines);
        assert!(response.headers().contains_key(header::DATE));
        assert_eq!(
            (response.status().as_u16(), &body[..]),
            (503, sent.as_bytes())
        );
        let (_, none) = failing().into_http2(true).unwrap();
        assert!(none.is_empty(), "the answer to a HEAD");
    }

    #[test]
    fn only_the_id_of_a_request_stays_out_of_the_table_of_headers() {
        let (response, _) = failing().into_http2(false).unwrap();
        for (name, value) in response.headers() {
            assert_eq!(value.is_sensitive(), name == REQUEST_ID, "{name}");
        }
    }

    #[test]
    fn what_a_substation_wrote_goes_on_as_it_is_unless_http2_has_no_form_for_it() {
        let passed = |name, value| Field::PassedOn(name, value).into_http2();
        let (name, value) = passed(b"Content-Type", b"text/plain").unwrap();
        assert_eq!(
            (name, value.as_bytes()),
            (header::CONTENT_TYPE, &b"text/plain"[..])
        );
        let (name, value) = passed(b"content-type", b"application/json").unwrap();
        assert_eq!((name, value), (header::CONTENT_TYPE, JSON.clone()));
        assert!(passed(b"x y", b"1").is_err());
        assert!(passed(b"x", b"1\n2").is_err());
    }
}
