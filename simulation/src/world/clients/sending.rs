//! One sending of a request, over either protocol.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::{Value, json};
use switchyard_wire::names::{
    IDEMPOTENCY_KEY, IDEMPOTENT_REPLAYED, POSSIBLE_HOLDER, REQUEST_CHARGE, REQUEST_ID, SESSIONS,
    SUBSTATION,
};
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use super::{
    super::{
        event::{Answer, Ask, Loss, RequestId, What},
        plan::Protocol,
        record::Record,
    },
    Outcome,
    http1::Http1,
    http2::Http2,
};

/// How a client behaves in one sending.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner {
    /// It leaves so long after it has sent, unless the answer comes first.
    pub(super) leaves: Option<Duration>,
    /// It sends in pieces, with such a pause between two.
    pub(super) dribbles: Option<Duration>,
    /// It begins to read so late.
    pub(super) sips: Option<Duration>,
}

/// A request as both protocols send it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

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

impl Sent {
    fn of(request: RequestId, ask: &Ask) -> Self {
        let mut headers = vec![(REQUEST_ID, request.to_string())];
        let (method, path, body) = match ask {
            Ask::Charge {
                key,
                load,
                lasts,
                holder,
            } => {
                headers.extend(key.clone().map(|key| (IDEMPOTENCY_KEY, key)));
                headers.extend(holder.clone().map(|holder| (POSSIBLE_HOLDER, holder)));
                let energy = load * lasts.as_secs_f64() / 3600.0;
                let vehicle = format!("c{}", request.client);
                let body = json!({"power_kw": load, "energy_kwh": energy, "vehicle_id": vehicle});
                (
                    "POST",
                    REQUEST_CHARGE.to_owned(),
                    body.to_string().into_bytes(),
                )
            }
            Ask::Look { session } => ("GET", format!("{SESSIONS}{session}"), Vec::new()),
            Ask::Unplug { session } => ("DELETE", format!("{SESSIONS}{session}"), Vec::new()),
        };
        Self {
            method,
            path,
            headers,
            body,
        }
    }
}

/// What an answer says. None: it is no JSON where it has to be.
pub(super) fn read<'a>(
    status: u16,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let error = body.get("error");
    Answer {
        status,
        code: error.and_then(|error| text(error.get("code")?)),
        message: error.and_then(|error| text(error.get("message")?)),
        session: body.get("session_id").and_then(text),
        substation: header(SUBSTATION).map(str::to_owned),
        is_replay: header(IDEMPOTENT_REPLAYED) == Some("true"),
        holder: header(POSSIBLE_HOLDER).map(str::to_owned),
        retry_after: header("retry-after").and_then(|after| after.parse().ok()),
    }
}
