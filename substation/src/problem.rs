//! Refusals: a status, a code for programs, and a message that says what to do.

use std::fmt;
use std::time::Duration;

use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::body::BodyError;
use crate::book::Refusal;
use crate::charge::InvalidCharge;
use crate::response::{self, Response};
use crate::substation::{NotBooked, Substation};

/// The code of a refusal, written in `snake_case`.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum ErrorCode {
    BodyTooLarge,
    Draining,
    HeadTooLarge,
    Internal,
    InvalidRequest,
    KeyReused,
    MethodNotAllowed,
    NoCapacity,
    NotFound,
    RequestTimeout,
}

impl ErrorCode {
    /// Each code has one status.
    fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Draining | Self::NoCapacity => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct Problem {
    code: ErrorCode,
    message: String,
    allow: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl Problem {
    fn new(code: ErrorCode, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            allow: None,
            retry_after: None,
        }
    }

    pub(crate) fn not_found(message: impl fmt::Display) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format_args!("this path takes {allow}");
        Self {
            allow: Some(allow),
            ..Self::new(ErrorCode::MethodNotAllowed, message)
        }
    }

    pub(crate) fn invalid(message: impl fmt::Display) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    pub(crate) fn head_too_large(message: impl fmt::Display) -> Self {
        Self::new(ErrorCode::HeadTooLarge, message)
    }

    pub(crate) fn internal(message: impl fmt::Display) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// The response. It carries the request's own id, or a new one if the request has none.
    pub(crate) fn into_response(self, substation: &Substation, request: &HeaderMap) -> Response {
        #[derive(Serialize)]
        struct ErrorBody<'a> {
            error: Inner<'a>,
        }
        #[derive(Serialize)]
        struct Inner<'a> {
            code: ErrorCode,
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
        let mut response = response::json(self.code.status(), &ErrorBody { error });
        let headers = response.headers_mut();
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(after) = self.retry_after {
            // Rounded up: a client that comes too early is refused again.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, retry_after) = match refusal {
            Refusal::NoCapacity { room_in, .. } => (ErrorCode::NoCapacity, room_in),
            Refusal::Draining => (ErrorCode::Draining, None),
            Refusal::KeyReused => (ErrorCode::KeyReused, None),
        };
        Self {
            retry_after,
            ..Self::new(code, refusal)
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

impl From<InvalidCharge> for Problem {
    fn from(invalid: InvalidCharge) -> Self {
        Self::invalid(invalid)
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLarge => ErrorCode::BodyTooLarge,
            BodyError::TooSlow => ErrorCode::RequestTimeout,
            BodyError::Gone | BodyError::Malformed(_) => ErrorCode::InvalidRequest,
        };
        Self::new(code, error)
    }
}
