//! Targets from a URL, in the format of Prometheus' `http_sd`.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use super::targets::{self, Format, Found, Lookups, Malformed, UnknownHost};
use switchyard_bounded::Shown;
use switchyard_config::{Ca, HttpSource, UpstreamTls};
use switchyard_credentials::Bearer;
use switchyard_transport::{
    Belief, Refusal, Stream, Transport, Trust, TrustFiles, Unreadable, Which,
};

/// The largest answer, in bytes: ten thousand targets with many labels.
const LARGEST: usize = 16 << 20;

/// Why an answer yields no targets.
#[derive(Debug, Error)]
pub(super) enum HttpSourceError {
    #[error("cannot connect: {}", why_of(_0))]
    Connect(io::Error),
    #[error("{key} {file}: {rule}")]
    File {
        /// The file's key below the source.
        key: String,
        file: String,
        rule: String,
    },
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the request is invalid: {0}")]
    Request(#[from] http::Error),
    #[error("the connection broke within the body, or the body is larger than 16 MiB: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("answered {0}: {1}")]
    Unauthorized(StatusCode, &'static str),
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
    source: Arc<HttpSource>,
    trust: Arc<Trust>,
    transport: Transport,
}

impl HttpClient {
    pub(super) fn new(source: &HttpSource) -> Self {
        // The configuration was checked; an invalid URL would fail with the request.
        let uri: Uri = source.url.parse().unwrap_or_default();
        let trust = Arc::<Trust>::default();
        let name = source
            .tls
            .as_ref()
            .and_then(|tls| tls.server_name.as_deref());
        let name = name.unwrap_or(bare(uri.host().unwrap_or_default()));
        let transport = match uri.scheme_str() {
            Some("https") => Transport::tls(&trust, name).unwrap_or_default(),
            _ => Transport::default(),
        };
        Self {
            uri,
            refresh: source.refresh,
            timeout: source.timeout,
            lookups: Lookups::default(),
            source: Arc::new(source.clone()),
            trust,
            transport,
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
        let bearer = self.read_files().await?;
        let host = self.uri.host().unwrap_or_default();
        let usual = if self.transport.is_tls() { 443 } else { 80 };
        let port = self.uri.port_u16().unwrap_or(usual);
        let stream = self
            .connect(bare(host), port)
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
        let mut request = Request::get(path)
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
        let is_authorized = bearer.is_some();
        if let Some(bearer) = bearer {
            let value = bearer.value().clone();
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let answer = sender.send_request(request).await?;
        if matches!(
            answer.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            let what = if is_authorized {
                "it does not accept the token in authorization.credentials_file"
            } else {
                "it wants a token: name its file in authorization.credentials_file"
            };
            return Err(HttpSourceError::Unauthorized(answer.status(), what));
        }
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
    /// Connects to the first address of the host that answers, with the handshake if the URL is `https`.
    async fn connect(&self, host: &str, port: u16) -> io::Result<Stream> {
        let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(ip) => vec![(ip, port).into()],
            Err(_) => self.lookups.all(host, port).await?,
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            match self.transport.connect(address, self.timeout).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Reads what the source names: what to trust, and the token, which is returned. A source is asked so seldom that
    /// its files are read each time, and so no change of theirs is missed.
    async fn read_files(&self) -> Result<Option<Bearer>, HttpSourceError> {
        let source = Arc::clone(&self.source);
        if source.tls.is_none() && source.authorization.is_none() {
            return Ok(None);
        }
        let read = move || {
            let belief = source.tls.as_ref().map(belief).transpose()?;
            let file = source.authorization.as_ref().map(|it| &it.credentials_file);
            let bearer = file.map(|file| {
                let key = "authorization.credentials_file";
                Bearer::read(file).map_err(|rule| unfit(key, Some(file), rule))
            });
            Ok::<_, HttpSourceError>((belief, bearer.transpose()?))
        };
        // It only fails if the runtime ends.
        let read = spawn_blocking(read).await.map_err(io::Error::other);
        let (belief, bearer) = read.map_err(HttpSourceError::Connect)??;
        if belief.is_some() {
            self.trust.replace(belief);
        }
        Ok(bearer)
    }
}

fn belief(tls: &UpstreamTls) -> Result<Belief, HttpSourceError> {
    let files = TrustFiles {
        ca: match &tls.ca {
            Ca::System => None,
            Ca::File(file) => Some(file.clone()),
        },
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
    };
    Belief::read(&files).map_err(|Unreadable { which, rule }| {
        let file = match which {
            Which::Ca => &files.ca,
            Which::Certificate => &files.certificate,
            Which::Key => &files.key,
        };
        unfit(&format!("tls.{}", which.key()), file.as_deref(), rule)
    })
}

fn unfit(key: &str, file: Option<&Path>, rule: String) -> HttpSourceError {
    HttpSourceError::File {
        key: key.to_owned(),
        file: file.map_or_else(|| "system".to_owned(), |file| file.display().to_string()),
        rule,
    }
}

/// Why there is no connection: which certificate was refused, if that is why.
fn why_of(error: &io::Error) -> String {
    Refusal::of(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
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
