//! Outlier detection that goes on in the next process.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{OutlierDetector, Stage, Window};
use crate::{
    blame::BySource,
    clock::{FromNow, Moment},
};

/// The outlier detection of one substation, for the next process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedDetector {
    /// Where it is on the way out of rotation and back.
    pub stage: CarriedStage,
    /// Failures since the last good exchange,
    pub failures: u32,
    /// and those of them that clients had a part in, by [`Source::number`](crate::Source::number).
    pub run: Vec<(u64, u64)>,
    /// Whether the last failure was that it was unreachable.
    pub is_unreachable: bool,
    /// Ejections that count for how long the next one lasts.
    pub ejections: u32,
    /// When it came back into rotation.
    pub back_since: Option<FromNow>,
}

/// A [`Stage`], for the next process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CarriedStage {
    /// In rotation.
    #[default]
    In,
    /// Out of rotation until that moment.
    Ejected(FromNow),
    /// On trial: the next request is the trial there, because this process does not hear of its own any more.
    Trial,
}

impl OutlierDetector {
    /// What the next process needs to go on. The share of failures is counted anew there.
    #[must_use]
    pub fn carry(&self, now: Moment) -> CarriedDetector {
        CarriedDetector {
            stage: match self.stage {
                Stage::In => CarriedStage::In,
                Stage::Ejected(until) => CarriedStage::Ejected(FromNow::of(until, now)),
                Stage::Trial | Stage::Tried => CarriedStage::Trial,
            },
            failures: self.failures,
            run: self.run.heavy(),
            is_unreachable: self.unreachable,
            ejections: self.ejections,
            back_since: self.back_since.map(|since| FromNow::of(since, now)),
        }
    }

    /// What another process has left `ago`.
    #[must_use]
    pub fn restored(carried: &CarriedDetector, ago: Duration, now: Moment) -> Self {
        Self {
            stage: match carried.stage {
                CarriedStage::In => Stage::In,
                CarriedStage::Ejected(until) => Stage::Ejected(until.moment(ago, now)),
                CarriedStage::Trial => Stage::Trial,
            },
            failures: carried.failures,
            run: BySource::of(carried.failures.into(), &carried.run),
            unreachable: carried.is_unreachable,
            silent_at: None,
            ejections: carried.ejections,
            back_since: carried.back_since.map(|since| since.moment(ago, now)),
            window: Window::default(),
        }
    }
}
