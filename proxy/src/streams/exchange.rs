//! One attempt of a request that streams, as Pingora's hooks and the dispatcher share it.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderName, HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use pingora_core::{Error, ErrorSource, ErrorType, Result};
use pingora_core::{
    connectors::L4Connect,
    protocols::l4::{socket::SocketAddr, stream::Stream as PlainStream, virt::VirtualSocketStream},
    upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy},
};
use pingora_http::ResponseHeader;
use switchyard_grid::Substation;
use switchyard_http1::nominates;
use tokio::time::Instant;

use super::{
    link::{Connection, Link},
    pool::Pool,
};
use crate::stream_client::Moved;

/// What is done in one attempt.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) substation: Arc<Substation>,
    /// How long a new connection may take, with its TLS handshake.
    pub(crate) connect_timeout: Duration,
    /// Whether an idle connection may be used.
    pub(crate) may_reuse: bool,
    /// The protocol that the request asks for in place of HTTP.
    pub(crate) upgrade: Option<Box<[u8]>>,
    /// What the answer's head gets in place of what the substation says there; without a value, nothing.
    pub(crate) fields: Vec<(HeaderName, Option<HeaderValue>)>,
}

/// What is known of an attempt.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The status of the final head, whose rest goes to the client.
    pub(crate) head: Option<u16>,
    /// The head of an answer that refuses the request, and does not go to the client.
    pub(crate) refusal: Option<Box<ResponseHeader>>,
    /// Why there is no connection.
    pub(crate) no_connection: Option<io::Error>,
    /// Why the attempt ended before the answer did.
    pub(crate) failure: Option<Failure>,
}

/// Whose failure it is, and what it is.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Whether it is the client's side that failed.
    pub(crate) is_client: bool,
    /// Whether the substation has closed the connection, which is no reset.
    pub(crate) is_close: bool,
    pub(crate) reason: String,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) task: Task,
    pub(crate) link: Arc<Link>,
    moved: Arc<Moved>,
    seen: Mutex<Seen>,
    pool: Arc<Pool>,
    /// The version of the substation's transport when the attempt began.
    version: u64,
}

impl Exchange {
    pub(super) fn new(task: Task, moved: &Arc<Moved>, pool: &Arc<Pool>) -> Self {
        Self {
            version: task.substation.transport().version(),
            task,
            link: Arc::default(),
            moved: Arc::clone(moved),
            seen: Mutex::default(),
            pool: Arc::clone(pool),
        }
    }

    /// The status of the final head, once that has come.
    pub(crate) fn head(&self) -> Option<u16> {
        self.seen.lock().head
    }

    /// What is known of it, which is then forgotten. For when it has ended.
    pub(crate) fn take_seen(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock())
    }

    /// Keeps its connection for another request, if it can carry one.
    pub(crate) fn release(&self) {
        if let Some(connection) = self.link.take_reusable() {
            self.pool
                .put(&self.task.substation, self.version, connection);
        }
    }

    /// The substation as Pingora connects to it.
    pub(super) fn peer(self: &Arc<Self>) -> HttpPeer {
        let mut peer = HttpPeer::new(self.task.substation.address(), false, String::new());
        // Pingora is to find none of its own connections.
        peer.group_key = Arc::as_ptr(self).addr() as u64;
        peer.options.idle_timeout = Some(Duration::from_millis(10));
        // The request's head is complete.
        peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
        peer.options.custom_l4 = Some(Arc::new(Dial(Arc::clone(self))));
        peer
    }

    /// Takes a head from the substation: an error if it is not for the client.
    pub(super) fn take_head(&self, head: &mut ResponseHeader) -> Result<()> {
        let status = head.status;
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            strip(head);
            return Ok(());
        }
        if status == StatusCode::SWITCHING_PROTOCOLS && !self.has_asked_for(head) {
            let what = "it switches to a protocol that was not asked for";
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, what).into_up());
        }
        let codings = head.headers.get_all(header::TRANSFER_ENCODING);
        let is_other = |coding: &HeaderValue| !coding.as_bytes().eq_ignore_ascii_case(b"chunked");
        if codings.iter().any(is_other) || codings.iter().count() > 1 {
            let what = "its Transfer-Encoding is not chunked";
            return Err(Error::explain(ErrorType::InvalidHTTPHeader, what).into_up());
        }
        let mut seen = self.seen.lock();
        // Another attempt can follow only with the same body.
        if self.moved.can_replay() && matches!(status.as_u16(), 503 | 429) {
            seen.refusal = Some(Box::new(head.clone()));
            return Err(
                Error::explain(ErrorType::HTTPStatus(status.as_u16()), "refused").into_up(),
            );
        }
        seen.head = Some(status.as_u16());
        drop(seen);
        strip(head);
        for (name, value) in &self.task.fields {
            match value {
                Some(value) => head.insert_header(name, value)?,
                None => drop(head.remove_header(name)),
            }
        }
        Ok(())
    }

    /// Whether the protocol that a substation switches to is one that the request asked for.
    fn has_asked_for(&self, head: &ResponseHeader) -> bool {
        let agreed = head.headers.get(header::UPGRADE);
        let Some((asked, agreed)) = self.task.upgrade.as_deref().zip(agreed) else {
            return false;
        };
        let mut asked = asked.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        asked.any(|one| one.eq_ignore_ascii_case(agreed.as_bytes().trim_ascii()))
    }

    /// Notes why the attempt failed. The first reason counts.
    pub(super) fn failed(&self, error: &Error) {
        let mut seen = self.seen.lock();
        seen.failure.get_or_insert_with(|| Failure {
            is_client: *error.esource() == ErrorSource::Downstream,
            is_close: *error.etype() == ErrorType::ConnectionClosed,
            reason: reason(error),
        });
    }

    async fn dial(self: &Arc<Self>) -> io::Result<Connection> {
        let Task {
            substation,
            connect_timeout,
            may_reuse,
            ..
        } = &self.task;
        let pooled = may_reuse.then(|| self.pool.take(substation, Instant::now()));
        if let Some(connection) = pooled.flatten() {
            return Ok(connection);
        }
        let transport = substation.transport();
        let stream = transport
            .connect(substation.address(), *connect_timeout)
            .await?;
        Ok(Connection::new(stream))
    }
}

/// What an error is about, without Pingora's own words for where it was found.
fn reason(error: &Error) -> String {
    let context = error
        .context
        .as_ref()
        .map(|context| context.as_str().to_owned());
    let cause = error.cause.as_ref().map(ToString::to_string);
    match (context, cause) {
        (Some(context), Some(cause)) => format!("{context}: {cause}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => error.etype().as_str().to_owned(),
    }
}

/// Removes what is about the connection and not about the answer. Where the connection changes its protocol, it is named.
fn strip(head: &mut ResponseHeader) {
    const HOP_BY_HOP: [&str; 7] = [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    ];
    let connection = head.headers.get_all(header::CONNECTION);
    let values: Vec<_> = connection.iter().cloned().collect();
    let is_upgrade = head.status == StatusCode::SWITCHING_PROTOCOLS;
    let is_nominated = |name: &HeaderName| {
        let is_framing = *name == header::CONTENT_LENGTH || *name == header::TRANSFER_ENCODING;
        !is_framing
            && values
                .iter()
                .any(|value| nominates(value.as_bytes(), name.as_str().as_bytes()))
    };
    let is_hop = |name: &HeaderName| {
        !(is_upgrade && *name == header::UPGRADE)
            && (HOP_BY_HOP.contains(&name.as_str()) || is_nominated(name))
    };
    let gone: Vec<_> = head
        .headers
        .keys()
        .filter(|name| is_hop(name))
        .cloned()
        .collect();
    for name in gone {
        head.remove_header(&name);
    }
}

/// Connects for one attempt.
#[derive(Debug)]
struct Dial(Arc<Exchange>);

#[async_trait]
impl L4Connect for Dial {
    async fn connect(&self, _: &SocketAddr) -> Result<PlainStream> {
        let Self(exchange) = self;
        match exchange.dial().await {
            Ok(connection) => {
                let socket = exchange.link.connect(connection);
                if exchange.task.upgrade.is_some() {
                    exchange.link.hold_answer();
                }
                Ok(VirtualSocketStream::new(Box::new(socket)).into())
            }
            Err(error) => {
                exchange.seen.lock().no_connection = Some(error);
                Err(Error::new(ErrorType::ConnectError))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_connection_stays_here() {
        let head = |status: u16| {
            let mut head = ResponseHeader::build(status, None).unwrap();
            for (name, value) in [
                ("connection", "Upgrade, X-Hop"),
                ("upgrade", "websocket"),
                ("x-hop", "1"),
                ("x-end", "2"),
                ("keep-alive", "timeout=5"),
                ("content-length", "0"),
            ] {
                head.append_header(name, value).unwrap();
            }
            strip(&mut head);
            let names = head.headers.keys().map(|name| name.as_str().to_owned());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        };
        assert_eq!(head(200), ["content-length", "x-end"]);
        assert_eq!(head(101), ["content-length", "upgrade", "x-end"]);
    }
}
