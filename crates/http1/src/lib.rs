//! HTTP/1.1 without I/O: what the proxy reads from and writes to a connection, as bytes in memory.
//!
//! Towards a substation, [`encode_request`] writes a request from parsed parts and the [`Decoder`] reads the answer.
//! Towards a client, [`IncomingDecoder`] reads any request, [`WholeRequest`] finds the usual one faster, [`Head`] gives
//! access to the headers, and [`forwarded()`] selects those that the substation receives. Everything that two readers could understand differently is refused:
//! on a connection that is used again, the disputed bytes would become the answer to another client's request.
//!
//! The crate knows no socket, substation or configuration, so it can be fuzzed and compared with hyper byte by byte.

mod authority;
mod authorization;
mod decoder;
mod forwarded;
mod headers;
mod hop_by_hop;
mod incoming;
mod request;
mod whole_request;

pub use authority::Authority;
pub use authorization::bearer;
pub use decoder::{Answer, Decoded, Decoder, KnownHead, Limits, Malformed};
pub use forwarded::{Origin, forwarded};
pub use headers::{Head, HeaderSpan};
pub use hop_by_hop::{is_counted_on, nominates};
pub use incoming::{
    BodyDecoder, BodyParts, Expectation, FaultKind, IncomingBody, IncomingDecoder, IncomingRequest,
    LONGEST_LINE, MOST_HEADERS, Part, RequestFault,
};
pub use request::{RequestHead, Unencodable, check_field, encode_request};
pub use whole_request::{RequestLimits, WholeRequest};
