//! The admin port: the state of the proxy for people, Prometheus and orchestrators, and an
//! operator's commands.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /` | the live page; its files are under `/page/` |
//! | `GET /events` | the data of the page, once a second, as server-sent events |
//! | `GET /history` | what the charts of the page show, for the last five minutes |
//! | `GET /metrics` | all metrics, in Prometheus' text format, or in OpenMetrics' where that is asked for |
//! | `GET /status`, `/get_current_load` | the grid as JSON |
//! | `GET /decisions?limit=N` | the last choices with their reasons |
//! | `GET /decisions/{request_id}` | the choices for one request, if they are kept |
//! | `GET /config` | the configuration in force, defaults included, its version, and what the last reload changed |
//! | `GET /live` | 200 while the process runs and no task that must live is down |
//! | `GET /ready` | 200 once every substation was asked for its load and one was reached, until the process begins to stop |
//! | `POST /reload` | reads the file again: 200 and what changed, or 422 and all its faults |
//! | `POST /substations/{name}/drain`, `/undrain` | the substation, as in `/status`; `?local=true` keeps the command to this proxy, and the body of a drain may be `{"reason": …}` |
//! | `/limits`, `/limits/{name}`, `/limits/{name}/heartbeat` | limits that come and go: see [`limits`] |
//!
//! The admin port reads, and passes on an operator's commands; it decides nothing. It does not
//! belong on a public address: without a token (`admin.token_file`) it listens on loopback, and
//! answers only requests for a name of this machine. With a token, every path that has data
//! requires it. `/live` and `/ready` do not, because orchestrators poll them, and neither do the
//! page's files.
//!
//! It shares the main thread with the scraper, so what grows with the grid is written on other
//! threads: see [`pages`] and [`events`].

mod commands;
mod configuration;
mod connections;
mod decisions;
mod drains;
mod encoding;
mod events;
mod head;
mod history;
mod host;
mod http;
mod limits;
mod metrics;
mod page;
mod pages;
mod snapshot;
mod status;
mod wrong_tokens;

use std::sync::Arc;

use ::http::{HeaderMap, HeaderValue, Method, Response, header};
use serde::Serialize;

use switchyard_telemetry::{OPEN_METRICS, open_metrics};
use switchyard_wire::{Code, Failure};

use crate::{dispatch::DispatchState, reload, runtime::Runtime};
use connections::Connections;
use events::Feed;
use history::Recorder;
use pages::{Pages, Wanted};
use wrong_tokens::WrongTokens;

pub use metrics::page as metrics_page;

/// The answer to a request.
type Reply = Response<Vec<u8>>;

const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The application behind the admin port.
#[derive(Debug)]
pub struct Admin {
    runtime: Arc<Runtime>,
    dispatch: Arc<DispatchState>,
    reloads: reload::ReloadHandle,
    feed: Arc<Feed>,
    recorder: Arc<Recorder>,
    connections: Connections,
    pages: Pages,
    wrong_tokens: WrongTokens,
}

impl Admin {
    /// An admin port for the state that all threads share. `reloads` does the reloads. Starts to record what
    /// `/history` answers, so this needs a runtime.
    #[must_use]
    pub fn new(
        runtime: Arc<Runtime>,
        dispatch: Arc<DispatchState>,
        reloads: reload::ReloadHandle,
    ) -> Self {
        Self {
            recorder: Recorder::start(&runtime),
            runtime,
            dispatch,
            reloads,
            feed: Arc::default(),
            connections: Connections::default(),
            pages: Pages::default(),
            wrong_tokens: WrongTokens::default(),
        }
    }

    fn answer(&self, method: &Method, path: &str) -> Reply {
        let file = page::at(path);
        let request = decisions::OfRequest::id_in(path);
        if file.is_none() && request.is_none() && !matches!(path, "/live" | "/ready") {
            let message = format!(
                "there is no path {path:?}; the paths are /, /events, /history, /metrics, /status, /decisions, /decisions/{{request_id}}, /config, /live, /ready, and with POST /reload, /substations/{{name}}/drain and /undrain; /limits, /limits/{{name}} and /limits/{{name}}/heartbeat"
            );
            return failure(&Failure::new(Code::NotFound, message));
        }
        if method != Method::GET {
            return failure(&Failure::method_not_allowed(path, method, "GET, HEAD"));
        }
        if let Some(file) = file {
            return file;
        }
        if let Some(id) = request {
            return match decisions::OfRequest::of(&self.dispatch.decisions, &id) {
                Ok(found) => json(200, &found),
                Err(refused) => failure(&refused),
            };
        }
        match path {
            "/live" => live(&self.runtime.vitals.down()),
            _ => self.ready(),
        }
    }

    /// The answer with one of the [`pages`].
    async fn page(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Response<Vec<u8>> {
        if method != Method::GET {
            return failure(&Failure::method_not_allowed(path, method, "GET, HEAD"));
        }
        let (runtime, dispatch) = (Arc::clone(&self.runtime), Arc::clone(&self.dispatch));
        let recorder = Arc::clone(&self.recorder);
        let longest = self.runtime.now().config.timeouts.client;
        let wanted = Wanted::new(path, query, headers);
        let is_open_metrics = wanted.is_open_metrics();
        let write = move |path: &str, query: Option<&str>| match path {
            "/metrics" => metrics_text(&runtime, &dispatch, is_open_metrics),
            "/config" => json(200, &configuration::InForce::of(&runtime)),
            "/decisions" => match decisions::Page::of(&runtime, &dispatch.decisions, query) {
                Ok(page) => json(200, &page),
                Err(message) => failure(&Failure::new(Code::InvalidRequest, message)),
            },
            "/limits" => {
                limits::listed(&runtime, query).unwrap_or_else(|refused| failure(&refused))
            }
            "/history" => compact(&recorder.answer(&runtime)),
            _ => json(
                200,
                &status::of_grid(
                    &runtime.snapshot(),
                    runtime.fleet.status(),
                    runtime.kept_state(),
                    &runtime.limits.all_in_force(),
                ),
            ),
        };
        self.pages.get(wanted, longest, write).await
    }

    /// Whether a request for this path with these headers is allowed.
    fn authorise(&self, path: &str, headers: &HeaderMap) -> Result<(), Failure> {
        // Orchestrators poll two of them, and the page's files hold no data: the page requests that
        // with the token.
        let is_open = matches!(path, "/live" | "/ready" | "/") || path.starts_with("/page/");
        match self.runtime.credentials.token() {
            Some(token) if !is_open => token.authorise(headers).map_err(|refused| {
                self.runtime
                    .metrics
                    .requests
                    .rejected(Code::Unauthorized.name());
                Failure::new(Code::Unauthorized, refused.to_string())
            }),
            _ => Ok(()),
        }
    }

    fn ready(&self) -> Response<Vec<u8>> {
        if self.runtime.in_flight.is_leaving() {
            not_ready("draining".into())
        } else if self.runtime.now().grid.is_ready() {
            text(200, "ready\n")
        } else {
            not_ready(
                "not every substation was asked for its load yet, or none can be reached".into(),
            )
        }
    }
}

fn metrics_text(
    runtime: &Runtime,
    dispatch: &DispatchState,
    is_open_metrics: bool,
) -> Response<Vec<u8>> {
    match metrics::page(runtime, dispatch) {
        Ok(page) if is_open_metrics => {
            let page = String::from_utf8_lossy(&page);
            let exemplars = runtime.metrics.requests.exemplars();
            reply(200, OPEN_METRICS, open_metrics(&page, &exemplars))
        }
        Ok(page) => reply(200, METRICS, page),
        Err(error) => text(500, &format!("the metrics can't be rendered: {error}\n")),
    }
}

/// The answer of `/live`, while these of the tasks that must live are down.
fn live(down: &[Arc<str>]) -> Response<Vec<u8>> {
    if down.is_empty() {
        return text(200, "live\n");
    }
    let down = down.join(", ");
    not_ready(format!("died and not yet started again: {down}"))
}

fn not_ready(message: String) -> Response<Vec<u8>> {
    failure(&Failure::new(Code::NotReady, message))
}

fn json(status: u16, value: &impl Serialize) -> Response<Vec<u8>> {
    match serde_json::to_vec_pretty(value) {
        Ok(body) => reply(status, JSON, body),
        Err(error) => unwritable(&error),
    }
}

/// The same for a program, without blanks.
fn compact(value: &impl Serialize) -> Response<Vec<u8>> {
    match serde_json::to_vec(value) {
        Ok(body) => reply(200, JSON, body),
        Err(error) => unwritable(&error),
    }
}

fn unwritable(error: &serde_json::Error) -> Response<Vec<u8>> {
    text(
        500,
        &format!("the answer can't be written as JSON: {error}\n"),
    )
}

fn text(status: u16, body: &str) -> Response<Vec<u8>> {
    reply(status, "text/plain; charset=utf-8", body.into())
}

/// An error. Its body is written once the request's id is known.
fn failure(failure: &Failure) -> Response<Vec<u8>> {
    let mut answer = reply(failure.code.status(), JSON, Vec::new());
    answer.extensions_mut().insert(failure.clone());
    if failure.code == Code::Unauthorized {
        let headers = answer.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if failure.code == Code::StoreUnavailable {
        let headers = answer.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Some(allow) = failure.allow.as_deref()
        && let Ok(allow) = HeaderValue::from_str(allow)
    {
        let headers = answer.headers_mut();
        headers.insert(header::ALLOW, allow);
    }
    answer
}

fn reply(status: u16, content_type: &str, body: Vec<u8>) -> Response<Vec<u8>> {
    let built = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .body(body);
    built.unwrap_or_default()
}
