//! One connection to the collector: OTLP over HTTP/1.1, with protobuf.
//!
//! HTTP and not gRPC: every collector takes both, at ports 4318 and 4317. gRPC would bring `tonic` and its tower of
//! crates for one call that is made once a second.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use switchyard_transport::{BadName, Stream, Transport, Trust};
use thiserror::Error;
use tokio::{net::lookup_host, time::timeout};

/// How long the collector may take for one batch, with the connection.
const LONGEST: Duration = Duration::from_secs(10);
/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024;
/// Where a collector takes traces, unless its URL has a path.
const PATH: &str = "/v1/traces";

/// Where the collector is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    host: String,
    port: u16,
    is_tls: bool,
    authority: String,
    path: String,
}

impl Endpoint {
    /// The collector at this URL: `http` or `https`, a host, and perhaps a port and a path; without a path, `/v1/traces`.
    /// None for anything else.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let is_tls = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host();
        if host.is_empty() || authority.as_str().contains('@') {
            return None;
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Some(Self {
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            // As the specification of OTLP has it.
            port: authority.port_u16().unwrap_or(4318),
            is_tls,
            authority: authority.as_str().to_owned(),
            path: if path == "/" { PATH } else { path }.to_owned(),
        })
    }

    /// How it is reached. TLS believes the authorities that the system believes, or those in `SSL_CERT_FILE`.
    fn transport(&self) -> Result<Transport, BadName> {
        if self.is_tls {
            Transport::tls(&Arc::new(Trust::default()), &self.host)
        } else {
            Ok(Transport::default())
        }
    }
}

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The collector has it, except for this many spans, and what it says of those.
    Taken { refused: usize, why: String },
    /// It may take it later.
    Later(CollectorError, Option<Duration>),
    /// It will never take it.
    Never(CollectorError),
}

/// Why the collector has not taken a batch.
#[derive(Debug, Error)]
pub(crate) enum CollectorError {
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the request is invalid: {0}")]
    Request(#[from] http::Error),
    #[error("the connection broke within the answer, or that is larger than 64 KiB")]
    Body,
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("no complete answer within {} s", LONGEST.as_secs())]
    Slow,
}

/// Sends batches over one connection, which is kept.
#[derive(Debug)]
pub(crate) struct Client {
    to: Endpoint,
    transport: Transport,
    kept: Option<http1::SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(crate) fn new(to: Endpoint) -> Result<Self, BadName> {
        Ok(Self {
            transport: to.transport()?,
            to,
            kept: None,
        })
    }

    /// Sends a batch.
    pub(crate) async fn send(&mut self, batch: Bytes) -> Outcome {
        let outcome = match timeout(LONGEST, self.ask(batch)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::Later(error, None),
            Err(_) => Outcome::Later(CollectorError::Slow, None),
        };
        if matches!(outcome, Outcome::Later(..)) {
            self.kept = None;
        }
        outcome
    }

    async fn ask(&mut self, batch: Bytes) -> Result<Outcome, CollectorError> {
        if let Some(mut sender) = self.kept.take()
            && sender.ready().await.is_ok()
        {
            // It may have been closed meanwhile: then the batch goes over a new one. A batch that comes twice does no
            // harm, because its spans have ids.
            let request = self.request(batch.clone())?;
            if let Ok(answer) = sender.send_request(request).await {
                return self.read(answer, sender).await;
            }
        }
        let stream = self.connect().await.map_err(CollectorError::Connect)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let answer = sender.send_request(self.request(batch)?).await?;
        self.read(answer, sender).await
    }

    /// Connects to the first address of the collector that answers.
    async fn connect(&self) -> io::Result<Stream> {
        let addresses = lookup_host((self.to.host.as_str(), self.to.port)).await?;
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        for address in addresses {
            match self.transport.connect(address, LONGEST).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn request(&self, batch: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        Request::post(&self.to.path)
            .header(header::HOST, &self.to.authority)
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .header(
                header::USER_AGENT,
                concat!("switchyard/", env!("CARGO_PKG_VERSION")),
            )
            .body(Full::new(batch))
    }

    async fn read(
        &mut self,
        answer: Response<Incoming>,
        sender: http1::SendRequest<Full<Bytes>>,
    ) -> Result<Outcome, CollectorError> {
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, LARGEST_ANSWER).collect().await;
        let body = body.map_err(|_| CollectorError::Body)?.to_bytes();
        self.kept = Some(sender);
        let failed = CollectorError::Status(head.status);
        Ok(match head.status.as_u16() {
            200..300 => taken(&body),
            // As the specification of OTLP has it.
            429 | 502 | 503 | 504 => {
                let after = head.headers.get(header::RETRY_AFTER);
                let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
                Outcome::Later(failed, after.map(Duration::from_secs))
            }
            _ => Outcome::Never(failed),
        })
    }
}

/// What the collector says of a batch that it has taken. An answer that is none says nothing.
fn taken(body: &[u8]) -> Outcome {
    let said = ExportTraceServiceResponse::decode(body).unwrap_or_default();
    let said = said.partial_success.unwrap_or_default();
    Outcome::Taken {
        refused: usize::try_from(said.rejected_spans).unwrap_or_default(),
        why: said.error_message,
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn an_endpoint_is_a_url_with_or_without_port_and_path() {
        for (url, expected) in [
            ("http://jaeger", Some(("jaeger", 4318, false, "/v1/traces"))),
            ("http://a:4318/", Some(("a", 4318, false, "/v1/traces"))),
            ("https://a.b:1/x?y=z", Some(("a.b", 1, true, "/x?y=z"))),
            (
                "http://[::1]:9/v1/traces",
                Some(("::1", 9, false, "/v1/traces")),
            ),
            ("grpc://a:4317", None),
            ("http://user:word@a", None),
            ("a:4318", None),
            ("/v1/traces", None),
            ("", None),
        ] {
            let parsed = Endpoint::parse(url);
            let told = parsed
                .as_ref()
                .map(|to| (to.host.as_str(), to.port, to.is_tls, to.path.as_str()));
            assert_eq!(told, expected, "{url}");
        }
    }
}
