//! A connection of either protocol.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{
    super::{
        event::{Ask, Loss, RequestId, What},
        plan::Protocol,
        record::Record,
    },
    Outcome,
    http1::Http1,
    http2::Http2,
    sending::{Manner, Sent},
};

/// A connection to a proxy.
#[derive(Debug)]
pub(super) enum Connection {
    Http1(Http1),
    Http2(Http2),
}

impl Connection {
    pub(super) async fn open(
        protocol: Protocol,
        from: Option<Ipv4Addr>,
        to: SocketAddr,
        patience: Duration,
    ) -> Option<Self> {
        let stream = timeout(patience, connect(from, to)).await.ok()?.ok()?;
        match protocol {
            Protocol::Http1 | Protocol::Http1Once => Some(Self::Http1(Http1::over(stream))),
            Protocol::Http2 => timeout(patience, Http2::over(stream))
                .await
                .ok()?
                .map(Self::Http2),
        }
    }

    /// Whether another request can be sent on it, as far as is known.
    pub(super) fn is_usable(&self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_usable(),
            Self::Http2(connection) => connection.is_usable(),
        }
    }

    /// Sends, and waits for what comes of it. False: the connection is of no use any more.
    pub(super) async fn exchange(
        &mut self,
        request: RequestId,
        ask: &Ask,
        manner: Manner,
        patience: Duration,
        record: &Record,
    ) -> (Outcome, bool) {
        let sent = Sent::of(request, ask);
        let is_sent = || record.tell(What::Sent { request });
        let exchange = async {
            match self {
                Self::Http1(connection) => connection.exchange(&sent, manner, is_sent).await,
                Self::Http2(connection) => connection.exchange(&sent, manner, is_sent).await,
            }
        };
        let silent = (Outcome::Lost(Loss::Silent), false);
        timeout(patience, exchange).await.unwrap_or(silent)
    }
}

async fn connect(from: Option<Ipv4Addr>, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(from) = from {
        socket.bind((from, 0).into())?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
