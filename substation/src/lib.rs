//! The simulated charging substation: it books charge sessions up to its capacity, holds their load for
//! as long as a car would charge, and publishes that load as a Prometheus gauge.
//!
//! It stands in for the real thing on the far side of the proxy, so what matters is that it is *true*:
//! the gauge already counts a session when its answer leaves, the load is the exact sum of the running
//! sessions, and a refused, malformed or broken-off request leaves no trace in it. Everything that has to
//! be true sits in one place, the session book (`book`), which is pure: time is an argument, and no
//! socket, task or timer takes part. The rest translates between the book and HTTP.
//!
//! It is also the counterpart of benchmarks and of fleets of a thousand in one process. So a substation
//! owns no thread and no timer, only a listener and its book.
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
        reason = "loads are exact, and the tests insist on it"
    )
)]

mod answer;
mod body;
mod book;
mod charge;
mod config;
mod error;
mod ids;
mod journal;
mod keys;
mod metrics;
mod process;
mod report;
mod routes;
mod server;
mod station;
mod units;

pub use config::Config;
pub use error::ConfigError;
pub use report::ReportFormat;
pub use server::run;
pub use station::Substation;
pub use switchyard_process::{Unhealthy, healthcheck};
