//! Answers: JSON, always, and a refusal says what to do about it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::{Serialize, Serializer};

use crate::body::BodyError;
use crate::book::Refusal;
use crate::charge::Invalid;
use crate::ids::Id;
use crate::station::{NotBooked, Seen, Substation};

/// A whole answer in memory, so that it leaves in one write.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Says that a session is told again, not booked again.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The usual answer has some 200 bytes.
const USUAL_SIZE: usize = 256;

/// A session id as clients see it: the substation that holds the session, and which one it is.
pub(crate) struct SessionId<'a> {
    pub(crate) substation: &'a str,
    pub(crate) id: Id,
}

impl fmt::Display for SessionId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.substation, self.id)
    }
}

impl Serialize for SessionId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A session on the wire. All durations are in seconds of the host's clock.
#[derive(Serialize)]
struct SessionBody<'a> {
    session_id: SessionId<'a>,
    substation: &'a str,
    power_kw: f64,
    energy_kwh: f64,
    duration_seconds: f64,
    current_load: f64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
}

#[derive(Serialize)]
struct Progress {
    remaining_seconds: f64,
    state: &'static str,
}

/// The answer to a booking.
pub(crate) fn booked(substation: &Substation, seen: &Seen) -> Answer {
    let mut answer = session(substation, seen, None);
    if seen.is_replay {
        let headers = answer.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    answer
}

/// The answer that shows a session, `state` being what it does now.
pub(crate) fn shown(substation: &Substation, seen: &Seen, state: &'static str) -> Answer {
    session(
        substation,
        seen,
        Some(Progress {
            remaining_seconds: seen.remaining.as_secs_f64(),
            state,
        }),
    )
}

fn session(substation: &Substation, seen: &Seen, progress: Option<Progress>) -> Answer {
    let Seen {
        id, session, load, ..
    } = *seen;
    let body = SessionBody {
        session_id: SessionId {
            substation: substation.name(),
            id,
        },
        substation: substation.name(),
        power_kw: session.demand.power.kw(),
        energy_kwh: session.demand.energy.kwh(),
        duration_seconds: (session.ends - session.began).as_secs_f64(),
        current_load: load.kw(),
        progress,
    };
    json(StatusCode::OK, &body)
}

/// The answer to `/live` and `/ready` when all is well.
pub(crate) fn status(status: &'static str) -> Answer {
    #[derive(Serialize)]
    struct StatusBody {
        status: &'static str,
    }
    json(StatusCode::OK, &StatusBody { status })
}

/// The page for Prometheus.
pub(crate) fn text(content_type: &'static str, page: String) -> Answer {
    with_body(StatusCode::OK, content_type, page.into())
}

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    allow: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl fmt::Display) -> Self {
        Self {
            status,
            code,
            message: message.to_string(),
            allow: None,
            retry_after: None,
        }
    }

    pub(crate) fn not_found(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format_args!("this path takes {allow}");
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
        );
        Self {
            allow: Some(allow),
            ..problem
        }
    }

    pub(crate) fn invalid(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// The answer, with the request's own id or a new one in it.
    pub(crate) fn answer(self, substation: &Substation, request: &HeaderMap) -> Answer {
        #[derive(Serialize)]
        struct ErrorBody<'a> {
            error: Inner<'a>,
        }
        #[derive(Serialize)]
        struct Inner<'a> {
            code: &'a str,
            message: &'a str,
            request_id: &'a str,
        }
        let made;
        let request_id = match request.get("x-request-id").and_then(|id| id.to_str().ok()) {
            Some(sent) if !sent.is_empty() => sent,
            _ => {
                made = substation.new_request_id().to_string();
                &made
            }
        };
        let error = Inner {
            code: self.code,
            message: &self.message,
            request_id,
        };
        let mut answer = json(self.status, &ErrorBody { error });
        if let Some(allow) = self.allow {
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(after) = self.retry_after {
            // Rounded up: a client that comes too early comes for nothing.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        answer
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code, retry_after) = match refusal {
            Refusal::NoCapacity { room_in, .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "no_capacity", room_in)
            }
            Refusal::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining", None),
            Refusal::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "key_reused", None),
        };
        Self {
            retry_after,
            ..Self::new(status, code, refusal)
        }
    }
}

impl From<NotBooked> for Problem {
    fn from(not_booked: NotBooked) -> Self {
        match not_booked {
            NotBooked::Refused(refusal) => refusal.into(),
            NotBooked::Journal(error) => Self::internal(format_args!(
                "the booking can't be written down: {error}; not booked"
            )),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::invalid(invalid)
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let (status, code) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            BodyError::TooSlow => (StatusCode::REQUEST_TIMEOUT, "request_timeout"),
            BodyError::Gone | BodyError::Malformed(_) => {
                (StatusCode::BAD_REQUEST, "invalid_request")
            }
        };
        Self::new(status, code, error)
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let mut bytes = Vec::with_capacity(USUAL_SIZE);
    // Plain structs into memory: there is nothing that could fail.
    let written = serde_json::to_writer(&mut bytes, body);
    debug_assert!(written.is_ok(), "{written:?}");
    with_body(status, "application/json", bytes.into())
}

fn with_body(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
