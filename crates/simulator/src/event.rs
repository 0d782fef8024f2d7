//! The events of a simulation.

use switchyard_balance::Reading;

use crate::fleet::{Booking, Session};
use crate::picker::{Pick, Scrape};

/// An event. Requests, answers and scrapes on their way exist only as events in the queue.
pub(crate) enum Event {
    /// A car of the steady stream arrives. This plans the next one.
    Arrival,
    /// A car of the burst arrives.
    BurstArrival,
    /// A request reaches its substation.
    Request {
        proxy: usize,
        pick: Pick,
        session: Session,
    },
    /// The answer reaches the proxy.
    Answer {
        proxy: usize,
        pick: Pick,
        session: Session,
        booked: bool,
    },
    /// A session ends.
    Departure(Booking),
    /// A proxy starts to read all gauges.
    Round { proxy: usize },
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
    /// Gauges die or recover.
    Gauges { count: usize, dead: bool },
    /// All sessions of the first substation end.
    Emptied,
    /// Substations leave the rotation or return.
    Rotation { count: usize, out: bool },
    /// The shares of the proxies change.
    Shares(Vec<f64>),
}
