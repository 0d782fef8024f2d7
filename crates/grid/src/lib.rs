//! The substations as the proxy knows them: who is there, what their gauges said, how they are doing.
//!
//! One direction of writing: only this room changes a substation. The way of a request reads it, reserves
//! through the ledger and reports how an exchange went; the admin port reads, and passes an operator's word on.
//!
//! A [`Grid`] is made from one configuration and never changes; the next configuration makes the next one
//! ([`Grid::succeed`]), of the same substations where they stay.

mod choice;
mod clock;
mod common;
mod condition;
mod departed;
mod gauges;
mod grid;
mod health;
mod members;
mod metrics;
mod names;
mod outcomes;
mod refusals;
mod report;
mod rotation;
mod scraper;
mod state;
mod substation;
mod succession;
mod view;
mod visibility;

pub use choice::ChoiceMetrics;
pub use clock::{Clock, Moment};
pub use condition::View;
pub use departed::Departed;
pub use gauges::GridGauges;
pub use grid::Grid;
pub use health::{Cause, Change, Health, Stage, Verdict};
pub use metrics::{GridMetrics, SubstationMetrics};
pub use names::Names;
pub use outcomes::{ReportOutcome, UpstreamOutcome};
pub use report::Reports;
pub use rotation::{Closed, Trial};
pub use scraper::Scraper;
pub use state::State;
pub use substation::{Id, Substation};
pub use view::SubstationView;
