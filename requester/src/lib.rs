//! The load tester: it offers charge requests at times that it decides beforehand, and says how late each
//! answer came, counted from the time at which the request was *meant* to leave.
//!
//! It is an open loop. A tester that waits for an answer before it sends the next request slows down with
//! its target and then reports the few answers that it saw, all of them quick; that is called coordinated
//! omission. Cars do not wait for each other, so neither does this: whatever the target does, the same
//! requests leave at the same times for the same `seed`, and a stall shows in every request that met it.
//! When the tester itself is late, it says so.
//!
//! Every offered request ends as exactly one of: answered, not connected, broken off, timed out, not sent.
//! A [`Report`] whose sum is wrong is not given out.
//!
//! The parts, in the order in which a request meets them:
//!
//! - [`ArrivalTimes`] and [`Powers`] make an endless-looking list of offers from a seed. They are pure.
//! - `run` sends each offer when it is due, by a timer finer than a millisecond.
//! - `pool` hands it to the connection that was used last; `link` is one such keep-alive connection.
//! - `tally` counts how it ended, `report` says it.
//!
//! ```no_run
//! # async fn example() -> Result<(), requester::Error> {
//! use requester::{Steady, Summary};
//!
//! let mut steady = Steady::new("http://127.0.0.1:8080".parse()?);
//! steady.rate = 500.0;
//! let report = requester::run(steady, |_| {}, std::future::pending()).await?;
//! println!("{}", Summary(&report));
//! # Ok(())
//! # }
//! ```

#![cfg_attr(
    test,
    allow(
        clippy::float_cmp,
        reason = "what a seed yields is exact, and the tests insist on it"
    )
)]

mod answer;
mod arrivals;
mod error;
mod link;
mod number;
mod offer;
mod options;
mod pool;
mod progress;
mod report;
mod run;
mod summary;
mod tally;
mod target;
mod timer;
mod vehicle;

pub use arrivals::{ArrivalTimes, Arrivals};
pub use error::{Error, TargetError};
pub use options::Steady;
pub use progress::Progress;
pub use report::{Connections, Errors, Latency, Report, Share, Volume};
pub use run::run;
pub use summary::Summary;
pub use target::Target;
pub use vehicle::{Powers, Vehicle};
