//! What is broken, and what was broken a moment ago.

use std::time::Duration;

use crate::world::{
    event::{Event, What},
    plan::{Fault, Machine},
};

/// A fault and its time.
#[derive(Clone, Debug)]
struct Outage {
    id: usize,
    fault: Fault,
    from: Duration,
    until: Option<Duration>,
}

/// All faults that have begun.
#[derive(Default)]
pub(in crate::judges) struct Outages {
    all: Vec<Outage>,
}

impl Outages {
    pub(super) fn see(&mut self, event: &Event) {
        match &event.what {
            What::FaultBegan { id, fault } => self.all.push(Outage {
                id: *id,
                fault: fault.clone(),
                from: event.at,
                until: None,
            }),
            What::FaultEnded { id, .. } => {
                let ended = self.all.iter_mut().filter(|outage| outage.id == *id);
                ended.for_each(|outage| outage.until = Some(event.at));
            }
            _ => {}
        }
    }

    /// Whether a fault of this kind was at work at any time since then.
    pub(in crate::judges) fn any_since(
        &self,
        then: Duration,
        is_meant: impl Fn(&Fault) -> bool,
    ) -> bool {
        let mut since = self
            .all
            .iter()
            .filter(|outage| outage.until.is_none_or(|until| until >= then));
        since.any(|outage| is_meant(&outage.fault))
    }

    /// Whether a fault of this kind was at work at any time between.
    pub(in crate::judges) fn any_within(
        &self,
        from: Duration,
        to: Duration,
        is_meant: impl Fn(&Fault) -> bool,
    ) -> bool {
        let mut within = self
            .all
            .iter()
            .filter(|outage| outage.from <= to && outage.until.is_none_or(|until| until >= from));
        within.any(|outage| is_meant(&outage.fault))
    }

    /// From when to when the store has lost what it was told, or `slack` longer.
    pub(in crate::judges) fn losses(
        &self,
        slack: Duration,
    ) -> impl Iterator<Item = (Duration, Duration)> {
        self.all
            .iter()
            .filter_map(move |outage| match outage.fault {
                Fault::StoreDies { loses } if !loses.is_zero() => {
                    Some((outage.from.saturating_sub(loses + slack), outage.from))
                }
                _ => None,
            })
    }

    /// Whether anything made the way between two machines, or one of them, unfit for deadlines since then.
    pub(in crate::judges) fn touched(&self, a: Machine, b: Machine, then: Duration) -> bool {
        self.any_since(then, |fault| disturbs(fault, a, b))
    }
}

/// Whether a fault keeps two machines from hearing each other in time.
pub(in crate::judges) fn disturbs(fault: &Fault, a: Machine, b: Machine) -> bool {
    let both = |one: Machine, other: Machine| (one, other) == (a, b) || (one, other) == (b, a);
    match *fault {
        Fault::Cut { from, to } => both(from, to),
        Fault::Loss { a, b, .. } | Fault::Delay { a, b, .. } | Fault::Reset { a, b } => both(a, b),
        Fault::PowerCut { machine } => machine == a || machine == b,
        Fault::KillProxy { proxy }
        | Fault::Upgrade {
            proxy,
            kills: Some(_),
        } => [a, b].contains(&Machine::Proxy(proxy)),
        Fault::Dies { substation } => [a, b].contains(&Machine::Substation(substation)),
        _ => false,
    }
}
