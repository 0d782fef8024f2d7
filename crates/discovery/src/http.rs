//! Targets from a URL, in the format of Prometheus' `http_sd`.

use std::{io, net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use super::targets::{self, Format, Found, Lookups, Malformed, UnknownHost};
use switchyard_bounded::Shown;
use switchyard_config::HttpSource;

/// The largest answer, in bytes: ten thousand targets with many labels.
const LARGEST: usize = 16 << 20;

/// Why an answer yields no targets.
#[derive(Debug, Error)]
pub(super) enum HttpSourceError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the request is invalid: {0}")]
    Request(#[from] http::Error),
    #[error("the connection broke within the body, or the body is larger than 16 MiB: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("answered {status}, not 200{}", leads_to(location.as_deref()))]
    Status {
        status: StatusCode,
        /// Where a redirect leads.
        location: Option<String>,
    },
    #[error("its content-type is {}, not application/json", Shown::value(format_args!("{_0:?}")))]
    Kind(String),
    #[error("its content-encoding is {}, and none was asked for", Shown::value(format_args!("{_0:?}")))]
    Encoded(String),
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
    uri: Uri,
    refresh: Duration,
    timeout: Duration,
    lookups: Lookups,
}

impl HttpClient {
    pub(super) fn new(source: &HttpSource) -> Self {
        Self {
            // The configuration was checked; an invalid URL would fail with the request.
            uri: source.url.parse().unwrap_or_default(),
            refresh: source.refresh,
            timeout: source.timeout,
            lookups: Lookups::default(),
        }
    }

    pub(super) const fn refresh(&self) -> Duration {
        self.refresh
    }

    /// Asks once, over a new connection: a kept one would time out between two requests.
    pub(super) async fn fetch(&self) -> Result<Vec<Found>, HttpSourceError> {
        timeout(self.timeout, self.ask())
            .await
            .unwrap_or(Err(HttpSourceError::Slow(self.timeout)))
    }

    async fn ask(&self) -> Result<Vec<Found>, HttpSourceError> {
        let host = self.uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = self.uri.port_u16().unwrap_or(80);
        let stream = self
            .connect(bare, port)
            .await
            .map_err(HttpSourceError::Connect)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with this request, whether answered or cancelled.
        let mut driver = JoinSet::new();
        driver.spawn(connection);

        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self
            .uri
            .authority()
            .map_or(host, |authority| authority.as_str());
        let request = Request::get(path)
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/json")
            .header(
                header::USER_AGENT,
                concat!("switchyard/", env!("CARGO_PKG_VERSION")),
            )
            .header(
                "x-prometheus-refresh-interval-seconds",
                self.refresh.as_secs_f64().to_string(),
            )
            .body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            let location = answer.headers().get(header::LOCATION);
            let location = location.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
            return Err(HttpSourceError::Status {
                status: answer.status(),
                location,
            });
        }
        is_json(answer.headers())?;
        is_plain(answer.headers())?;
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(HttpSourceError::Body)?.to_bytes();
        let targets = targets::parse(&body, Format::Json)?;
        Ok(targets::resolve(targets, &self.lookups).await?)
    }
}

impl HttpClient {
    /// Connects to the first address of the host that answers.
    async fn connect(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let addresses = match host.parse::<IpAddr>() {
            Ok(ip) => vec![(ip, port).into()],
            Err(_) => self.lookups.all(host, port).await?,
        };
        TcpStream::connect(addresses.as_slice()).await
    }
}

/// Redirects are not followed: an answer from elsewhere might list other substations.
fn leads_to(location: Option<&str>) -> String {
    location.map_or_else(String::new, |location| {
        let location = Shown::value(location);
        format!("; it leads to {location}, and redirects are not followed: correct the URL")
    })
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

/// A compressed answer could be a thousand times as large as its bytes, and none was asked for.
fn is_plain(headers: &HeaderMap) -> Result<(), HttpSourceError> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(kind) if !kind.as_bytes().eq_ignore_ascii_case(b"identity") => {
            let kind = String::from_utf8_lossy(kind.as_bytes());
            Err(HttpSourceError::Encoded(kind.into_owned()))
        }
        _ => Ok(()),
    }
}
