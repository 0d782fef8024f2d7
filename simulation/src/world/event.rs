//! What judges see: everything that an actor does or notices, in its order.
//!
//! As text, an event is one line of the day's log. The text depends on the seed alone: it has no path, no real time and no
//! number of the machine on which the simulation runs.

mod text;

use std::time::Duration;

use serde_json::Value;

use super::plan::Fault;

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

/// How a process ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// By itself, as it was told to, or because another took over.
    Clean,
    /// By itself, with this error.
    Failed(String),
    /// It was killed by a fault.
    Killed,
    /// It was told to stop and is still there; it is killed now.
    Hangs,
    /// Its main thread panicked.
    Panicked,
}

/// A client's request, and which sending of it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId {
    /// The client.
    pub client: usize,
    /// The number of its request.
    pub number: usize,
    /// The number of its sending by the client, from 0.
    pub sending: usize,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// To book.
    Charge {
        /// The `Idempotency-Key`.
        key: Option<String>,
        /// The load.
        load: f64,
        /// How long the session lasts.
        lasts: Duration,
        /// The `x-possible-holder` that it sends back.
        holder: Option<String>,
    },
    /// To see a session.
    Look {
        /// Its id.
        session: String,
    },
    /// To end a session.
    Unplug {
        /// Its id.
        session: String,
    },
}

/// An answer as the client sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `code` of an error of the proxy or of a substation.
    pub code: Option<String>,
    /// The `message` of an error.
    pub message: Option<String>,
    /// The `session_id`.
    pub session: Option<String>,
    /// `x-substation`: the answer is that substation's own.
    pub substation: Option<String>,
    /// `idempotent-replayed`.
    pub is_replay: bool,
    /// `x-possible-holder`.
    pub holder: Option<String>,
    /// `retry-after`.
    pub retry_after: Option<u64>,
}

impl Answer {
    /// Whether the contract lets the client ask again without a key, because nothing is booked.
    #[must_use]
    pub fn is_certainly_not_booked(&self) -> bool {
        match self.status {
            200..=299 => false,
            // The message says so where nothing arrived.
            502 | 504 => self
                .message
                .as_ref()
                .is_some_and(|text| text.contains("is not booked") || text.contains("nothing was")),
            _ => true,
        }
    }
}

/// How an answer was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// There was no connection.
    NotConnected,
    /// The connection ended before the first byte of an answer.
    Closed,
    /// The connection ended in the middle of the answer.
    Half,
    /// What came is no answer of HTTP.
    Malformed,
    /// Nothing came for much longer than a proxy may take: the client gave up.
    Silent,
}

/// What a substation has booked.
#[derive(Clone, Debug, PartialEq)]
pub struct Booking {
    /// The session, as clients see it.
    pub session: String,
    /// The `x-request-id`.
    pub request: Option<RequestId>,
    /// The `Idempotency-Key`.
    pub key: Option<String>,
    /// The load.
    pub load: f64,
    /// When it ends by itself; none if it ends with its answer.
    pub until: Option<Duration>,
    /// The load of the substation, this one included.
    pub total: f64,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Release {
    /// Its time was over.
    Completed,
    /// It was unplugged.
    Unplugged,
    /// Its answer has been sent, or can't be sent any more, where loads end with that.
    Answered,
    /// The substation has lost it with its process.
    Forgotten,
}

/// A point of time at which every proxy is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Checkpoint {
    /// Before the first request.
    Start,
    /// While faults last.
    Storm,
    /// So many polls after the last fault has ended.
    Calm(u32),
    /// After the clients have stopped and everything has had time to settle.
    End,
}

/// What a proxy says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// `/status`.
    pub status: Value,
    /// `/metrics`.
    pub metrics: String,
    /// Its open descriptors, as the kernel counts them.
    pub descriptors: usize,
    /// Its threads, as the kernel counts them.
    pub threads: usize,
    /// The bytes that it has allocated and not freed.
    pub memory: i64,
}
