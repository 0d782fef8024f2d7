//! Questions besides the load: a page to be read, a session to be ended. One keep-alive connection each.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{Method, Request, Uri};
use http_body_util::Full;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::answer::{Answer, Keep};
use crate::link::{Link, connect};
use crate::{Error, Target};

/// Asks one server, one question after the other.
#[derive(Debug)]
pub(crate) struct Caller {
    target: Target,
    within: Duration,
    link: Option<Link>,
}

impl Caller {
    /// Each question and its answer may take so long.
    pub(crate) fn new(target: Target, within: Duration) -> Self {
        Self {
            target,
            within,
            link: None,
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Asks, over a connection that is kept. What goes wrong costs this question only.
    pub(crate) async fn ask(&mut self, method: Method, path: &Uri) -> Result<Answer, String> {
        let asked = timeout(self.within, self.exchange(method, path)).await;
        asked.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.within)))
    }

    async fn exchange(&mut self, method: Method, path: &Uri) -> Result<Answer, String> {
        let mut kept = self.link.take();
        if let Some(link) = &mut kept
            && !link.ready().await
        {
            kept = None;
        }
        let mut link = match kept {
            Some(link) => link,
            None => self.connect().await?,
        };
        let mut ask = Request::new(Full::new(Bytes::new()));
        *ask.method_mut() = method;
        *ask.uri_mut() = path.clone();
        ask.headers_mut().insert(HOST, self.target.host_header());
        let answer = link.ask(ask, Keep::All).await;
        let answer = answer.map_err(|no_answer| no_answer.error().to_string())?;
        self.link = Some(link);
        Ok(answer)
    }

    async fn connect(&self) -> Result<Link, String> {
        let reached = reach(&self.target, self.within).await;
        let (_, stream) = reached.map_err(|error| error.to_string())?;
        Link::over(stream).await.map_err(|error| error.to_string())
    }
}

/// Finds an address at which a target takes connections, so that a missing proxy is one clear error and
/// not a thousand failed requests. The connection is there to be used.
pub(crate) async fn reach(
    target: &Target,
    within: Duration,
) -> Result<(SocketAddr, TcpStream), Error> {
    let host = target.host();
    let addresses = lookup_host((host, target.port())).await;
    let addresses = addresses.map_err(|source| Error::Resolve {
        host: host.to_owned(),
        source,
    })?;
    let mut last = None;
    for address in addresses {
        match timeout(within, connect(address)).await {
            Ok(Ok(stream)) => return Ok((address, stream)),
            Ok(Err(source)) => last = Some(source),
            Err(_) => {}
        }
    }
    let target = target.to_string();
    Err(match last {
        Some(source) => Error::Unreachable { target, source },
        None => Error::Silent { target, within },
    })
}
