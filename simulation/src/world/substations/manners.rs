//! How a substation misbehaves now.

use std::time::Duration;

use super::super::{
    chance::Chance,
    plan::{Fault, Gauge},
};

/// The faults of a substation that are in force. Two of one kind add up to the later one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manners {
    slow: Option<Duration>,
    gauge: Option<Gauge>,
    refuses: Option<Refusal>,
    cuts: Option<(f64, usize)>,
    drops: Option<f64>,
    holds: Option<f64>,
}

/// How charges are refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    share: f64,
    /// 503 or 429.
    pub(crate) status: u16,
    /// In seconds.
    pub(crate) retry_after: Option<u64>,
}

/// What happens to one charge.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fate {
    pub(super) drops: bool,
    pub(super) refusal: Option<Refusal>,
    pub(super) holds: bool,
    pub(super) cut: Option<usize>,
    pub(super) slow: Duration,
}

impl Manners {
    /// A fault begins or ends. Those that concern no manners change nothing.
    pub(crate) fn follow(&mut self, fault: &Fault, begins: bool) {
        match *fault {
            Fault::Slow { by, .. } => self.slow = begins.then_some(by),
            Fault::Lies { gauge, .. } => self.gauge = begins.then_some(gauge),
            Fault::Refuses {
                share,
                status,
                retry_after,
                ..
            } => {
                self.refuses = begins.then_some(Refusal {
                    share,
                    status,
                    retry_after,
                });
            }
            Fault::Cuts { share, behind, .. } => self.cuts = begins.then_some((share, behind)),
            Fault::Drops { share, .. } => self.drops = begins.then_some(share),
            Fault::Holds { share, .. } => self.holds = begins.then_some(share),
            _ => {}
        }
    }

    /// Whether the gauge stays where it is.
    #[must_use]
    pub(crate) fn is_stuck(&self) -> bool {
        self.gauge == Some(Gauge::Stuck)
    }

    /// How the gauge lies.
    #[must_use]
    pub(crate) fn gauge(&self) -> Option<Gauge> {
        self.gauge
    }

    /// Whether requests are held still.
    #[must_use]
    pub(crate) fn holds(&self) -> bool {
        self.holds.is_some()
    }

    /// Draws what happens to a charge. It draws the same number of chances whatever is in force.
    pub(super) fn fate(&self, chance: &mut Chance) -> Fate {
        let mut hits = |share: Option<f64>| chance.is(share.unwrap_or_default());
        let drops = hits(self.drops);
        let refuses = hits(self.refuses.map(|refusal| refusal.share));
        let holds = hits(self.holds);
        let cuts = hits(self.cuts.map(|(share, _)| share));
        Fate {
            drops,
            refusal: self.refuses.filter(|_| refuses),
            holds,
            cut: self.cuts.filter(|_| cuts).map(|(_, behind)| behind),
            slow: self.slow.unwrap_or_default(),
        }
    }
}
