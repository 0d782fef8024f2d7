//! Why an answer is refused.

/// The reason why a substation's answer is refused. Its connection must not be used again.
///
/// None of these means that a charge was not booked: the request had been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The connection was closed before the first byte, as happens after it was idle for too long.
    #[error("the connection was closed without an answer")]
    NoAnswer,
    /// The connection was closed inside the answer.
    #[error("the connection was closed in the middle of the answer")]
    Truncated,
    /// Not a status line of HTTP/1.0 or HTTP/1.1.
    #[error("the answer does not begin with HTTP/1.0 or HTTP/1.1")]
    NotHttp1,
    /// A status line that is not `version code [reason]`, or a code below 100.
    #[error("the status line is invalid")]
    StatusLine,
    /// A header name that is not a token, or not followed by a colon.
    #[error("a header name is invalid")]
    HeaderName,
    /// A header value with a control character.
    #[error("a header value is invalid")]
    HeaderValue,
    /// A line that ends without a carriage return.
    #[error("a line ends in a bare line feed")]
    BareLineFeed,
    /// A header continued on a second line.
    #[error("a header is folded over two lines")]
    FoldedHeader,
    /// More headers than the limit.
    #[error("there are more than {} headers", super::MAX_HEADERS)]
    TooManyHeaders,
    /// Status line and headers larger than their limit.
    #[error("the head is larger than its limit")]
    HeadTooLarge,
    /// The body larger than its limit.
    #[error("the body is larger than its limit")]
    BodyTooLarge,
    /// `101`, which was never requested: the bytes that follow would not be HTTP.
    #[error("the substation switched protocols")]
    SwitchedProtocols,
    /// More interim answers than the limit.
    #[error("there are more than {} interim answers", super::MAX_INTERIM)]
    TooManyInterim,
    /// A `1xx` with a body, which HTTP does not allow.
    #[error("an interim answer announces a body")]
    InterimWithBody,
    /// More than one `Content-Length`, even with the same number.
    #[error("there is more than one content-length")]
    RepeatedContentLength,
    /// A `Content-Length` that is not digits only, or needs more than 64 bits.
    #[error("the content-length is not a number")]
    ContentLength,
    /// `Content-Length` and `Transfer-Encoding` in one head.
    #[error("there are both a content-length and a transfer-encoding")]
    TwoFramings,
    /// A `Transfer-Encoding` that is not exactly `chunked`.
    #[error("the transfer-encoding is not exactly chunked")]
    TransferEncoding,
    /// A `Transfer-Encoding` in HTTP/1.0, which does not define it.
    #[error("there is a transfer-encoding in HTTP/1.0")]
    TransferEncodingInHttp10,
    /// A chunk size that is not one to sixteen hexadecimal digits.
    #[error("a chunk size is invalid")]
    ChunkSize,
    /// A chunk extension with a control character.
    #[error("a chunk extension is invalid")]
    ChunkExtension,
    /// Chunk extensions larger than the limit of a head.
    #[error("the chunk extensions are larger than their limit")]
    ChunkExtensionsTooLarge,
    /// Anything but CR LF after a chunk's data.
    #[error("a chunk is longer than its size")]
    ChunkEnd,
    /// Trailers larger than the limit of a head.
    #[error("the trailers are larger than their limit")]
    TrailersTooLarge,
}

impl Malformed {
    /// Whether the answer is only larger than a limit.
    #[must_use]
    pub const fn is_oversize(self) -> bool {
        matches!(
            self,
            Self::TooManyHeaders
                | Self::HeadTooLarge
                | Self::BodyTooLarge
                | Self::ChunkExtensionsTooLarge
                | Self::TrailersTooLarge
        )
    }
}

impl From<httparse::Error> for Malformed {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::HeaderName => Self::HeaderName,
            httparse::Error::HeaderValue | httparse::Error::NewLine => Self::HeaderValue,
            httparse::Error::Status | httparse::Error::Token => Self::StatusLine,
            httparse::Error::TooManyHeaders => Self::TooManyHeaders,
            httparse::Error::Version => Self::NotHttp1,
        }
    }
}
