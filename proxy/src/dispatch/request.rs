//! One request: what came of it, and what it is answered by.

use std::sync::Arc;

use switchyard_http1::Head;
use switchyard_wire::{Code, Failure};
use tokio::time::Instant;

use super::sessions::Action;
use crate::{deadline_timer::DeadlineTimer, in_flight::RequestGuard, snapshot::Snapshot};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A charge is to be booked.
    Charge,
    /// Something is asked of the session with this id.
    Session(Action, &'a str),
}

/// What came of reading a request.
#[derive(Debug)]
pub struct ReceivedRequest<'a> {
    /// Its headers, where they could be read.
    pub head: Option<Head<'a>>,
    /// What it asks for, or why it can't be answered.
    pub target: Result<Target<'a>, Failure>,
    /// The whole body.
    pub body: &'a [u8],
}

/// What one request is answered by, from its head to the last byte of its reply.
#[derive(Debug)]
pub struct RequestContext<'a> {
    /// What was in force when its head had come; it goes by this to its end.
    pub snapshot: Arc<Snapshot>,
    /// When its first byte came.
    pub started: Instant,
    /// When it had come whole. From here on `timeouts.request` runs.
    pub arrived: Instant,
    /// The one timer of its connection.
    pub timer: &'a mut DeadlineTimer,
    /// It is in flight for as long as this lives.
    pub in_flight: RequestGuard<'a>,
}

impl RequestContext<'_> {
    /// Refuses the request if more are in flight than `limits.requests`: before its body is read or anything is chosen,
    /// since what is too much must cost the least.
    pub fn within_limit(&self) -> Result<(), Failure> {
        let limit = self.snapshot.config.limits.requests;
        if self.in_flight.nth() <= limit {
            return Ok(());
        }
        let message = format!("{limit} requests are in flight already (limits.requests)");
        Err(Failure::new(Code::Overloaded, message))
    }
}
