//! Targets from a URL, in the format of Prometheus' `http_sd`.

use std::time::Duration;

use http::{HeaderMap, HeaderName, header};
use http_body_util::{BodyExt, Limited};
use switchyard_bounded::Shown;
use switchyard_config::HttpSource;
use switchyard_fetch::{FetchError, Server, UnknownHost};
use thiserror::Error;
use tokio::time::timeout;

use super::targets::resolve;
use switchyard_target_groups::{self as target_groups, Format, Found, Malformed};

/// The largest answer, in bytes: ten thousand targets with many labels.
const LARGEST: usize = 16 << 20;

/// Why an answer yields no targets.
#[derive(Debug, Error)]
pub(super) enum HttpSourceError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the connection broke within the body, or the body is larger than 16 MiB: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("its content-type is {}, not application/json", Shown::value(format_args!("{_0:?}")))]
    Kind(String),
    #[error("its answer {0}")]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    UnknownHost(#[from] UnknownHost),
    #[error("no complete answer within {}", humantime::format_duration(*.0))]
    Slow(Duration),
}

/// A URL and how it is requested.
#[derive(Debug)]
pub(super) struct HttpClient {
    server: Server,
    refresh: Duration,
    timeout: Duration,
}

impl HttpClient {
    pub(super) fn new(source: &HttpSource) -> Self {
        Self {
            server: Server::new(
                &source.url,
                source.tls.as_ref(),
                source.authorization.as_ref(),
            ),
            refresh: source.refresh,
            timeout: source.timeout,
        }
    }

    pub(super) const fn refresh(&self) -> Duration {
        self.refresh
    }

    /// Asks once.
    pub(super) async fn fetch(&self) -> Result<Vec<Found>, HttpSourceError> {
        timeout(self.timeout, self.ask())
            .await
            .unwrap_or(Err(HttpSourceError::Slow(self.timeout)))
    }

    async fn ask(&self) -> Result<Vec<Found>, HttpSourceError> {
        let mut connection = self.server.connect(self.timeout).await?;
        let refresh = (
            HeaderName::from_static("x-prometheus-refresh-interval-seconds"),
            self.refresh.as_secs_f64().to_string(),
        );
        let answer = connection.get(self.server.path(), [refresh]).await?;
        if let Some(error) = FetchError::of_status(&answer) {
            return Err(error.into());
        }
        is_json(answer.headers())?;
        if let Some(error) = FetchError::of_encoding(answer.headers()) {
            return Err(error.into());
        }
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(HttpSourceError::Body)?.to_bytes();
        let targets = target_groups::parse(&body, Format::Json)?;
        Ok(resolve(targets, self.server.lookups()).await?)
    }
}

/// Required as by Prometheus: an error page with status 200 is no list of targets.
fn is_json(headers: &HeaderMap) -> Result<(), HttpSourceError> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.map_or("", |kind| kind.to_str().unwrap_or_default());
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(HttpSourceError::Kind(kind.to_owned()))
    }
}
