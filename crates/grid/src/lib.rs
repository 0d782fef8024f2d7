//! The substations as the proxy knows them: who is there, what their gauges said, how they are doing.
//!
//! One direction of writing: only this room changes a substation. The way of a request reads it, reserves
//! through the ledger and reports how an exchange went; the admin port reads, and passes an operator's word on.
//!
//! A [`Grid`] is made from one configuration and never changes; the next configuration makes the next one
//! ([`Grid::rebuild`]), of the same substations where they stay.

mod choice;
mod clock;
mod departed;
mod fleet_counts;
mod gauges;
mod grid;
mod members;
mod metrics;
mod names;
mod outcomes;
mod outlier_detection;
mod rebuild;
mod refusals;
mod report;
mod rotation;
mod rotation_state;
mod scraper;
mod shared_state;
mod state;
mod substation;
mod view;
mod visibility;

pub use choice::ChoiceMetrics;
pub use clock::{Clock, Moment};
pub use departed::Departed;
pub use gauges::GridGauges;
pub use grid::Grid;
pub use metrics::{GridMetrics, SubstationMetrics};
pub use names::Names;
pub use outcomes::{ReportOutcome, UpstreamOutcome};
pub use outlier_detection::{EjectionCause, ExchangeVerdict, HealthChange, OutlierDetector, Stage};
pub use report::Reports;
pub use rotation::{Closed, Trial};
pub use rotation_state::RotationView;
pub use scraper::Scraper;
pub use state::SubstationState;
pub use substation::{Id, Substation};
pub use view::SubstationView;
