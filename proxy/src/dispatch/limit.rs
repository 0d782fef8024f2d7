//! The limit that keeps a charge from being booked: a feeder's or a substation's, by name.

use std::fmt;

use switchyard_balance::{Binding, Level, Load};
use switchyard_wire::{Code, Detail, Failure};

use super::{capacity_forecast::ScopeName, needs::Ask};
use crate::snapshot::Snapshot;

/// The limit that binds: of the levels without room, the one with the most left.
#[derive(Debug)]
pub(super) struct Limit<'a> {
    snapshot: &'a Snapshot,
    binding: Binding,
}

impl<'a> Limit<'a> {
    /// What binds a request that finds no room elsewhere than at the positions `tried`, if that is known. Reads every
    /// ledger.
    pub(super) fn of(ask: &Ask<'_>, tried: &[usize], snapshot: &'a Snapshot) -> Option<Self> {
        let roster = snapshot.grid.roster();
        let binding = ask.with(tried, |request| roster.binding(&request))?;
        Some(Self { snapshot, binding })
    }

    /// Of the feeders above the substation at this position, the one that has no room for `load`; if several have none,
    /// the one with the least.
    pub(super) fn above(at: usize, load: Load, snapshot: &'a Snapshot) -> Option<Self> {
        let roster = snapshot.grid.roster();
        let above = roster.path(at).filter_map(|number| {
            let feeder = roster.feeders().get(number)?;
            Some(Binding {
                level: Level::Feeder(number),
                left: feeder.left()?,
                bound: feeder.bound(),
            })
        });
        let lacking = above.filter(|above| above.left < load);
        let binding = lacking.min_by_key(|above| above.left)?;
        Some(Self { snapshot, binding })
    }

    /// Its name, as clients know it.
    pub(super) fn name(&self) -> String {
        name_of(self.binding.level, self.snapshot)
    }

    /// The same failure, which is about this limit.
    pub(super) fn tell(&self, failure: Failure) -> Failure {
        failure.about(Detail::Limit(self.name()))
    }

    /// The forecast that says when there will be room, if that is narrower than the grid's.
    pub(super) fn scope(&self, ask: &Ask<'_>) -> Option<ScopeName> {
        let Level::Feeder(number) = self.binding.level else {
            return ask.scope();
        };
        let roster = self.snapshot.grid.roster();
        let is_above = |at: usize| roster.path(at).any(|feeder| feeder == number);
        // A limit of the whole grid has the grid's forecast.
        if ask.scope().is_none() && (0..roster.len()).all(is_above) {
            return None;
        }
        Some(ScopeName::Feeder(self.name()))
    }
}

impl fmt::Display for Limit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Binding { left, bound, .. } = self.binding;
        let unit = self.snapshot.unit();
        write!(f, "{} has {}", self.name(), rounded_down(left))?;
        if let Some(bound) = bound {
            write!(f, " of {bound}")?;
        }
        if !unit.is_empty() {
            write!(f, " {unit}")?;
        }
        f.write_str(" left")
    }
}

/// The scopes besides the grid that a booking at this position counts in.
pub(super) fn scopes<'a>(
    ask: &'a Ask<'_>,
    at: Option<usize>,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = ScopeName> + 'a {
    let roster = snapshot.grid.roster();
    let above = at.into_iter().flat_map(|at| roster.path(at));
    let feeders = above.map(|number| name_of(Level::Feeder(number), snapshot));
    feeders.map(ScopeName::Feeder).chain(ask.scope())
}

/// The failure of a charge that no substation it can use could ever bear, with the feeders above it: waiting does not help.
pub(super) fn too_large(ask: &Ask<'_>, snapshot: &Snapshot) -> Option<Failure> {
    let (largest, level) = largest_if_below(ask, snapshot)?;
    let load = ask.load;
    let (whose, of) = match level {
        Level::Upstream(_) if ask.kind() == 0 => ("any substation", String::new()),
        Level::Upstream(_) => ("any substation that it can use", String::new()),
        Level::Feeder(_) => (
            "any substation with the feeders above it",
            format!(", that of {}", name_of(level, snapshot)),
        ),
    };
    let message = format!(
        "a load of {load} is more than {whose} can bear: the largest capacity is {largest}{of}; nothing is booked: \
         ask for at most that"
    );
    let failure = Failure::new(Code::TooLargeLoad, message);
    Some(match level {
        Level::Upstream(_) => failure,
        Level::Feeder(_) => failure.about(Detail::Limit(name_of(level, snapshot))),
    })
}

/// The largest load that a substation can bear, and the level whose capacity that is, if the request asks for more. None
/// if one has no known capacity on its path. A capacity of zero says that a level is closed for now, and not what it can
/// bear. Limits that come and go don't count.
fn largest_if_below(ask: &Ask<'_>, snapshot: &Snapshot) -> Option<(Load, Level)> {
    let roster = snapshot.grid.roster();
    let mut largest: Option<(Load, Level)> = None;
    ask.with(&[], |request| {
        for (at, substation) in roster.iter().enumerate() {
            if !request.may_use(at) {
                continue;
            }
            let own = substation.ledger().capacity();
            let own = own.map(|capacity| (capacity, Level::Upstream(at)));
            let above = roster.path(at).filter_map(|number| {
                let capacity = roster.feeders().get(number)?.capacity()?;
                Some((capacity, Level::Feeder(number)))
            });
            let least = own.into_iter().chain(above).min_by_key(|(least, _)| *least);
            let (least, level) = least.filter(|(least, _)| *least < ask.load)?;
            if least == Load::ZERO {
                return None;
            }
            if largest.is_none_or(|(largest, _)| largest < least) {
                largest = Some((least, level));
            }
        }
        largest
    })
}

/// The name of a level, as clients know it.
pub(super) fn name_of(level: Level, snapshot: &Snapshot) -> String {
    let name = match level {
        Level::Upstream(at) => {
            let substation = snapshot.grid.substations().get(at);
            substation.map(|substation| substation.public_name().as_str().to_owned())
        }
        Level::Feeder(number) => {
            let feeder = snapshot.config.feeders.get(number);
            feeder.map(|feeder| feeder.name.clone())
        }
    };
    name.unwrap_or_default()
}

/// Not more than it is, with a digit behind the point at most unless it is small.
fn rounded_down(load: Load) -> f64 {
    let units = load.units();
    let scale = if units >= 1.0 { 10.0 } else { 1_000.0 };
    (units * scale).floor() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_never_said_to_be_more() {
        for (left, said) in [
            (4.25, 4.2),
            (4.0, 4.0),
            (0.0, 0.0),
            (0.123_456, 0.123),
            (303.999_999, 303.9),
            (4e12, 4e12),
        ] {
            let left = Load::new(left).unwrap();
            assert_eq!(rounded_down(left).to_string(), f64::to_string(&said));
        }
    }
}
