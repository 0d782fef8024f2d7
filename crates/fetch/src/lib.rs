//! Asks a server that a configuration names by its URL: a source of substations, or Prometheus.
//!
//! A [`Server`] is asked over a new connection each time, since a kept one would time out between two questions. It may
//! need TLS and a token: their files are read each time as well, so no change of theirs is missed. What is in an answer
//! is the caller's matter, and so is the time that all of it may take.

mod error;
mod lookups;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, Request, Response, StatusCode, Uri, header};
use http_body_util::Empty;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use switchyard_config::{Authorization, Ca, UpstreamTls};
use switchyard_credentials::Bearer;
use switchyard_transport::{Belief, Stream, Transport, Trust, TrustFiles, Unreadable, Which};
use tokio::task::{JoinSet, spawn_blocking};

pub use error::FetchError;
pub use lookups::{Lookups, UnknownHost};

/// A server, and how it is asked.
#[derive(Debug)]
pub struct Server {
    uri: Uri,
    lookups: Lookups,
    tls: Option<Arc<UpstreamTls>>,
    authorization: Option<Arc<Authorization>>,
    trust: Arc<Trust>,
    transport: Transport,
}

/// A connection to a [`Server`]. It ends when this is dropped, also in the middle of an answer.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    authority: String,
    bearer: Option<Bearer>,
    _driver: JoinSet<()>,
}

impl Server {
    /// The server of `url`, which a checked configuration names. `tls` is for a URL that begins with `https`; without, it
    /// believes the authorities of the system.
    #[must_use]
    pub fn new(
        url: &str,
        tls: Option<&UpstreamTls>,
        authorization: Option<&Authorization>,
    ) -> Self {
        // The configuration was checked; an invalid URL would fail with the request.
        let uri: Uri = url.parse().unwrap_or_default();
        let trust = Arc::<Trust>::default();
        let name = tls.and_then(|tls| tls.server_name.as_deref());
        let name = name.unwrap_or(bare(uri.host().unwrap_or_default()));
        let transport = match uri.scheme_str() {
            Some("https") => Transport::tls(&trust, name).unwrap_or_default(),
            _ => Transport::default(),
        };
        Self {
            uri,
            lookups: Lookups::default(),
            tls: tls.cloned().map(Arc::new),
            authorization: authorization.cloned().map(Arc::new),
            trust,
            transport,
        }
    }

    /// The path of its URL with the query, `/` at least.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The look-ups of host names on its behalf.
    #[must_use]
    pub fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    /// Connects to the first address of the host that answers, each within `limit`, the handshake included.
    pub async fn connect(&self, limit: Duration) -> Result<Connection, FetchError> {
        let bearer = self.read_files().await?;
        let host = self.uri.host().unwrap_or_default();
        let usual = if self.transport.is_tls() { 443 } else { 80 };
        let port = self.uri.port_u16().unwrap_or(usual);
        let stream = self
            .connect_to(bare(host), port, limit)
            .await
            .map_err(FetchError::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the connection that is returned, whether its questions were answered or not.
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Whatever went wrong, the question has the error.
            let _ = connection.await;
        });
        let authority = self.uri.authority();
        Ok(Connection {
            sender,
            authority: authority.map_or(host, |it| it.as_str()).to_owned(),
            bearer,
            _driver: driver,
        })
    }

    async fn connect_to(&self, host: &str, port: u16, limit: Duration) -> io::Result<Stream> {
        let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(ip) => vec![(ip, port).into()],
            Err(_) => self.lookups.all(host, port).await?,
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in addresses {
            match self.transport.connect(address, limit).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Reads what is named: what to trust, and the token, which is returned.
    async fn read_files(&self) -> Result<Option<Bearer>, FetchError> {
        if self.tls.is_none() && self.authorization.is_none() {
            return Ok(None);
        }
        let (tls, authorization) = (self.tls.clone(), self.authorization.clone());
        let read = move || {
            let belief = tls.as_deref().map(belief).transpose()?;
            let file = authorization.as_ref().map(|it| &it.credentials_file);
            let bearer = file.map(|file| {
                let key = "authorization.credentials_file";
                Bearer::read(file).map_err(|rule| FetchError::file(key, Some(file), rule))
            });
            Ok::<_, FetchError>((belief, bearer.transpose()?))
        };
        // It only fails if the runtime ends.
        let read = spawn_blocking(read).await.map_err(io::Error::other);
        let (belief, bearer) = read.map_err(FetchError::Connect)??;
        if belief.is_some() {
            self.trust.replace(belief);
        }
        Ok(bearer)
    }
}

impl Connection {
    /// Sends a `GET` of `path`, which has the query, and reads the answer up to its body. `headers` go beside `host`,
    /// `accept: application/json`, `user-agent` and the token.
    ///
    /// Fails where the server does not let this in. Any other answer is returned: see [`FetchError::of_status`].
    pub async fn get(
        &mut self,
        path: &str,
        headers: impl IntoIterator<Item = (HeaderName, String)>,
    ) -> Result<Response<Incoming>, FetchError> {
        let mut request = Request::get(path)
            .header(header::HOST, &self.authority)
            .header(header::ACCEPT, "application/json")
            .header(
                header::USER_AGENT,
                concat!("switchyard/", env!("CARGO_PKG_VERSION")),
            );
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(Empty::<Bytes>::new())?;
        if let Some(bearer) = &self.bearer {
            let value = bearer.value().clone();
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let is_shut_out = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        if is_shut_out.contains(&answer.status()) {
            let what = if self.bearer.is_some() {
                "it does not accept the token in authorization.credentials_file"
            } else {
                "it wants a token: name its file in authorization.credentials_file"
            };
            return Err(FetchError::Unauthorized(answer.status(), what));
        }
        Ok(answer)
    }
}

fn belief(tls: &UpstreamTls) -> Result<Belief, FetchError> {
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
        FetchError::file(&format!("tls.{}", which.key()), file.as_deref(), rule)
    })
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
