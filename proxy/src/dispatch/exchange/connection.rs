//! One connection to a substation: a request written in one piece, an answer read whole.

use std::io;

use bytes::BytesMut;
use http::{HeaderName, HeaderValue, header};
use pingora_http::RequestHeader;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Progress;
use crate::{
    codec::{self, Answer, Decoder, Limits, RequestHead},
    dispatch::hop_by_hop::nominates,
};

/// Room for a usual answer; more is made as it comes.
const READ: usize = 2048;

/// A connection and its buffer.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    decoder: Decoder,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
            decoder: Decoder::new(Limits::default()),
        })
    }

    /// Whether nothing has come while it lay idle: neither a close nor bytes nobody asked for. Costs no
    /// system call unless something did come.
    pub(super) fn is_open(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends a request and waits for its answer. After an error the connection is of no more use.
    pub(super) async fn exchange<'a>(
        &mut self,
        head: &RequestHead,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        body: &[u8],
        progress: &mut Progress,
    ) -> Result<Answer, String> {
        self.buffer.clear();
        codec::encode_request(&mut self.buffer, head, headers, body)
            .map_err(|error| error.to_string())?;
        self.write(progress)
            .await
            .map_err(|error| format!("while sending: {error}"))?;
        self.decoder.reset();
        loop {
            self.buffer.reserve(READ);
            let read = self.stream.read_buf(&mut self.buffer).await;
            let read = read.map_err(|error| format!("while waiting for its answer: {error}"))?;
            let progress = self.decoder.decode(&mut self.buffer, read == 0);
            match progress.map_err(|error| error.to_string())? {
                codec::Progress::Done(answer) => return Ok(answer),
                codec::Progress::NeedMore => {}
            }
        }
    }

    async fn write(&mut self, progress: &mut Progress) -> io::Result<()> {
        let written = self.stream.write(&self.buffer).await?;
        *progress = Progress::Sent;
        // A request that fits a socket buffer leaves in one write; the rest is for those that don't.
        if let Some(rest) = self.buffer.get(written..) {
            self.stream.write_all(rest).await?;
        }
        self.buffer.clear();
        Ok(())
    }
}

/// The headers that go on to the substation: what the client said of its request, not of its connection.
pub(super) fn forwarded<'a>(
    head: &'a RequestHeader,
    request_id: &'a HeaderValue,
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    head.headers
        .iter()
        .filter(move |(name, _)| goes_on(name) && !is_nominated(head, name))
        .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
        .chain([(
            crate::dispatch::request_id::HEADER.as_bytes(),
            request_id.as_bytes(),
        )])
}

/// Not hop-by-hop, not framing (both are made anew), and nothing that claims to be of a proxy before us.
fn goes_on(name: &HeaderName) -> bool {
    !matches!(
        name.as_str(),
        "connection"
            | "content-length"
            | "expect"
            | "forwarded"
            | "host"
            | "keep-alive"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-proto"
            | "x-request-id"
    )
}

/// Whether a `Connection` header nominates `name` as hop-by-hop.
fn is_nominated(head: &RequestHeader, name: &HeaderName) -> bool {
    let mut nominators = head.headers.get_all(header::CONNECTION).iter();
    nominators.any(|value| nominates(value.as_bytes(), name.as_str().as_bytes()))
}
