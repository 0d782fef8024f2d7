//! The rotation of a substation that goes on in the next process.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchyard_balance::Ledger;

use super::RotationState;
use crate::{
    clock::Moment,
    outlier_detection::{CarriedDetector, OutlierDetector},
    refusals::{CarriedRefusals, Refusals},
};

/// The rotation of a substation, for the next process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedRotation {
    /// Its outlier detection.
    pub detector: CarriedDetector,
    /// Whether its ejection counts towards the most that may be ejected.
    pub is_counted: bool,
    /// What it refuses.
    pub refusals: CarriedRefusals,
    /// The client that most of its work is for, by its number, with its votes and the good answers known.
    pub main_client: (u64, u32, u32),
}

impl RotationState {
    /// What the next process needs to go on.
    pub(crate) fn carry(&self, now: Moment) -> CarriedRotation {
        let state = self.state.lock();
        CarriedRotation {
            detector: state.detector.carry(now),
            is_counted: state.is_counted,
            refusals: state.refusals.carry(now),
            main_client: self.main_client.carry(),
        }
    }

    /// Goes on from what another process has left `ago`. An ejection for which there is no room under the rules in force
    /// is over.
    pub(crate) fn restore(
        &self,
        ledger: &Ledger,
        carried: &CarriedRotation,
        ago: Duration,
        now: Moment,
    ) {
        self.main_client.restore(carried.main_client);
        self.change(ledger, now, |state, now| {
            state.detector = OutlierDetector::restored(&carried.detector, ago, now);
            if carried.is_counted && !self.counts.admit_once(&mut state.is_counted) {
                let _ = state.detector.readmit(now);
            }
            state.refusals = Refusals::restored(&carried.refusals, ago, now);
            if let Some(load) = state.refusals.held() {
                ledger.refused(load);
            }
            None
        });
    }
}
