//! An exchange over HTTP/2.

use std::future::poll_fn;

use bytes::Bytes;
use h2::{
    RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
};
use http::Request;
use switchyard_faults::PATIENCE;
use tokio::{net::TcpStream, runtime::Runtime, time::timeout};
use tokio_rustls::TlsConnector;

use super::{Body, Cut, Head, Rig, Way};
use crate::secure::name;

/// A connection. It lives on a thread of its own.
pub(in crate::streams) struct Connection {
    runtime: Runtime,
    send: SendRequest<Bytes>,
}

pub(in crate::streams) struct Http2 {
    body: Option<SendStream<Bytes>>,
    answer: Option<ResponseFuture>,
    stream: Option<RecvStream>,
    connection: Connection,
}

impl Connection {
    pub(in crate::streams) fn open(rig: &Rig, way: Way) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let address = rig.address(way);
        let tls = way.is_tls().then(|| rig.certificate.client(&["h2"]));
        let send = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            match tls {
                None => greet(stream).await,
                Some(tls) => {
                    let stream = TlsConnector::from(tls).connect(name(), stream).await;
                    greet(stream.unwrap()).await
                }
            }
        });
        Self { runtime, send }
    }

    /// Sends a request.
    pub(in crate::streams) fn ask(
        self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Http2 {
        let (answer, body) = self.begin((method, path), headers, body);
        Http2 {
            body: Some(body),
            answer: Some(answer),
            stream: None,
            connection: self,
        }
    }

    fn begin(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://localhost{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Body::Announced(length) = body {
            request = request.header("content-length", length);
        }
        let request = request.body(()).unwrap();
        let ends = matches!(body, Body::None);
        let ready = self.send.clone().ready();
        let mut send = self.wait(ready).unwrap();
        let (answer, mut stream) = send.send_request(request, ends).unwrap();
        if let Body::Whole(bytes) = body {
            // Perhaps it is answered already.
            let _ = stream.send_data(Bytes::copy_from_slice(bytes), true);
        }
        (answer, stream)
    }

    /// The status of another request on the same connection.
    pub(in crate::streams) fn status(&self, target: (&str, &str), body: Body<'_>) -> u16 {
        let (answer, _body) = self.begin(target, &[], body);
        self.wait(answer).unwrap().status().as_u16()
    }

    fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime
            .block_on(async { timeout(PATIENCE, future).await })
            .expect("in time")
    }
}

async fn greet(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
) -> SendRequest<Bytes> {
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    send
}

impl Http2 {
    pub(super) fn begin(
        rig: &Rig,
        way: Way,
        target: (&str, &str),
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Self {
        Connection::open(rig, way).ask(target, headers, body)
    }

    /// Resets the stream. The connection stays.
    pub(in crate::streams) fn reset(self) -> Connection {
        let Self {
            body,
            answer,
            stream,
            connection,
        } = self;
        drop((body, answer, stream));
        connection
    }

    pub(in crate::streams) const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn send(&mut self, piece: &[u8]) -> bool {
        let Self {
            body, connection, ..
        } = self;
        let Some(body) = body else { return false };
        let mut rest = Bytes::copy_from_slice(piece);
        connection.wait(async {
            while !rest.is_empty() {
                body.reserve_capacity(rest.len());
                let room = poll_fn(|context| body.poll_capacity(context)).await;
                let Some(Ok(room)) = room else { return false };
                let piece = rest.split_to(room.min(rest.len()));
                if body.send_data(piece, false).is_err() {
                    return false;
                }
            }
            true
        })
    }

    /// How much of `length` bytes the other side takes before it takes nothing for a while.
    pub(in crate::streams) fn pour(&mut self, length: usize) -> usize {
        const WHILE: std::time::Duration = std::time::Duration::from_millis(300);
        let Self {
            body, connection, ..
        } = self;
        let body = body.as_mut().unwrap();
        body.reserve_capacity(length);
        connection.runtime.block_on(async {
            let mut sent = 0;
            while sent < length {
                let room = timeout(WHILE, poll_fn(|context| body.poll_capacity(context)));
                let Ok(Some(Ok(room))) = room.await else {
                    break;
                };
                let piece = vec![b'x'; room.min(length - sent)];
                sent += piece.len();
                body.send_data(piece.into(), false).unwrap();
            }
            sent
        })
    }

    pub(super) fn end(&mut self) {
        if let Some(body) = &mut self.body {
            let _ = body.send_data(Bytes::new(), true);
        }
    }

    pub(super) fn interim(&mut self) -> u16 {
        let answer = self.answer.as_mut().unwrap();
        let head = self
            .connection
            .wait(poll_fn(|context| answer.poll_informational(context)));
        head.expect("an interim answer").unwrap().status().as_u16()
    }

    pub(super) fn head(&mut self) -> Option<Head> {
        let mut answer = self.answer.take()?;
        let (interim, answer) = self.connection.wait(async {
            let mut interim = Vec::new();
            while let Some(Ok(head)) = poll_fn(|context| answer.poll_informational(context)).await {
                interim.push(head.status().as_u16());
            }
            (interim, answer.await)
        });
        let (head, stream) = answer.ok()?.into_parts();
        self.stream = Some(stream);
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = head.headers.iter();
        Some(Head {
            status: head.status.as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
            interim,
        })
    }

    pub(super) fn piece(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        let stream = self.stream.as_mut().ok_or(Cut)?;
        loop {
            match self.connection.wait(stream.data()) {
                None => return Ok(None),
                Some(Err(_)) => return Err(Cut),
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    let _ = stream.flow_control().release_capacity(piece.len());
                    return Ok(Some(piece.to_vec()));
                }
            }
        }
    }
}
