//! The error table: every way a request can fail, what the client is told, and what it can do about it.

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
    /// The chosen substation broke off, and asking another was not safe.
    SubstationFailed,
    /// No substation has room.
    NoCapacity,
    /// No substation is usable.
    NoSubstation,
    /// More client connections than `limits.connections`.
    Overloaded,
    /// No answer within `timeouts.request`.
    DeadlineExceeded,
}

impl Code {
    /// As clients and metrics see it.
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
            Self::SubstationFailed => 502,
            Self::NoCapacity | Self::NoSubstation | Self::Overloaded => 503,
            Self::DeadlineExceeded => 504,
        }
    }

    /// What it counts as.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::InvalidRequest
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::BodyTooLarge => Outcome::Invalid,
            Self::NoCapacity | Self::NoSubstation | Self::Overloaded => Outcome::Refused,
            Self::SubstationFailed | Self::DeadlineExceeded => Outcome::Failed,
        }
    }

    /// Whether trying again later can help: then the answer says when.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        self.status() == 503
    }

    /// Whether the rest of the request can't be told from the next one: then the connection ends.
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
    /// Which one.
    pub code: Code,
    /// What happened and what to do about it.
    pub message: String,
    /// The connection can't be used for another request.
    pub close: bool,
    /// The methods that the path takes, where the one that came is none of them.
    pub allow: Option<&'static str>,
    /// Seconds until there will be room, as far as that is known. What the client is told is decided with the reply.
    pub room_in: Option<u32>,
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
            room_in: None,
        }
    }

    /// The path takes `allow`, and another method came.
    #[must_use]
    pub fn method_not_allowed(path: &str, method: &http::Method, allow: &'static str) -> Self {
        let message = format!("{path} takes {allow}, not {method}");
        Self {
            allow: Some(allow),
            ..Self::new(Code::MethodNotAllowed, message)
        }
    }

    /// The same, and the connection ends with it.
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
        }
        let error = Inner {
            code: self.code.name(),
            message: &self.message,
            request_id,
        };
        serde_json::to_vec(&Body { error }).unwrap_or_default()
    }
}
