//! What judges see: everything that an actor does or notices, in its order.
//!
//! As text, an event is one line of the day's log. The text depends on the seed alone: it has no path, no real time and no
//! number of the machine on which the simulation runs.

mod booking;
mod checkpoint;
mod request;
mod text;

use std::time::Duration;

use super::plan::Fault;

pub use booking::{Booking, Release};
pub use checkpoint::{Checkpoint, Ending, Probe};
pub use request::{Answer, Ask, Loss, RequestId};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, since the day began.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// A process of a proxy was started.
    Started {
        /// The proxy.
        proxy: usize,
        /// Counts the processes of this proxy, from 0.
        process: usize,
        /// Whether it takes over from the one before.
        is_upgrade: bool,
    },
    /// A process of a proxy says for the first time that it is ready.
    Ready {
        /// The proxy.
        proxy: usize,
        /// Its process.
        process: usize,
    },
    /// A process of a proxy has handed over to the next one, and ends with its last client.
    Replaced {
        /// The proxy.
        proxy: usize,
        /// Its process.
        process: usize,
    },
    /// A process of a proxy was told to stop gracefully.
    ToldToStop {
        /// The proxy.
        proxy: usize,
        /// Its process.
        process: usize,
    },
    /// A process of a proxy ended.
    Ended {
        /// The proxy.
        proxy: usize,
        /// Its process.
        process: usize,
        /// How.
        how: Ending,
    },
    /// A fault began.
    FaultBegan {
        /// Its number in the plan.
        id: usize,
        /// What it is.
        fault: Fault,
    },
    /// A fault ended: what it broke is whole again.
    FaultEnded {
        /// Its number in the plan.
        id: usize,
        /// What it was.
        fault: Fault,
    },
    /// A client began to send a request.
    Asked {
        /// Which; the substation hears it as `x-request-id`.
        request: RequestId,
        /// The proxy that it goes to.
        proxy: usize,
        /// What it asks for.
        ask: Ask,
    },
    /// A client has sent the last byte of a request: the proxy's time runs.
    Sent {
        /// Which.
        request: RequestId,
    },
    /// A client has a whole answer.
    Answered {
        /// To which request.
        request: RequestId,
        /// What it says.
        answer: Box<Answer>,
    },
    /// A client has no whole answer, and will have none: it could not connect, or its connection ended.
    Lost {
        /// The answer to which request.
        request: RequestId,
        /// How.
        how: Loss,
    },
    /// A client went away without waiting for the answer.
    Left {
        /// To which request.
        request: RequestId,
    },
    /// A substation has booked a session, and is about to say so.
    Booked {
        /// Which substation.
        substation: usize,
        /// What.
        booking: Booking,
    },
    /// A substation is about to say again what it has booked for a key.
    Repeated {
        /// Which substation.
        substation: usize,
        /// The session.
        session: String,
        /// The `x-request-id` of the repetition.
        request: Option<RequestId>,
        /// The key.
        key: String,
    },
    /// A substation does not book a charge, and says so.
    Refused {
        /// Which substation.
        substation: usize,
        /// The `x-request-id`.
        request: Option<RequestId>,
        /// The status of its answer.
        status: u16,
    },
    /// A substation's session is over, and its load is gone.
    Released {
        /// Which substation.
        substation: usize,
        /// The session.
        session: String,
        /// The load that is gone.
        load: f64,
        /// Why.
        why: Release,
    },
    /// The process of a substation ended. Sessions that it forgets are released behind this.
    SubstationDown {
        /// Which substation.
        substation: usize,
    },
    /// A substation listens again.
    SubstationUp {
        /// Which substation.
        substation: usize,
    },
    /// The store has died, and what was written to it since then is lost.
    StoreLost {
        /// Since when.
        since: Duration,
    },
    /// The answer to an operator's command to drain or undrain a substation.
    DrainAnswered {
        /// The proxy that was told.
        proxy: usize,
        /// The substation.
        substation: usize,
        /// Whether it was to drain.
        drain: bool,
        /// The status of the answer; none if none came.
        status: Option<u16>,
    },
    /// The answer to an operator's command to set a limit or to take it away.
    LimitAnswered {
        /// The proxy that was told.
        proxy: usize,
        /// The name of the substation or the feeder.
        name: String,
        /// The limit; none if it was to go.
        value: Option<f64>,
        /// The status of the answer; none if none came.
        status: Option<u16>,
    },
    /// What a proxy says of itself at a checkpoint.
    Probed {
        /// The proxy.
        proxy: usize,
        /// Its process.
        process: usize,
        /// The checkpoint.
        checkpoint: Checkpoint,
        /// What it said; none if it gave no answer.
        probe: Option<Box<Probe>>,
    },
    /// A point of time at which judges may compare. The probes of it come behind.
    Reached(Checkpoint),
}
