//! The substations as the proxy knows them: which there are, what their gauges reported, and their
//! health.
//!
//! Only this crate changes a substation. Dispatch reads it, reserves through its ledger, and
//! reports how each exchange ended. The admin port reads it, and passes on an operator's drain.
//!
//! A [`Grid`] is built from one configuration and never changes. The next configuration builds the
//! next grid ([`Grid::rebuild`]) and reuses the substations that stay.

mod blame;
mod by_id;
mod capacity;
mod carried;
mod choice;
mod clock;
mod departed;
mod drain;
mod drain_commands;
mod drains;
mod feeders;
mod fleet_counts;
mod gauges;
mod grid;
mod introduction;
mod labels;
mod lasts;
mod learning;
mod limit_target;
mod limiters;
mod members;
mod metrics;
mod names;
mod naming;
mod outcomes;
mod outlier_detection;
mod own_names;
mod peers;
mod predecessor;
mod queries;
mod rebuild;
mod refusals;
mod report;
mod request_limits;
mod restore;
mod rotation;
mod rotation_state;
mod sample_times;
mod scraper;
mod shared_state;
mod shortages;
mod state;
mod substation;
mod trust;
mod view;
mod visibility;

pub use blame::{Blame, Elsewhere, Excuse, MainClient, Source};
pub use carried::{CarriedGrid, CarriedNaming, CarriedSubstation, Written};
pub use choice::ChoiceMetrics;
pub use clock::{Clock, FromNow, Moment};
pub use departed::Departed;
pub use drain::{CarriedDrain, Drain, DrainSource};
pub use drain_commands::{FleetDrain, Said};
pub use feeders::{CarriedFeeder, CarriedFeeders, Feeder, FeederState, FeederView};
pub use grid::Grid;
pub use introduction::session_in;
pub use labels::Labels;
pub use lasts::LastsSource;
pub use limit_target::LimitTarget;
pub use metrics::{GridMetrics, SubstationMetrics};
pub use names::Names;
pub use naming::PublicName;
pub use outcomes::{ReportOutcome, UpstreamOutcome};
pub use outlier_detection::{
    CarriedDetector, CarriedStage, EjectionCause, Evidence, HealthChange, OutlierDetector, Stage,
};
pub use queries::QueryView;
pub use refusals::{CarriedHold, CarriedRefusals};
pub use report::Reports;
pub use restore::{KeptRoom, Restored};
pub use rotation::{Closed, Trial};
pub use rotation_state::{CarriedRotation, RotationView};
pub use scraper::Scraper;
pub use shortages::ShortageMetrics;
pub use state::SubstationState;
pub use substation::{Id, Substation};
pub use view::SubstationView;
