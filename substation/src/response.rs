//! Responses: JSON, except for the page of metrics.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body_util::Full;
use serde::{Serialize, Serializer};

use crate::ids::Id;
use crate::substation::{SessionView, Substation};

/// A whole response in memory, so that it leaves in one write.
pub(crate) type Response = http::Response<Full<Bytes>>;

/// Says that the session was booked by an earlier request with the same key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A usual body has some 200 bytes.
const USUAL_SIZE: usize = 256;

/// A session id as clients see it: the substation's name, and the session's own id.
struct SessionId<'a> {
    substation: &'a str,
    id: Id,
}

impl fmt::Display for SessionId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.substation, self.id)
    }
}

impl Serialize for SessionId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A session on the wire. All durations are in seconds of the host's clock.
#[derive(Serialize)]
struct SessionBody<'a> {
    session_id: SessionId<'a>,
    substation: &'a str,
    power_kw: f64,
    energy_kwh: f64,
    duration_seconds: f64,
    current_load: f64,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
}

#[derive(Serialize)]
struct Progress {
    remaining_seconds: f64,
    state: SessionState,
}

/// What a session does now.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionState {
    Charging,
    Cancelled,
}

/// The response to a booking.
pub(crate) fn booked(substation: &Substation, view: &SessionView) -> Response {
    let mut response = session(substation, view, None);
    if view.is_replay {
        let headers = response.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// The response that shows a session.
pub(crate) fn shown(substation: &Substation, view: &SessionView, state: SessionState) -> Response {
    let remaining_seconds = view.remaining.as_secs_f64();
    let progress = Progress {
        remaining_seconds,
        state,
    };
    session(substation, view, Some(progress))
}

fn session(substation: &Substation, view: &SessionView, progress: Option<Progress>) -> Response {
    let SessionView {
        id, session, load, ..
    } = *view;
    let body = SessionBody {
        session_id: SessionId {
            substation: substation.name(),
            id,
        },
        substation: substation.name(),
        power_kw: session.demand.power.kw(),
        energy_kwh: session.demand.energy.kwh(),
        duration_seconds: (session.ends - session.began).as_secs_f64(),
        current_load: load.kw(),
        progress,
    };
    json(StatusCode::OK, &body)
}

/// The response of a healthy process to `/live` and `/ready`.
pub(crate) fn status(status: &'static str) -> Response {
    #[derive(Serialize)]
    struct StatusBody {
        status: &'static str,
    }
    json(StatusCode::OK, &StatusBody { status })
}

/// The page for Prometheus.
pub(crate) fn text(content_type: &'static str, page: String) -> Response {
    with_body(StatusCode::OK, content_type, page.into())
}

/// A response with this JSON body.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let mut bytes = Vec::with_capacity(USUAL_SIZE);
    // Plain structs written into memory: nothing can fail.
    let written = serde_json::to_writer(&mut bytes, body);
    debug_assert!(written.is_ok(), "{written:?}");
    with_body(status, "application/json", bytes.into())
}

fn with_body(status: StatusCode, content_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
