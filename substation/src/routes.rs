//! From a request to its answer.
//!
//! A handler waits for the body, and then for as long as it was told to. From there on it runs to its end in one step, so a
//! client that hangs up either was not admitted at all, or has a session that lives and ends like any
//! other: no moment lies between in which a dropped request could leave half a booking.

use std::convert::Infallible;

use http::header::EXPECT;
use http::{HeaderMap, Method, Request};
use hyper::body::Incoming;
use tokio::time::sleep;

use crate::answer::{self, Answer, Problem};
use crate::body::{self, BodyError};
use crate::charge;
use crate::ids::Id;
use crate::keys::LONGEST_KEY;
use crate::metrics::Metrics;
use crate::report;
use crate::station::{Asker, Substation};

/// Answers one request. It can't fail: a refusal is an answer too.
pub(crate) async fn answer(
    substation: Substation,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let (head, body) = request.into_parts();
    let is_charge = head.method == Method::POST && head.uri.path() == "/charge";
    let answered = match head.uri.path() {
        "/charge" if is_charge => book(&substation, &head.headers, body).await,
        "/charge" => Err(Problem::method_not_allowed("POST")),
        "/metrics" => read_only(&head.method).and_then(|()| metrics(&substation)),
        "/live" => read_only(&head.method).map(|()| answer::status("live")),
        "/ready" => read_only(&head.method).and_then(|()| ready(&substation)),
        path => match path.strip_prefix("/sessions/") {
            Some(id) => session(&substation, &head.method, id),
            None => Err(Problem::not_found(
                "there is POST /charge, GET or DELETE /sessions/{id}, GET /metrics, /live and /ready",
            )),
        },
    };
    let mut answer = answered.unwrap_or_else(|problem| problem.answer(&substation, &head.headers));
    if is_charge {
        report::attach(&substation, &mut answer);
    }
    Ok(answer)
}

async fn book(
    substation: &Substation,
    head: &HeaderMap,
    body: Incoming,
) -> Result<Answer, Problem> {
    let announced = head.contains_key(EXPECT);
    let body = body::read(body, announced).await.inspect_err(|error| {
        // Nobody waits for an answer, so there is no result to count.
        if !matches!(error, BodyError::Gone) {
            substation.metrics().invalid.inc();
        }
    })?;
    let demand = charge::parse(&body, substation.config())
        .inspect_err(|_| substation.metrics().invalid.inc())?;
    let asker = Asker {
        request_id: head.get("x-request-id").and_then(|id| id.to_str().ok()),
        key: key(head).inspect_err(|_| substation.metrics().invalid.inc())?,
    };
    let thinks = substation.config().answer_after;
    // Even a wait for nothing would cost a turn of the timer.
    if !thinks.is_zero() {
        sleep(thinks).await;
    }
    let seen = substation.charge(demand, asker)?;
    tracing::debug!(substation = substation.name(), session = %seen.id, "Session booked");
    Ok(answer::booked(substation, &seen))
}

/// The `Idempotency-Key`. One that can't be kept is refused: a client that sends it counts on it.
fn key(head: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut sent = head.get_all("idempotency-key").iter();
    match (sent.next(), sent.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if !key.is_empty() && key.len() <= LONGEST_KEY => key
            .to_str()
            .ok()
            .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
            .map(Some)
            .ok_or_else(unfit),
        _ => Err(unfit()),
    }
}

fn unfit() -> Problem {
    Problem::invalid(format_args!(
        "Idempotency-Key must be there once, with 1 to {LONGEST_KEY} visible ASCII characters; not booked"
    ))
}

fn session(substation: &Substation, method: &Method, id: &str) -> Result<Answer, Problem> {
    let seen = match *method {
        Method::GET | Method::HEAD => own(substation, id)
            .and_then(|id| substation.session(id))
            .map(|seen| answer::shown(substation, &seen, "charging")),
        Method::DELETE => own(substation, id)
            .and_then(|id| substation.unplug(id))
            .map(|seen| answer::shown(substation, &seen, "cancelled")),
        _ => return Err(Problem::method_not_allowed("GET, HEAD, DELETE")),
    };
    seen.ok_or_else(|| {
        Problem::not_found("no such session here: it has ended, or another substation holds it")
    })
}

/// The session's own part of an id, if this substation made it.
fn own(substation: &Substation, id: &str) -> Option<Id> {
    Id::parse(id.strip_prefix(substation.name())?.strip_prefix('-')?)
}

fn metrics(substation: &Substation) -> Result<Answer, Problem> {
    let page = substation.exposition().map_err(Problem::internal)?;
    Ok(answer::text(Metrics::content_type(), page))
}

fn ready(substation: &Substation) -> Result<Answer, Problem> {
    if substation.is_draining() {
        return Err(crate::book::Refusal::Draining.into());
    }
    Ok(answer::status("ready"))
}

fn read_only(method: &Method) -> Result<(), Problem> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Problem::method_not_allowed("GET, HEAD")),
    }
}
