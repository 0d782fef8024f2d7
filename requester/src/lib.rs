//! The load generator: it sends charge requests at times that are fixed beforehand, and reports how
//! late each answer came, counted from the time at which the request was *due*.
//!
//! It is an open loop. A generator that waits for an answer before it sends the next request slows
//! down with its target. It then reports the few answers that it saw, all of them quick:
//! coordinated omission. Cars do not wait for each other, so neither does this generator. Whatever
//! the target does, the same seed sends the same requests at the same times, and a stall shows in
//! every request that met it. When the generator itself is late, the report says so.
//!
//! Every offered request ends in exactly one way: answered, not connected, broken off, timed out,
//! not sent. A [`Report`] whose sum is wrong is never returned.
//!
//! The parts, in the order in which a request meets them:
//!
//! - [`ArrivalTimes`] and [`Cars`] turn a [`Curve`] and a seed into the list of offers. They are
//!   pure.
//! - `run` sends each offer when it is due, with a timer finer than a millisecond.
//! - `pool` hands it to a free worker; `connection` is the worker's keep-alive connection.
//! - `tally` counts how it ended. Meanwhile `watch` reads the metrics of the substations and the
//!   proxy.
//! - [`Report`] is the result: as JSON, as a [`Summary`] for a terminal, as a page ([`Html`]).
//!   [`Check`] judges it.
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
        reason = "a seed yields exact values, and the tests insist on them"
    )
)]

mod access;
mod answer;
mod arrivals;
mod build_report;
mod check;
mod client;
mod connection;
mod cpu;
mod error;
mod format;
mod histogram;
mod html;
mod job;
mod labels;
mod number;
mod offer;
mod options;
mod output;
mod pool;
mod profile;
mod progress;
mod progress_view;
mod report;
mod run;
mod summary;
mod tally;
mod target;
mod timeline_counts;
mod timer;
mod unplug;
mod vehicle;
mod watch;

pub use access::{Access, AccessFiles};
pub use arrivals::{ArrivalTimes, Arrivals, Curve, Piece};
pub use check::{Check, CheckError};
pub use error::{Error, TargetError, UnknownName};
pub use format::grouped;
pub use html::Html;
pub use labels::{Label, Labels};
pub use offer::{Offer, ReplayError, read_csv, write_csv};
pub use options::{BaseLoad, Load, Options, Watch, WatchedFeeder};
pub use output::Output;
pub use profile::{Hours, LogNormal, Profile};
pub use progress::{Progress, SubstationProgress};
pub use progress_view::ProgressView;
pub use report::{
    Connections, Counters, CurvePoint, EnergyKwh, Errors, FeederLoad, Grid, LabelCounts,
    LabelReport, Latency, LatencyOfAll, MalformedCount, Moment, Peak, ProxyCounters, Report,
    Samples, Share, StationCounters, StationLoad, Tester, Timeline, Unplugged, Verdict, Volume,
};
pub use run::run;
pub use summary::Summary;
pub use target::Target;
pub use vehicle::{Cars, Energy, Malformed, Powers, Vehicle};
