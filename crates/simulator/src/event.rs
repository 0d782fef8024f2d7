//! What can happen.

use switchyard_balance::Reading;

use crate::fleet::{Booking, Session};
use crate::picker::{Pick, Scrape};

/// What happens at a moment. What is on its way is in the queue and nowhere else.
pub(crate) enum Event {
    /// A car of the steady stream; the next one follows from it.
    Arrival,
    /// A car of the burst.
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
    /// A proxy begins to read all gauges.
    Round { proxy: usize },
    /// A gauge is read.
    Read {
        proxy: usize,
        scrape: Scrape,
        rest: std::time::Duration,
    },
    /// What was read reaches the proxy; nothing if the gauge is dead.
    Sample {
        proxy: usize,
        scrape: Scrape,
        reading: Option<Reading>,
    },
    /// Gauges die or come back.
    Gauges { count: usize, dead: bool },
    /// All sessions of the first substation end.
    Emptied,
    /// Substations leave the rotation or come back.
    Rotation { count: usize, out: bool },
    /// Arrivals are divided anew among the proxies.
    Shares(Vec<f64>),
}
