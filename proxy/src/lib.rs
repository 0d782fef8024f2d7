//! Switchyard's data plane as a library: it sends each charge request, in one hop, to the substation that can best take
//! it.
//!
//! Its modules, each importing only those listed before it:
//!
//! - [`snapshot`] holds the configuration in force and its grid; [`metrics`] and [`in_flight`] count; [`fleet`] is the
//!   door to what several proxies share; [`limits`] come and go; [`traces`] leave; [`runtime`] is these six, shared by all threads.
//! - [`dispatch`] answers one request: choose, reserve, send, retry, reply.
//! - [`ingress`] is the client's side: connections, TLS, HTTP/1.1 and HTTP/2. It reads requests and writes replies.
//! - [`reload`] puts changes of the configuration into force; [`admin`] shows the state and takes commands.
//! - [`carried`] is what the process leaves to the next one.
//! - [`server`] runs all of it: listeners and threads; [`lifecycle`] decides when serving starts and how it stops.
//!
//! Their foundations are crates of their own: the ledger (`balance`), the substations (`grid`), the exchange with one
//! substation (`upstream`), the configuration and the parsers.

mod access_log;
pub mod admin;
mod buffered;
pub mod carried;
mod client_connection;
pub mod client_shares;
mod client_stream;
mod client_watch;
pub mod deadline_timer;
pub mod dispatch;
pub mod fleet;
pub mod in_charge;
pub mod in_flight;
pub mod ingress;
pub mod lifecycle;
pub mod limits;
mod log_filter;
pub mod metrics;
pub mod reload;
pub mod runtime;
pub mod server;
pub mod snapshot;
mod spare_buffers;
mod stream_client;
mod streams;
mod sync;
pub mod systemd;
pub mod traces;

pub use log_filter::log_filter;
