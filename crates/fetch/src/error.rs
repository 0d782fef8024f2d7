//! Why there is no answer, in words for the log.

use std::{io, path::Path};

use http::{HeaderMap, Response, StatusCode, header};
use switchyard_bounded::Shown;
use switchyard_transport::Refusal;
use thiserror::Error;

/// Why there is no answer that can be used. [`std::fmt::Display`] says it, and what to do.
#[derive(Debug, Error)]
pub enum FetchError {
    /// No connection could be made.
    #[error("cannot connect: {}", why_of(_0))]
    Connect(io::Error),
    /// A file that is needed for the connection can't be used.
    #[error("{key} {file}: {rule}")]
    File {
        /// The file's key below the section of the server.
        key: String,
        /// The file as it is configured.
        file: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// The connection broke before or within the head of the answer.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// The request can't be written.
    #[error("the request is invalid: {0}")]
    Request(#[from] http::Error),
    /// The server does not let this in.
    #[error("answered {0}: {1}")]
    Unauthorized(StatusCode, &'static str),
    /// An answer with a status other than 200.
    #[error("answered {status}, not 200{}", leads_to(location.as_deref()))]
    Status {
        /// The status.
        status: StatusCode,
        /// Where a redirect leads.
        location: Option<String>,
    },
    /// The answer is compressed.
    #[error("its content-encoding is {}, and none was asked for", Shown::value(format_args!("{_0:?}")))]
    Encoded(String),
}

impl FetchError {
    pub(crate) fn file(key: &str, file: Option<&Path>, rule: String) -> Self {
        Self::File {
            key: key.to_owned(),
            file: file.map_or_else(|| "system".to_owned(), |file| file.display().to_string()),
            rule,
        }
    }

    /// What is wrong with the status of an answer; `None` if it is 200.
    #[must_use]
    pub fn of_status<B>(answer: &Response<B>) -> Option<Self> {
        let status = answer.status();
        (status != StatusCode::OK).then(|| {
            let location = answer.headers().get(header::LOCATION);
            let location = location.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
            Self::Status { status, location }
        })
    }

    /// What is wrong with the encoding of an answer with these headers, if it has one. A compressed answer could be a
    /// thousand times as large as its bytes, and none was asked for.
    #[must_use]
    pub fn of_encoding(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(header::CONTENT_ENCODING)?.as_bytes();
        let is_plain = kind.eq_ignore_ascii_case(b"identity");
        (!is_plain).then(|| Self::Encoded(String::from_utf8_lossy(kind).into_owned()))
    }
}

/// Why there is no connection: which certificate was refused, if that is why.
fn why_of(error: &io::Error) -> String {
    Refusal::of(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Redirects are not followed: an answer from elsewhere might be about other things.
fn leads_to(location: Option<&str>) -> String {
    location.map_or_else(String::new, |location| {
        let location = Shown::value(location);
        format!("; it leads to {location}, and redirects are not followed: correct the URL")
    })
}
