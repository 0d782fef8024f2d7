//! Choosing a backend by its load, as parts for any proxy on [Pingora](https://docs.rs/pingora).
//!
//! # What for
//!
//! A backend whose load outlives the answer (a session, a stream, a job) is badly served by counting requests, and by its
//! gauge alone too: a gauge that is half a second old sends every request of that half second to the same backend.
//! These parts read the gauge that each backend already publishes for Prometheus, and keep a ledger of what this proxy has
//! sent there since. The choice is the lowest `(estimate + request) ÷ capacity`, and it is also the reservation, so two
//! threads never fill the same gap. [`switchyard_balance`] is the arithmetic behind it.
//!
//! # The parts
//!
//! `pingora-load-balancing` divides the work among three traits. This crate implements each of them:
//!
//! | trait | part | what it does |
//! | --- | --- | --- |
//! | `ServiceDiscovery` | [`Upstreams`] | lists the backends, each with its ledger |
//! | `HealthCheck` | [`Scrape`] | reads a backend's gauge, and writes it into the ledger |
//! | `BackendSelection` | [`LeastLoad`] | chooses by the ledgers, and reserves |
//!
//! ```
//! use std::time::Duration;
//!
//! use pingora_load_balancing::{Backends, LoadBalancer};
//! use switchyard_pingora::{
//!     Gauges, LeastLoad, Load, Rule, Scrape, Upstream, Upstreams, select_and_reserve,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two backends. A capacity that is not given here is read from a gauge.
//! let backends = Upstreams::new([
//!     Upstream::new("small", "127.0.0.1:5001".parse()?, Load::new(10.0)),
//!     Upstream::new("large", "127.0.0.1:5002".parse()?, Load::new(30.0)),
//! ]);
//! let backends = Backends::new(Box::new(backends));
//! let rule = Rule::default();
//! let mut balancer = LoadBalancer::<LeastLoad>::from_backends_with_config(backends, Some(rule));
//!
//! // Their gauge, twice a second.
//! balancer.set_health_check(Box::new(Scrape::new(Gauges::new("sessions"))));
//! balancer.health_check_frequency = Some(Duration::from_millis(500));
//! balancer.parallel_health_check = true;
//!
//! // In a proxy, `background_service("scraping", balancer)` does this, and scrapes.
//! balancer.update().await?;
//!
//! // In `upstream_peer`: the choice, which reserves. Keep the reservation in your `CTX` …
//! let one = Load::new(1.0).unwrap_or_default();
//! for _ in 0..20 {
//!     let chosen = select_and_reserve(&balancer, one, |_| true);
//!     let (_backend, reservation) = chosen.ok_or("no backend has room: answer 503")?;
//!     // … and end it by the answer, in `response_filter`.
//!     reservation.booked();
//! }
//! let booked = |name| {
//!     let all = balancer.backends().get_backend();
//!     let of = |it: &&_| Upstream::of(it).is_some_and(|upstream| upstream.name() == name);
//!     let upstream = all.iter().find(of).and_then(Upstream::of);
//!     upstream.map(|it| it.ledger().estimate().units())
//! };
//! assert_eq!([booked("small"), booked("large")], [Some(5.0), Some(15.0)]);
//! # Ok(())
//! # }
//! ```
//!
//! `cargo run --example sessions` runs a complete proxy, three backends and a rush of requests in one process.
//!
//! # A reservation and its end
//!
//! The traits have no argument for the load of a request, and no call for its end. So the load goes in as the *key* of
//! a selection, and the reservation comes out in the chosen backend's `ext`; [`select_and_reserve`] does both. With
//! `select` itself, use [`key()`] and [`reservation()`].
//!
//! | what happened | call |
//! | --- | --- |
//! | the backend has taken the load | [`Reservation::booked`] |
//! | it has certainly not: no connection, a refusal | [`Reservation::cancel`] |
//! | unknown: a timeout, a broken connection | [`Reservation::unknown`], or drop it |
//!
//! Only the gauge can show what became of an unknown one, so it counts until the next sample says otherwise. Where a load
//! ends with its answer, set [`Rule::lasts`] to [`Lasts::Answer`] and call `booked` when the answer has ended.
//!
//! # How the ledgers survive
//!
//! A ledger must outlive every rebuild of a selection, and all three parts must find the same one. Pingora passes a
//! [`Backend`](pingora_load_balancing::Backend) to each of them, so the backend carries it, in an [`Upstream`] in its
//! `ext`. The discovery makes each upstream once and puts the same one into every list of backends.
//!
//! # What it does not do
//!
//! - Pingora's rounds of health checks are the scrapes: they have no jitter, and a round ends with its slowest scrape.
//! - Several proxies with these parts each fill a gap until their gauges show it. The proxy Switchyard, which these parts
//!   come from, shares gaps among proxies.

mod discovery;
mod gauges;
mod key;
mod reservation;
mod reserve;
mod scrape;
mod selection;
mod upstream;

pub use discovery::Upstreams;
pub use gauges::Gauges;
pub use key::key;
pub use reservation::reservation;
pub use reserve::select_and_reserve;
pub use scrape::Scrape;
pub use selection::{Iter, LeastLoad, Rule};
pub use switchyard_balance::{Lasts, Ledger, Load, Policy, Reservation};
pub use switchyard_gauge::exposition::{Aggregate, Wanted};
pub use upstream::Upstream;
