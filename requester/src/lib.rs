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
//! - [`ArrivalTimes`] and [`Cars`] make the list of offers from a [`Curve`] and a seed. They are pure.
//! - `run` sends each offer when it is due, by a timer finer than a millisecond.
//! - `pool` hands it to a connection that is free; `link` is one such keep-alive connection.
//! - `tally` counts how it ended, `watch` reads meanwhile what the substations and the proxy say.
//! - [`Report`] says it: as JSON, as a [`Summary`] for a terminal, as a page ([`Html`]); [`Check`] judges it.
//!
//! ```no_run
//! # async fn example() -> Result<(), requester::Error> {
//! use std::time::Duration;
//!
//! use requester::{Curve, Hours, Load, Options, Profile, Summary};
//!
//! let day = Duration::from_mins(10);
//! let load = Load::Curve(Profile::Home.curve(100_000.0, Hours::DAY, day)?);
//! let options = Options::new("http://127.0.0.1:8080".parse()?, load);
//! let report = requester::run(options, |_| {}, std::future::pending()).await?;
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
mod caller;
mod check;
mod cpu;
mod error;
mod face;
mod link;
mod number;
mod offer;
mod options;
mod output;
mod pool;
mod progress;
mod report;
mod run;
mod summary;
mod tally;
mod target;
mod timeline;
mod timer;
mod unplug;
mod vehicle;
mod watch;

pub use arrivals::{ArrivalTimes, Arrivals, Curve, Hours, Piece, Profile};
pub use check::{Check, CheckError, Verdict};
pub use error::{Error, TargetError};
pub use face::Face;
pub use number::grouped;
pub use offer::{Offer, ReplayError, read_csv, write_csv};
pub use options::{Load, Options, Watch};
pub use output::Output;
pub use progress::{Progress, Station};
pub use report::{
    Connections, Counters, CurvePoint, EnergyKwh, Errors, Grid, Html, Latency, MalformedCount,
    Moment, Peak, ProxyCounters, Report, Samples, Share, StationCounters, StationLoad, Tester,
    Timeline, Unplugged, Volume,
};
pub use run::run;
pub use summary::Summary;
pub use target::Target;
pub use vehicle::{Cars, Energy, LogNormal, Malformed, Powers, Vehicle};
