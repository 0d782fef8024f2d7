//! One request: what was received, and the context in which it is answered.

use std::sync::Arc;

use switchyard_clients::Account;
use switchyard_http1::Head;
use switchyard_wire::{Code, Failure, Retry};
use tokio::time::Instant;

use super::{
    origin::{Client, is_trusted},
    quota::Quota,
    sessions::Action,
    trail::Trail,
};
use crate::{
    client_shares::RequestShare,
    deadline_timer::DeadlineTimer,
    in_flight::RequestGuard,
    snapshot::{RouteRule, Snapshot},
};

/// What a request asks for.
#[derive(Clone, Debug)]
pub enum Target<'a> {
    /// Book a charge.
    Charge,
    /// Act on the session with this id.
    Session(Action, &'a str),
    /// Take a short message of this route to a substation, and its answer back.
    Bounded(Arc<RouteRule>),
    /// Stream a request of this route to a substation, and its answer back.
    Stream(Arc<RouteRule>),
}

/// A request as it was read.
#[derive(Debug)]
pub struct ReceivedRequest<'a> {
    /// Its headers, if they could be read.
    pub head: Option<Head<'a>>,
    /// What it asks for, or why it can't be answered.
    pub target: Result<Target<'a>, Failure>,
    /// Its method. Empty if it could not be read.
    pub method: &'a str,
    /// Its path, without the query. Empty if it could not be read.
    pub path: &'a str,
    /// The query string, without its question mark.
    pub query: Option<&'a str>,
    /// The whole body.
    pub body: &'a [u8],
}

/// The context of one request, from its head to the last byte of its reply.
#[derive(Debug)]
pub struct RequestContext<'a> {
    /// The snapshot in force when its head had arrived, used to its end.
    pub snapshot: Arc<Snapshot>,
    /// When its first byte arrived.
    pub started: Instant,
    /// When its last byte had arrived: `timeouts.request` starts here.
    pub arrived: Instant,
    /// The client's side of its connection.
    pub client: &'a Client,
    /// What `Via` says of the version of HTTP that it came over.
    pub via: &'static str,
    /// The timer of its connection.
    pub timer: &'a mut DeadlineTimer,
    /// Counts it as in flight while this lives.
    pub in_flight: RequestGuard<'a>,
    /// Counts it as its client's while this lives.
    pub share: RequestShare<'a>,
    /// The configured client that has sent it, once that is known.
    pub caller: Option<Arc<Account>>,
    /// What that client, or its address, may still ask for, if it has a limit.
    pub quota: Option<Box<Quota>>,
    /// The route that it is of, if it is one's.
    pub route: Option<Arc<RouteRule>>,
    /// What happens to it, if that is asked for.
    pub trail: Option<Box<Trail>>,
}

impl RequestContext<'_> {
    /// Refuses the request if more than `limits.requests` are at work, or its client has more than its share. Checked
    /// before its body is read and before anything is chosen, so that requests over a limit cost least; and again when the
    /// body has come.
    pub fn within_limit(&self) -> Result<(), Failure> {
        let config = &self.snapshot.config;
        let share = config.limits.client.requests;
        let address = self.client.address();
        if self.share.nth() > share && !is_trusted(&config.forwarded, address) {
            self.share.limited();
            let message = format!(
                "{share} requests of {address} are under way already (limits.client.requests)"
            );
            return Err(Failure {
                retry: Retry::After(1),
                ..Failure::new(Code::RateLimited, message)
            });
        }
        let limit = config.limits.requests;
        if self.in_flight.nth() <= limit {
            return Ok(());
        }
        let message = format!("{limit} requests are in flight already (limits.requests)");
        Err(Failure::new(Code::Overloaded, message))
    }
}
