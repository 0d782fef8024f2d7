//! Limits that several substations share, as whoever starts the run describes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Load on a feeder that no substation causes, such as that of houses. Whoever simulates it sets it; clones are the same
/// load.
#[derive(Clone, Debug, Default)]
pub struct BaseLoad(Arc<AtomicU64>);

impl BaseLoad {
    /// It is this from now on, in the unit of the substations' load.
    pub fn set(&self, load: f64) {
        self.0.store(load.to_bits(), Ordering::Relaxed);
    }

    /// What it is now.
    #[must_use]
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// A limit that several substations share.
#[derive(Clone, Debug)]
pub struct WatchedFeeder {
    /// Its name.
    pub name: String,
    /// Its capacity, in the unit of the substations' load.
    pub capacity: f64,
    /// The names of all substations below it.
    pub members: Vec<String>,
    /// What else it bears.
    pub base: BaseLoad,
}
