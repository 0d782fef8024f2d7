//! Requests besides the load: reading a page, ending a session. Each client has one keep-alive
//! connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::access::{Access, Stream};
use crate::answer::{Answer, KeepBody};
use crate::connection::{Connection, connect, explain};
use crate::error::Error;
use crate::target::Target;

/// Sends requests to one server, one after the other.
#[derive(Debug)]
pub(crate) struct Client {
    target: Target,
    timeout: Duration,
    access: Access,
    bearer: Option<HeaderValue>,
    connection: Option<Connection>,
}

impl Client {
    /// `timeout` bounds each request with its answer, connecting included.
    pub(crate) fn new(target: Target, timeout: Duration, access: Access) -> Self {
        Self {
            target,
            timeout,
            access,
            bearer: None,
            connection: None,
        }
    }

    /// The same client, but with this token, if there is one.
    pub(crate) fn with_bearer(self, bearer: Option<HeaderValue>) -> Self {
        Self { bearer, ..self }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Sends a request over the kept connection, or over a new one. After a failure the client is
    /// usable again.
    pub(crate) async fn send(&mut self, method: Method, path: &Uri) -> Result<Answer, String> {
        let sent = timeout(self.timeout, self.exchange(method, path)).await;
        sent.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout)))
    }

    async fn exchange(&mut self, method: Method, path: &Uri) -> Result<Answer, String> {
        let mut kept = self.connection.take();
        if let Some(connection) = &mut kept
            && !connection.ready().await
        {
            kept = None;
        }
        let mut connection = match kept {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() = path.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.target.host_header());
        if let Some(bearer) = &self.bearer {
            headers.insert(AUTHORIZATION, bearer.clone());
        }
        let answer = connection.send(request, KeepBody::All).await;
        let answer = answer.map_err(|error| error.cause().to_string())?;
        self.connection = Some(connection);
        Ok(answer)
    }

    async fn connect(&self) -> Result<Connection, String> {
        let (_, stream) = reach(&self.target, self.timeout, &self.access)
            .await
            .map_err(|error| error.to_string())?;
        let connection = Connection::over(stream).await;
        connection.map_err(|error| error.to_string())
    }
}

/// Finds an address at which a target accepts connections, so that a missing proxy is one clear
/// error instead of a thousand failed requests. The connection can be used.
pub(crate) async fn reach(
    target: &Target,
    within: Duration,
    access: &Access,
) -> Result<(SocketAddr, Stream), Error> {
    let host = target.host();
    let addresses = lookup_host((host, target.port())).await;
    let addresses = addresses.map_err(|source| Error::Resolve {
        host: host.to_owned(),
        source,
    })?;
    let mut last = None;
    for address in addresses {
        match timeout(within, connect(target, address, access)).await {
            Ok(Ok(stream)) => return Ok((address, stream)),
            Ok(Err(source)) => last = Some(source),
            Err(_) => {}
        }
    }
    let target = target.to_string();
    Err(match last {
        Some(source) => {
            let source = io::Error::new(source.kind(), explain(&source));
            Error::Unreachable { target, source }
        }
        None => Error::Silent { target, within },
    })
}
