//! Refusals that go on counting in the next process.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchyard_balance::Load;

use super::{Hold, Refusals};
use crate::clock::{FromNow, Moment};

/// The refusals of one substation, for the next process. Loads are in millionths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedRefusals {
    /// Refusals since it last booked as much as it refused.
    pub in_a_row: u32,
    /// The least load among those that count.
    pub least: Option<i64>,
    /// What counts now.
    pub held: Option<CarriedHold>,
}

/// A refusal that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedHold {
    /// Until when.
    pub until: FromNow,
    /// The gauge as it was at the refusal.
    pub value: Option<i64>,
    /// When the next probe is due.
    pub probe_at: FromNow,
}

impl Refusals {
    /// What the next process needs to go on.
    pub(crate) fn carry(&self, now: Moment) -> CarriedRefusals {
        CarriedRefusals {
            in_a_row: self.in_a_row,
            least: self.least.map(Load::micros),
            held: self.held.map(|hold| CarriedHold {
                until: FromNow::of(hold.until, now),
                value: hold.value.map(Load::micros),
                probe_at: FromNow::of(hold.probe_at, now),
            }),
        }
    }

    /// What another process has left `ago`. Its probe, if there is one, is not this process's: the next is due in time.
    pub(crate) fn restored(carried: &CarriedRefusals, ago: Duration, now: Moment) -> Self {
        let load = |micros: i64| Load::from_micros(micros.clamp(0, Load::LARGEST.micros()));
        let least = carried.least.map(load);
        Self {
            in_a_row: carried.in_a_row,
            least,
            held: carried.held.filter(|_| least.is_some()).map(|hold| Hold {
                until: hold.until.moment(ago, now),
                value: hold.value.map(load),
                probe_at: hold.probe_at.moment(ago, now),
                // At the latest.
                at: now.minus(ago),
                is_open: false,
            }),
            is_probed: false,
        }
    }
}
