//! The error table: every way a request can fail, the status and message for the client, and whether to try again.

use std::borrow::Cow;

use serde::Serialize;
use strum::{EnumCount, IntoStaticStr, VariantArray};

use crate::Outcome;

/// The `code` of an error answer. Each stands for one status.
#[derive(Clone, Copy, Debug, EnumCount, Eq, IntoStaticStr, PartialEq, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Code {
    /// Malformed HTTP or JSON, or a number that is no load.
    InvalidRequest,
    /// No token, or a wrong one, on the admin port.
    Unauthorized,
    /// A command that a browser sent for another site.
    Forbidden,
    /// No such path.
    NotFound,
    /// The path takes another method.
    MethodNotAllowed,
    /// The client did not send its whole request in time.
    RequestTimeout,
    /// The body is over `limits.body`.
    BodyTooLarge,
    /// The request line is too long.
    TargetTooLong,
    /// The client expects something other than `100-continue`.
    ExpectationFailed,
    /// The load is above the capacity of every substation.
    TooLargeLoad,
    /// No substation has what the request needs.
    NoMatch,
    /// The `Idempotency-Key` came with another charge before.
    IdempotencyKeyReused,
    /// On the admin port: what a source orders is no limit.
    InvalidLimit,
    /// Every substation that was asked limits the client's rate.
    RateLimited,
    /// The headers are too large or too many.
    HeadTooLarge,
    /// Valid HTTP that is not implemented here.
    NotImplemented,
    /// The selected substation broke the connection, and it was not safe to send the request elsewhere.
    SubstationFailed,
    /// No substation has room.
    NoCapacity,
    /// No substation is usable.
    NoSubstation,
    /// On the admin port: the process takes no requests yet or any more, or a part of it is down.
    NotReady,
    /// What the proxies of a fleet share can't be asked now.
    StoreUnavailable,
    /// More client connections than `limits.connections`, or the proxy lacks what it needs for a connection to a
    /// substation.
    Overloaded,
    /// No answer within `timeouts.request`.
    DeadlineExceeded,
    /// A version of HTTP that is not spoken here.
    VersionNotSupported,
}

impl Code {
    /// Its name in answers and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::RequestTimeout => 408,
            Self::BodyTooLarge => 413,
            Self::TargetTooLong => 414,
            Self::ExpectationFailed => 417,
            Self::TooLargeLoad
            | Self::NoMatch
            | Self::IdempotencyKeyReused
            | Self::InvalidLimit => 422,
            Self::RateLimited => 429,
            Self::HeadTooLarge => 431,
            Self::NotImplemented => 501,
            Self::SubstationFailed => 502,
            Self::NoCapacity
            | Self::NoSubstation
            | Self::NotReady
            | Self::StoreUnavailable
            | Self::Overloaded => 503,
            Self::DeadlineExceeded => 504,
            Self::VersionNotSupported => 505,
        }
    }

    /// The outcome that it counts as.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::InvalidRequest
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::BodyTooLarge
            | Self::TargetTooLong
            | Self::ExpectationFailed
            | Self::TooLargeLoad
            | Self::NoMatch
            | Self::IdempotencyKeyReused
            | Self::InvalidLimit
            | Self::HeadTooLarge
            | Self::NotImplemented
            | Self::VersionNotSupported => Outcome::Invalid,
            Self::RateLimited
            | Self::NoCapacity
            | Self::NoSubstation
            | Self::NotReady
            | Self::StoreUnavailable
            | Self::Overloaded => Outcome::Refused,
            Self::SubstationFailed | Self::DeadlineExceeded => Outcome::Failed,
        }
    }

    /// Whether a later retry can help; the answer then has a `retry-after`.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self.status(), 429 | 503)
    }

    /// Whether the connection ends, because the rest of this request can't be separated from the next request.
    #[must_use]
    pub const fn ends_connection(self) -> bool {
        matches!(
            self,
            Self::RequestTimeout | Self::BodyTooLarge | Self::Overloaded
        )
    }
}

/// An error on its way to the client.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The code.
    pub code: Code,
    /// What happened and what to do about it.
    pub message: String,
    /// Whether the connection must close.
    pub close: bool,
    /// The methods that the path accepts, for 405.
    pub allow: Option<Cow<'static, str>>,
    /// What is known of when a retry can help. The reply decides what `retry-after` says.
    pub retry: Retry,
    /// The sign of the substation that holds the request's key, and may have booked: `x-possible-holder`.
    pub possible_holder: Option<u64>,
    /// What programs read of the failure, beyond its code. Few failures have it, so it is boxed.
    pub detail: Option<Box<Detail>>,
}

/// What a failure is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Detail {
    /// The feeder or substation whose limit leaves no room: `limit`.
    Limit(String),
    /// What no substation has: `label` and `value`.
    Unmatched {
        /// The label, as configured.
        label: String,
        /// The value that the request needs.
        value: String,
    },
}

/// When a retry can help.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Retry {
    /// Soon: nothing better is known.
    #[default]
    Soon,
    /// After so many seconds, for every client alike.
    After(u32),
    /// When there will be room, in so many seconds; clients that are refused together come back apart.
    RoomIn(u32),
}

impl Failure {
    /// An error with its message.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            close: code.ends_connection(),
            allow: None,
            retry: Retry::Soon,
            possible_holder: None,
            detail: None,
        }
    }

    /// The path accepts `allow`, and the request has another method.
    #[must_use]
    pub fn method_not_allowed(
        path: &str,
        method: impl std::fmt::Display,
        allow: impl Into<Cow<'static, str>>,
    ) -> Self {
        let allow = allow.into();
        let message = format!("{path} takes {allow}, not {method}");
        Self {
            allow: Some(allow),
            ..Self::new(Code::MethodNotAllowed, message)
        }
    }

    /// The same failure, which is about that.
    #[must_use]
    pub fn about(mut self, detail: Detail) -> Self {
        self.detail = Some(Box::new(detail));
        self
    }

    /// The same failure, but the connection closes after it.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// The body of the answer.
    #[must_use]
    pub fn to_json(&self, request_id: &str) -> Vec<u8> {
        #[derive(Serialize)]
        struct Body<'a> {
            error: Inner<'a>,
        }
        #[derive(Serialize)]
        struct Inner<'a> {
            code: &'a str,
            message: &'a str,
            request_id: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            limit: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            label: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            value: Option<&'a str>,
        }
        let (limit, label, value) = match self.detail.as_deref() {
            Some(Detail::Limit(name)) => (Some(name.as_str()), None, None),
            Some(Detail::Unmatched { label, value }) => {
                (None, Some(label.as_str()), Some(value.as_str()))
            }
            None => (None, None, None),
        };
        let error = Inner {
            code: self.code.name(),
            message: &self.message,
            request_id,
            limit,
            label,
            value,
        };
        serde_json::to_vec(&Body { error }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(failure: &Failure) -> String {
        String::from_utf8(failure.to_json("r1")).unwrap()
    }

    #[test]
    fn a_body_has_what_is_known_and_no_other_field() {
        assert_eq!(
            body(&Failure::new(Code::NoCapacity, "full")),
            r#"{"error":{"code":"no_capacity","message":"full","request_id":"r1"}}"#
        );
        let full = Failure::new(Code::NoCapacity, "full").about(Detail::Limit("feeder7".into()));
        assert_eq!(
            body(&full),
            r#"{"error":{"code":"no_capacity","message":"full","request_id":"r1","limit":"feeder7"}}"#
        );
        let unmatched = Failure::new(Code::NoMatch, "none").about(Detail::Unmatched {
            label: "zone".into(),
            value: "b".into(),
        });
        assert_eq!(
            body(&unmatched),
            r#"{"error":{"code":"no_match","message":"none","request_id":"r1","label":"zone","value":"b"}}"#
        );
    }
}
