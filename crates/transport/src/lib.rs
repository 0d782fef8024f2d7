//! Connections to servers, plain or with TLS.
//!
//! - [`Transport`] is how one server is reached. It makes [`Stream`]s, and may change while connections are open.
//! - [`Trust`] is what TLS connections believe and show: authorities, and a certificate of one's own. It is read from
//!   files as a [`Belief`], and replaced while it is used.
//! - [`Refusal`] says why a handshake failed: which certificate, why, and what to do.
//!
//! A plain connection is a socket and nothing else: no box, no dynamic call, no look at what TLS would need.
//!
//! Certificates and names are judged by `rustls` with `webpki`, by a clock that is the system's. Nothing can switch
//! that off.

mod alert;
mod belief;
mod changes;
mod marks;
mod presented;
mod refusal;
mod sessions;
mod stream;
mod tls_stream;
mod transport;
mod trust;
mod verifier;

pub use belief::{Belief, TrustFiles, Unreadable, Which};
pub use changes::changes;
pub use refusal::{Reason, Refusal};
pub use stream::Stream;
pub use tls_stream::TlsStream;
pub use transport::{BadName, Transport};
pub use trust::Trust;

#[cfg(test)]
mod tests;
