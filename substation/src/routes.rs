//! From a request to its response.
//!
//! A handler waits for the body, and then for as long as the configuration says. From there on it runs to its
//! end without a pause. So a client that hangs up either books nothing, or has a session that lives and ends
//! like any other. A dropped request cannot leave half a booking. (If the substation holds requests, the handler then
//! waits for the end of the session, and a client that hangs up ends it.)

use std::convert::Infallible;
use std::time::Duration;

use http::header::EXPECT;
use http::{HeaderMap, Method, Request};
use hyper::body::Incoming;
use tokio::time::sleep;

use crate::body::{self, BodyError};
use crate::book::Refusal;
use crate::charge;
use crate::idempotency::MAX_KEY_LENGTH;
use crate::ids::Id;
use crate::load_report;
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::response::{self, Response, SessionState};
use crate::substation::{ChargeContext, SessionView, Substation};

/// The most headers of a request: the proxy lets 64 of a client's through, and adds some of its own.
const MOST_HEADERS: usize = 96;

/// Responds to one request. It can't fail: a refusal is a response too.
pub(crate) async fn respond(
    substation: Substation,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let (head, body) = request.into_parts();
    let is_charge = head.method == Method::POST && head.uri.path() == "/charge";
    let handled = match head.uri.path() {
        _ if head.headers.len() > MOST_HEADERS => Err(Problem::head_too_large(format_args!(
            "there are more than {MOST_HEADERS} headers; nothing is booked, send fewer"
        ))),
        "/charge" if is_charge => book(&substation, &head.headers, body).await,
        "/charge" => Err(Problem::method_not_allowed("POST")),
        "/metrics" => read_only(&head.method).and_then(|()| metrics(&substation)),
        "/live" => read_only(&head.method).map(|()| response::status("live")),
        "/ready" => read_only(&head.method).and_then(|()| ready(&substation)),
        path => match path.strip_prefix("/sessions/") {
            Some(id) => session(&substation, &head.method, id),
            None => Err(Problem::not_found(
                "there is POST /charge, GET or DELETE /sessions/{id}, GET /metrics, /live and /ready",
            )),
        },
    };
    let mut response =
        handled.unwrap_or_else(|problem| problem.into_response(&substation, &head.headers));
    if is_charge {
        load_report::attach(&substation, &mut response);
    }
    Ok(response)
}

async fn book(
    substation: &Substation,
    head: &HeaderMap,
    body: Incoming,
) -> Result<Response, Problem> {
    let is_announced = head.contains_key(EXPECT);
    let body = body::read(body, is_announced).await.inspect_err(|error| {
        // A client that has gone gets no response, so there is no result to count.
        if !matches!(error, BodyError::Gone) {
            substation.metrics().invalid.inc();
        }
    })?;
    let demand = charge::parse(&body, substation.config())
        .inspect_err(|_| substation.metrics().invalid.inc())?;
    let context = ChargeContext {
        request_id: head.get("x-request-id").and_then(|id| id.to_str().ok()),
        key: idempotency_key(head).inspect_err(|_| substation.metrics().invalid.inc())?,
    };
    let delay = substation.config().pace.delay();
    // Even a sleep of zero would cost a turn of the timer.
    if !delay.is_zero() {
        sleep(delay).await;
    }
    let view = substation.charge(demand, context)?;
    tracing::debug!(substation = substation.name(), session = %view.id, "Session booked");
    if substation.config().hold {
        Held::of(substation, &view).ended().await;
    }
    Ok(response::booked(substation, &view))
}

/// The `Idempotency-Key`. A key that can't be kept is refused: a client that sends one relies on it.
fn idempotency_key(head: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut sent = head.get_all("idempotency-key").iter();
    match (sent.next(), sent.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if !key.is_empty() && key.len() <= MAX_KEY_LENGTH => key
            .to_str()
            .ok()
            .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
            .map(Some)
            .ok_or_else(invalid_key),
        _ => Err(invalid_key()),
    }
}

fn invalid_key() -> Problem {
    Problem::invalid(format_args!(
        "Idempotency-Key must be there once, with 1 to {MAX_KEY_LENGTH} visible ASCII characters; not booked"
    ))
}

fn session(substation: &Substation, method: &Method, id: &str) -> Result<Response, Problem> {
    let shown = match *method {
        Method::GET | Method::HEAD => own_id(substation, id)
            .and_then(|id| substation.session(id))
            .map(|view| response::shown(substation, &view, SessionState::Charging)),
        Method::DELETE => own_id(substation, id)
            .and_then(|id| substation.unplug(id))
            .map(|view| response::shown(substation, &view, SessionState::Cancelled)),
        _ => return Err(Problem::method_not_allowed("GET, HEAD, DELETE")),
    };
    shown.ok_or_else(|| {
        Problem::not_found("no such session here: it has ended, or another substation holds it")
    })
}

/// The session's own part of an id, if the id carries this substation's name.
fn own_id(substation: &Substation, id: &str) -> Option<Id> {
    Id::parse(id.strip_prefix(substation.name())?.strip_prefix('-')?)
}

fn metrics(substation: &Substation) -> Result<Response, Problem> {
    let page = substation.exposition().map_err(Problem::internal)?;
    Ok(response::text(Metrics::content_type(), page))
}

fn ready(substation: &Substation) -> Result<Response, Problem> {
    if substation.is_draining() {
        return Err(Refusal::Draining.into());
    }
    Ok(response::status("ready"))
}

fn read_only(method: &Method) -> Result<(), Problem> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Problem::method_not_allowed("GET, HEAD")),
    }
}

/// A session that lasts as long as its request: it ends when the client leaves.
struct Held<'a> {
    substation: &'a Substation,
    id: Id,
    remaining: Duration,
}

impl<'a> Held<'a> {
    fn of(substation: &'a Substation, view: &SessionView) -> Self {
        Self {
            substation,
            id: view.id,
            remaining: view.remaining,
        }
    }

    async fn ended(self) {
        sleep(self.remaining).await;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Does nothing if the session has ended by itself.
        self.substation.unplug(self.id);
    }
}
