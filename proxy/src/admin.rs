//! The admin port: what the proxy knows, for people, Prometheus and orchestrators.
//!
//! | path | answer |
//! | --- | --- |
//! | `GET /metrics` | everything counted, in Prometheus' text format |
//! | `GET /status`, `/get_current_load` | the grid as JSON |
//! | `GET /decisions?limit=N` | the last choices, and why |
//! | `GET /config` | the configuration in force, defaults included |
//! | `GET /live` | 200 while the process runs |
//! | `GET /ready` | 200 once a first round of samples is in, and until the process is told to end |
//! | `POST /substations/{name}/drain`, `/undrain` | the substation, as in `/status` |
//!
//! It reads, and passes on an operator's word; it decides nothing. It has no business on a public address: it listens on loopback,
//! unless there is a token (`admin.token_file`). With one, all but `/live` and `/ready` ask for it: orchestrators look
//! at those two, and they tell nothing.

mod commands;
mod decisions;
mod status;

use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Method, Response, header};
use pingora_core::{apps::http_app::ServeHttp, protocols::http::ServerSession};
use serde::Serialize;

use crate::dispatch::{Code, Failure, Shared};
use commands::Drain;
use status::Status;

const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The application behind the admin port.
#[derive(Debug)]
pub struct Admin {
    shared: Arc<Shared>,
}

impl Admin {
    /// An admin port for what is shared.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn answer(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Response<Vec<u8>> {
        if let Err(refused) = self.authorise(path, headers) {
            return failure(&refused);
        }
        if let Some(drain) = Drain::at(path) {
            return self.command(drain, method, path, headers);
        }
        let page = match path {
            "/metrics" | "/status" | "/get_current_load" | "/decisions" | "/config" | "/live"
            | "/ready" => path,
            _ => {
                let message = format!(
                    "nothing is at {path:?}; there are /metrics, /status, /decisions, /config, /live, /ready and POST /substations/{{name}}/drain and /undrain"
                );
                return failure(&Failure::new(Code::NotFound, message));
            }
        };
        if method != Method::GET {
            return failure(&Failure::method_not_allowed(path, method, "GET"));
        }
        match page {
            "/metrics" => self.metrics(),
            "/config" => json(200, &self.shared.config),
            "/decisions" => match decisions::Page::of(&self.shared, query) {
                Ok(page) => json(200, &page),
                Err(message) => failure(&Failure::new(Code::InvalidRequest, message)),
            },
            "/live" => text(200, "live\n"),
            "/ready" => self.ready(),
            _ => json(200, &Status::of(&self.shared)),
        }
    }

    /// Whether this path may be asked for with these headers.
    fn authorise(&self, path: &str, headers: &HeaderMap) -> Result<(), Failure> {
        match self.shared.credentials.token() {
            Some(token) if !matches!(path, "/live" | "/ready") => token.authorise(headers),
            _ => Ok(()),
        }
    }

    fn metrics(&self) -> Response<Vec<u8>> {
        match self.shared.metrics.render(&self.shared) {
            Ok(page) => reply(200, METRICS, page),
            Err(error) => text(500, &format!("the metrics can't be rendered: {error}\n")),
        }
    }

    fn ready(&self) -> Response<Vec<u8>> {
        if self.shared.in_hand.is_draining() {
            text(503, "draining\n")
        } else if self.shared.grid.is_ready() {
            text(200, "ready\n")
        } else {
            text(503, "no first round of load samples yet\n")
        }
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let head = session.req_header();
        self.answer(
            &head.method,
            head.uri.path(),
            head.uri.query(),
            &head.headers,
        )
    }
}

fn json(status: u16, value: &impl Serialize) -> Response<Vec<u8>> {
    match serde_json::to_vec_pretty(value) {
        Ok(body) => reply(status, JSON, body),
        Err(error) => text(
            500,
            &format!("the answer can't be written as JSON: {error}\n"),
        ),
    }
}

fn text(status: u16, body: &str) -> Response<Vec<u8>> {
    reply(status, "text/plain; charset=utf-8", body.into())
}

fn failure(failure: &Failure) -> Response<Vec<u8>> {
    let mut answer = reply(failure.code.status(), JSON, failure.to_json(""));
    if failure.code == Code::Unauthorized {
        let headers = answer.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(allow) = failure.allow {
        let headers = answer.headers_mut();
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    answer
}

fn reply(status: u16, content_type: &str, body: Vec<u8>) -> Response<Vec<u8>> {
    let built = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::CONTENT_LENGTH, body.len())
        .body(body);
    built.unwrap_or_default()
}
