//! The events of a simulation.

use switchyard_balance::{Load, Reading, ledger::ScrapeSent};

use crate::fleet::{Booking, Session};
use crate::gauges::Lie;
use crate::picker::{Pick, Scrape};

/// A car on its way, and the proxy that it goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Car {
    pub(crate) number: u64,
    pub(crate) proxy: usize,
    pub(crate) session: Session,
    /// Whether it has come back at the time that it was told.
    pub(crate) is_back: bool,
}

/// A request that its substation answers when its session ends.
pub(crate) struct Held {
    pub(crate) car: Car,
    pub(crate) pick: Pick,
}

/// An event. Requests, answers and scrapes on their way exist only as events in the queue.
pub(crate) enum Event {
    /// A car of the steady stream arrives. This plans the next one.
    Arrival,
    /// A car of the burst arrives.
    BurstArrival,
    /// A car that found no room comes back.
    Return(Car),
    /// A request reaches its substation.
    Request { car: Car, pick: Pick },
    /// The answer reaches the proxy.
    Answer { car: Car, pick: Pick, booked: bool },
    /// A session ends. If the substation holds its request until then, the answer leaves.
    Departure {
        booking: Booking,
        held: Option<Held>,
    },
    /// The next session of a substation that slows down ends, unless something has changed there since.
    Served { at: usize, version: u64 },
    /// A proxy starts to read all gauges.
    Round { proxy: usize },
    /// A proxy scrapes one gauge of its round.
    Scrape { proxy: usize, at: usize },
    /// A gauge is read.
    Read {
        proxy: usize,
        scrape: Scrape,
        rest: std::time::Duration,
    },
    /// A reading reaches the proxy; none if the gauge is dead.
    Sample {
        proxy: usize,
        scrape: Scrape,
        reading: Option<Reading>,
    },
    /// A monitoring system reads a gauge.
    Monitor { at: usize },
    /// A proxy that asks it notes the states of its ledgers.
    Note { proxy: usize },
    /// A feeder's meter is read.
    MeterRead {
        proxy: usize,
        feeder: usize,
        sent: ScrapeSent,
        rest: std::time::Duration,
    },
    /// What it showed reaches the proxy, and how much of it was base load.
    MeterSample {
        proxy: usize,
        feeder: usize,
        sent: ScrapeSent,
        reading: Reading,
        base: Load,
    },
    /// A limit comes into force on a feeder, or goes.
    Limit { feeder: usize, part: Option<f64> },
    /// Gauges die or recover.
    Gauges { count: usize, dead: bool },
    /// Gauges lie, or no longer.
    Lies { count: usize, lie: Option<Lie> },
    /// All sessions of the first substation end.
    Emptied,
    /// Substations leave the rotation or return.
    Rotation { count: usize, out: bool },
    /// The shares of the proxies change.
    Shares(Vec<f64>),
}
