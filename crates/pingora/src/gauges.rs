//! Which series of a page are the load and the capacity, and what a page says of them.

use std::fmt::{self, Display, Formatter};

use switchyard_balance::{Load, ledger::Reading};
use switchyard_gauge::exposition::{Found, PartialScan, Wanted};

/// The gauges of a backend: its load, and its capacity if it shows one.
///
/// ```
/// use switchyard_pingora::{Aggregate, Gauges, Wanted};
///
/// // A load in sessions, and a capacity.
/// let gauges = Gauges::new("sessions").with_capacity("sessions_max");
///
/// // What a server runs and what waits there, over all of its engines.
/// let series = |name| Wanted::new(name, []).aggregated(Aggregate::Sum);
/// let of_inference = Gauges::new(
///     series("vllm:num_requests_running").plus(series("vllm:num_requests_waiting")),
/// );
/// # let _ = (gauges, of_inference);
/// ```
#[derive(Clone, Debug)]
pub struct Gauges {
    load: Wanted,
    /// A name that no series has, where there is none.
    capacity: Wanted,
}

impl Gauges {
    /// A load, without a capacity: a name, or a [`Wanted`] that has conditions on labels.
    #[must_use]
    pub fn new(load: impl Into<Wanted>) -> Self {
        Self {
            load: load.into(),
            capacity: Wanted::from(""),
        }
    }

    /// The same with a capacity. A backend whose page lacks it has none; one that says its own
    /// ([`Upstream::new`](crate::Upstream::new)) goes before it.
    #[must_use]
    pub fn with_capacity(mut self, capacity: impl Into<Wanted>) -> Self {
        self.capacity = capacity.into();
        self
    }

    /// A scan of one page, before its first byte.
    pub(crate) fn scan(&self) -> PartialScan<'_, 2> {
        PartialScan::new([&self.load, &self.capacity])
    }
}

/// Why a backend that answers has no sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Status(u16),
    TooLarge(usize),
    Load(Found),
    Capacity(Found),
}

impl Fault {
    /// The reading of what was found. A capacity that can't be read is a fault beside a sample.
    pub(crate) fn read(
        [load, capacity]: [Found; 2],
        configured: Option<Load>,
    ) -> Result<(Reading, Option<Self>), Self> {
        let load = units(load).ok_or(Self::Load(load))?;
        let (capacity, fault) = match (configured, capacity) {
            (Some(configured), _) => (Some(configured), None),
            (None, Found::Missing) => (None, None),
            (None, found) => match units(found) {
                Some(exported) => (Some(exported), None),
                None => (None, Some(Self::Capacity(found))),
            },
        };
        Ok((Reading { load, capacity }, fault))
    }
}

fn units(found: Found) -> Option<Load> {
    match found {
        Found::One(units) => Load::new(units),
        _ => None,
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (gauge, found) = match self {
            Self::Status(status) => return write!(f, "its metrics have the status {status}"),
            Self::TooLarge(bytes) => return write!(f, "its metrics are larger than {bytes} bytes"),
            Self::Load(found) => ("load", found),
            Self::Capacity(found) => ("capacity", found),
        };
        match found {
            Found::Missing => write!(f, "its metrics lack the gauge of its {gauge}"),
            Found::Ambiguous(count) => write!(
                f,
                "{count} series are its {gauge}: select one by its labels, or set an aggregate"
            ),
            Found::One(value) | Found::Unusable(value) => {
                write!(f, "the gauge of its {gauge} is {value}")
            }
            Found::Partial => write!(f, "its metrics may be cut, and its {gauge} is an aggregate"),
            Found::Malformed => write!(f, "a line of its {gauge} can't be read"),
        }
    }
}
