//! Why a client's request is refused before anything is known of what it asks for.

use crate::decoder::Malformed;

/// What is wrong with a request. The connection ends after all of them: where the request ends is not certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    /// The connection was closed inside the request.
    #[error("the connection was closed in the middle of the request")]
    Truncated,
    /// Not `method target version`, with one blank between them.
    #[error("the request line is not a method, a target and a version with one blank between them")]
    RequestLine,
    /// A version that is no `HTTP/digit.digit`.
    #[error("the request line does not end in a version such as HTTP/1.1")]
    VersionForm,
    /// A version of HTTP that is not spoken here.
    #[error("this version of HTTP is not spoken here in this form; use HTTP/1.1 or HTTP/1.0")]
    Version,
    /// The first bytes of HTTP/2, where HTTP/1.1 is spoken.
    #[error(
        "this is how HTTP/2 begins, and here HTTP/1.1 is spoken; without TLS, HTTP/2 needs http2.cleartext"
    )]
    Preface,
    /// A request line larger than its limit.
    #[error("the request line is larger than {0} bytes")]
    TargetTooLong(usize),
    /// A control character, a blank or a character beyond ASCII in the target.
    #[error("the target has a character that must be percent-encoded")]
    TargetCharacter,
    /// A `#` in the target: a fragment stays with the client.
    #[error("the target has a fragment ('#'); leave it out")]
    Fragment,
    /// A target that is no path and no `http` or `https` URL.
    #[error(
        "the target is neither a path that begins with '/' nor a URL that begins with http:// or https://"
    )]
    Target,
    /// A URL as the target, whose host or port is invalid.
    #[error("the target's host is not a name or an address with an optional port")]
    TargetHost,
    /// `CONNECT`, which asks for a tunnel.
    #[error("CONNECT is not implemented: this is not a tunnel")]
    Tunnel,
    /// No `Host` in HTTP/1.1.
    #[error("an HTTP/1.1 request needs a Host header")]
    NoHost,
    /// More than one `Host`.
    #[error("there is more than one Host header")]
    RepeatedHost,
    /// A `Host` that is no name or address with an optional port.
    #[error(
        "the Host header is not a name or an address with an optional port, as in example.com:8080 or [::1]:8080"
    )]
    Host,
    /// A `Host` that contradicts the target.
    #[error("the Host header names another host or port than the target")]
    OtherHost,
    /// A `Connection` that names a header which is for every recipient.
    #[error(
        "the Connection header names a header that the proxy counts on, such as Idempotency-Key; it can't be left out on the way"
    )]
    ConnectionOption,
    /// A header name that is not a token, or not directly followed by a colon.
    #[error("a header name is not a token that is directly followed by a colon")]
    HeaderName,
    /// A header value with a control character.
    #[error("a header value has a control character")]
    HeaderValue,
    /// A line that ends without a carriage return.
    #[error("a line ends in a bare line feed; lines end in CR LF")]
    BareLineFeed,
    /// A header continued on a second line.
    #[error("a header line begins with a blank; headers can't be folded")]
    FoldedHeader,
    /// More headers than the limit.
    #[error("there are more than {} headers", super::MOST_HEADERS)]
    TooManyHeaders,
    /// Request line and headers larger than their limit.
    #[error("the headers are larger than {0} bytes together")]
    HeadTooLarge(usize),
    /// More than one `Content-Length`, even with the same number.
    #[error("there is more than one Content-Length")]
    RepeatedContentLength,
    /// A `Content-Length` that is not digits only.
    #[error("the Content-Length is not a number in digits")]
    ContentLength,
    /// `Content-Length` and `Transfer-Encoding` in one head.
    #[error("there are both a Content-Length and a Transfer-Encoding")]
    TwoFramings,
    /// A `Transfer-Encoding` whose last coding is not a single `chunked`: where the body ends is unknown.
    #[error(
        "the Transfer-Encoding does not end in a single chunked, so the end of the body is unknown"
    )]
    TransferEncoding,
    /// A `Transfer-Encoding` that applies another coding before `chunked`.
    #[error("a Transfer-Encoding other than chunked is not implemented")]
    TransferCoding,
    /// A `Transfer-Encoding` in HTTP/1.0, which does not define it.
    #[error("there is a Transfer-Encoding in HTTP/1.0")]
    TransferEncodingInHttp10,
    /// A body larger than its limit.
    #[error("the body is larger than its limit")]
    BodyTooLarge,
    /// Trailers larger than the limit of a head, or too many.
    #[error("the trailers are too large or too many")]
    TrailersTooLarge,
    /// Chunks that are no chunks.
    #[error("the chunked body is malformed: {0}")]
    Chunks(Malformed),
}

/// What a fault means for the client: each has one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The bytes are no HTTP request (400).
    Malformed,
    /// The body is larger than its limit (413).
    BodyTooLarge,
    /// The request line is larger than its limit (414).
    TargetTooLong,
    /// The headers are larger or more than their limit (431).
    HeadTooLarge,
    /// Valid HTTP that is not implemented here (501).
    NotImplemented,
    /// Another version of HTTP (505).
    Version,
}

impl RequestFault {
    /// What it means for the client.
    #[must_use]
    pub const fn kind(self) -> FaultKind {
        match self {
            Self::BodyTooLarge => FaultKind::BodyTooLarge,
            Self::TargetTooLong(_) => FaultKind::TargetTooLong,
            Self::TooManyHeaders | Self::HeadTooLarge(_) | Self::TrailersTooLarge => {
                FaultKind::HeadTooLarge
            }
            Self::TransferCoding | Self::Tunnel => FaultKind::NotImplemented,
            Self::Version => FaultKind::Version,
            _ => FaultKind::Malformed,
        }
    }

    /// A fault of the lines of a head of at most `limit` bytes.
    pub(super) const fn of_head(fault: Malformed, limit: usize) -> Self {
        match fault {
            Malformed::BareLineFeed => Self::BareLineFeed,
            Malformed::FoldedHeader => Self::FoldedHeader,
            Malformed::TooManyHeaders => Self::TooManyHeaders,
            Malformed::HeadTooLarge => Self::HeadTooLarge(limit),
            Malformed::HeaderValue => Self::HeaderValue,
            _ => Self::HeaderName,
        }
    }

    /// A fault of a chunked body.
    pub(super) const fn of_chunks(fault: Malformed) -> Self {
        match fault {
            Malformed::BodyTooLarge => Self::BodyTooLarge,
            Malformed::TrailersTooLarge | Malformed::TooManyHeaders => Self::TrailersTooLarge,
            fault => Self::Chunks(fault),
        }
    }
}
