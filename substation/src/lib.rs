//! The simulated charging substation: it books charge sessions up to its capacity, holds their load for
//! as long as a car would charge, and publishes that load as a Prometheus gauge.
//!
//! It stands in for a real substation behind the proxy, so it must be *correct*: the gauge already counts a
//! session when its response leaves, the load is the exact sum of the running sessions, and a refused,
//! malformed or broken request leaves no trace in it. All of that is in one place, the session book (`book`),
//! which is pure: time is an argument, and it uses no socket, task or timer. The rest translates between the
//! book and HTTP.
//!
//! Benchmarks run against it too, with fleets of a thousand in one process. So a substation owns no thread
//! and no timer, only a listener and its book.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use substation::{Config, Substation};
//!
//! let substation = Substation::new(Config::new("substation1", 500.0))?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! substation::run(substation.clone(), listener, std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::float_cmp,
        reason = "loads are exact, and the tests check that"
    )
)]

mod body;
mod book;
mod charge;
mod config;
mod error;
mod idempotency;
mod ids;
mod journal;
mod load_report;
mod metrics;
mod pace;
mod problem;
mod process_metrics;
mod report_format;
mod response;
mod routes;
mod server;
mod session;
mod substation;
mod tls;
mod units;

pub use config::Config;
pub use error::ConfigError;
pub use report_format::ReportFormat;
pub use server::{run, run_tls};
pub use substation::Substation;
pub use tls::{TlsError, tls};
