//! What can be left out of a day.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Fault, Limited, Machine, Plan};

/// A part of a plan that can be left out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A fault.
    Fault(usize),
    /// A client.
    Client(usize),
    /// A proxy beyond the first.
    Proxy(usize),
    /// A substation beyond the first.
    Substation(usize),
}

/// A text that names no part.
#[derive(Debug, Error)]
#[error("{0:?} is no part: one is written as fault3, client0, proxy1 or substation7")]
pub struct UnknownPart(String);

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(id) => write!(f, "fault{id}"),
            Self::Client(id) => write!(f, "client{id}"),
            Self::Proxy(id) => write!(f, "proxy{id}"),
            Self::Substation(id) => write!(f, "substation{id}"),
        }
    }
}

impl FromStr for Part {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        type Make = fn(usize) -> Part;
        let kinds: [(&str, Make); 4] = [
            ("fault", Self::Fault),
            ("client", Self::Client),
            ("proxy", Self::Proxy),
            ("substation", Self::Substation),
        ];
        kinds
            .iter()
            .find_map(|(kind, part)| text.strip_prefix(kind)?.parse().ok().map(part))
            .ok_or_else(|| UnknownPart(text.to_owned()))
    }
}

impl Plan {
    /// All that can be left out, the largest first: what goes with many events is worth trying first.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let proxies = self.proxies.iter().skip(1).copied().map(Part::Proxy);
        let substations = self.substations.iter().skip(1);
        let substations = substations.map(|substation| Part::Substation(substation.id));
        let clients = self.clients.iter().map(|client| Part::Client(client.id));
        let faults = self.faults.iter().map(|fault| Part::Fault(fault.id));
        proxies
            .chain(clients)
            .chain(faults)
            .chain(substations)
            .collect()
    }

    /// The same day without these parts. A fault of a machine that is left out is left out too.
    #[must_use]
    pub fn without(&self, parts: &[Part]) -> Self {
        let has = |part: Part| !parts.contains(&part);
        let mut plan = self.clone();
        plan.proxies.retain(|&id| has(Part::Proxy(id)));
        plan.substations
            .retain(|substation| has(Part::Substation(substation.id)));
        plan.clients.retain(|client| has(Part::Client(client.id)));
        plan.faults.retain(|fault| has(Part::Fault(fault.id)));
        let faults = std::mem::take(&mut plan.faults);
        plan.faults = faults
            .into_iter()
            .filter(|fault| fault.what.machines().all(|machine| plan.has(machine)))
            .collect();
        plan
    }

    fn has(&self, machine: Machine) -> bool {
        match machine {
            Machine::Proxy(id) => self.proxies.contains(&id),
            Machine::Substation(id) => self.substation(id).is_some(),
            Machine::Client(id) => self.clients.iter().any(|client| client.id == id),
            Machine::Store => self.settings.store.is_some(),
            Machine::Operator => true,
        }
    }
}

impl Fault {
    /// The machines that it concerns.
    pub fn machines(&self) -> impl Iterator<Item = Machine> {
        let two = match *self {
            Self::Slow { substation, .. }
            | Self::Lies { substation, .. }
            | Self::Refuses { substation, .. }
            | Self::Cuts { substation, .. }
            | Self::Drops { substation, .. }
            | Self::Holds { substation, .. }
            | Self::Dies { substation }
            | Self::Unlisted { substation } => [Some(Machine::Substation(substation)), None],
            Self::Cut { from: a, to: b }
            | Self::Loss { a, b, .. }
            | Self::Delay { a, b, .. }
            | Self::Reset { a, b } => [Some(a), Some(b)],
            Self::PowerCut { machine } => [Some(machine), None],
            Self::KillProxy { proxy }
            | Self::StopProxy { proxy }
            | Self::Upgrade { proxy, .. }
            | Self::ClockJump { proxy, .. }
            | Self::Limit {
                proxy,
                on: Limited::Feeder(_),
                ..
            } => [Some(Machine::Proxy(proxy)), None],
            Self::Drain { proxy, substation } => [
                Some(Machine::Proxy(proxy)),
                Some(Machine::Substation(substation)),
            ],
            Self::Limit {
                proxy,
                on: Limited::Substation(id),
                ..
            } => [Some(Machine::Proxy(proxy)), Some(Machine::Substation(id))],
            Self::StoreSlow { .. } | Self::StoreDies { .. } => [Some(Machine::Store), None],
            Self::Reload | Self::NothingListed => [None, None],
        };
        two.into_iter().flatten()
    }
}
