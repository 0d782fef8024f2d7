//! The proxy's TLS certificate and the operators' token.
//!
//! Both come from files that a configuration names, as `switchyard_credentials` reads them. They are read at the start and again while the proxy runs:
//! [`Credentials`] replaces them together or not at all. [`Certificates`] does the handshake with a client, and
//! [`TlsConnection`] is the connection after it, as Pingora's sessions take it. [`Token`] checks an operator's token.

mod bounded;
mod certificates;
mod connection;
mod credentials;
mod layer;
mod metrics;
mod token;

pub use certificates::Certificates;
pub use connection::TlsConnection;
pub use credentials::{Credentials, trust_files};
pub use metrics::{Handshake, TlsMetrics};
pub use token::{Token, Unauthorized};
