//! Reads the load that a server reports: on a metrics page ([`exposition`]) or in a header of an answer ([`orca`]).
//!
//! # Why another parser
//!
//! A load balancer needs one or two numbers from a page of hundreds, several times a second and for every server. Both
//! readers look for the wanted names, build no tree and allocate nothing. Both follow one rule: a **wrong number is worse
//! than no number**. A value that can't be read with certainty is reported as such and never as zero.
//!
//! # A metrics page
//!
//! Prometheus text 0.0.4 and OpenMetrics 1.0:
//!
//! ```
//! use switchyard_gauge::exposition::{Aggregate, Found, Wanted, scan};
//!
//! let page = br#"# TYPE sessions gauge
//! sessions{zone="a"} 12
//! sessions{zone="b"} 30
//! sessions_max 100
//! "#;
//! let in_a = Wanted::new("sessions", [("zone".to_owned(), true, "a".to_owned())]);
//! let all = Wanted::from("sessions").aggregated(Aggregate::Sum);
//! let most = Wanted::from("sessions_max");
//! let [in_a, all, most] = scan(page, true, [&in_a, &all, &most]);
//! assert_eq!([in_a, all, most], [Found::One(12.0), Found::One(42.0), Found::One(100.0)]);
//!
//! // Two series match, and nothing says how to combine them.
//! assert_eq!(scan(page, true, [&Wanted::from("sessions")]), [Found::Ambiguous(2)]);
//!
//! // A page that may have been cut: 100 could be the beginning of a longer number.
//! let cut = page.trim_ascii_end();
//! assert_eq!(scan(cut, false, [&Wanted::from("sessions_max")]), [Found::Missing]);
//! ```
//!
//! A page that comes in parts is read by [`exposition::PartialScan`], so that a page of megabytes is never in memory as a
//! whole.
//!
//! # A header
//!
//! ```
//! use switchyard_gauge::orca::{Report, read};
//!
//! let value = b"TEXT named_metrics.sessions=12, named_metrics.sessions_max=100";
//! let report = Report { load: 12.0, capacity: Some(100.0) };
//! assert_eq!(read(value, "sessions", "sessions_max"), Ok(report));
//! ```

pub mod exposition;
pub mod orca;
/// A second, slow parser that tests and fuzz targets compare the scan with.
#[cfg(any(test, feature = "_reference"))]
#[doc(hidden)]
#[allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "only tests use it, and they fail by panicking"
)]
pub mod reference;
