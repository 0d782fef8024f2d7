//! Switchyard's data plane as a library: charge requests come in, and each goes, in one hop, to the substation that can
//! best take it.
//!
//! Rooms by what flows through them, each importing only what stands before it:
//!
//! - [`snapshot`] is what is in force; [`metrics`] and [`in_flight`] count; [`runtime`] ties these together for all
//!   threads.
//! - [`dispatch`] answers one request: choose, reserve, send, retry, reply.
//! - [`ingress`] is the client's side: connections, TLS, HTTP/1.1 and HTTP/2. It reads requests and writes replies.
//! - [`reload`] puts changes of the configuration into force; [`admin`] shows everything and decides nothing.
//! - [`server`] puts Pingora's listeners around them; [`lifecycle`] decides when it begins and how it ends.
//!
//! What they stand on are crates of their own: the ledger (`balance`), the substations (`grid`), the exchange with one of
//! them (`upstream`), the configuration, the parsers.

pub mod admin;
pub mod deadline_timer;
pub mod dispatch;
pub mod in_flight;
pub mod ingress;
pub mod lifecycle;
pub mod metrics;
pub mod reload;
pub mod runtime;
pub mod server;
pub mod snapshot;
pub mod systemd;
