//! HTTP/1.1 without I/O: what the proxy reads from and writes to a connection, as bytes in memory.
//!
//! Two sides meet here. Towards a substation, [`encode_request`] writes a request from parsed parts and the [`Decoder`]
//! reads the answer. Towards a client, [`Head`] shows a request's headers, whichever parser found them, and [`forwarded`]
//! says which of them go on. Everything that two readers could understand differently is refused: on a connection that
//! is used again, the bytes in dispute would become the answer to somebody else's request.
//!
//! Nothing here knows a socket, a substation or a configuration, so all of it is fuzzed and compared with hyper byte by
//! byte.

mod decoder;
mod forwarded;
mod headers;
mod hop_by_hop;
mod request;
mod whole_request;

pub use decoder::{Answer, Decoded, Decoder, Limits, Malformed, decimal, end_of_head};
pub use forwarded::forwarded;
pub use headers::{Head, HeaderSpan};
pub use hop_by_hop::nominates;
pub use request::{RequestHead, Unencodable, encode_request};
pub use whole_request::WholeRequest;
