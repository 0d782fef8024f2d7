//! One connection to a substation: a request written in one piece, an answer read whole.
//!
//! A substation may close a kept connection at the very moment at which a request is written to it. Nothing
//! was booked then, but to the reader it looks like a break in the middle: bytes written, no answer. So
//! after a close without a word the system is asked whether the other side's took in any of the request: a
//! closed socket does not, and says so. Only what is proven that way counts as not sent.

use std::{io, os::fd::AsRawFd, time::Duration};

use bytes::BytesMut;
use http::{HeaderName, HeaderValue, header};
use pingora_http::RequestHeader;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use super::{Outgoing, Progress};
use crate::{
    codec::{self, Answer, Decoder, Limits, Malformed},
    dispatch::hop_by_hop::nominates,
};

/// Room for a usual answer; more is made as it comes.
const READ: usize = 2048;

/// How long the other side's word on a request that met a closed socket is waited for, in looks and in the
/// time between two: it comes within a round trip of the close.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Why a connection is of no more use.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) reason: String,
    /// Whether the other side may have taken in any of the request.
    pub(super) arrived: bool,
}

/// A connection and its buffer.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    decoder: Decoder,
    /// Bytes written by the requests before the last one.
    sent_before: u64,
    /// Bytes written.
    sent: u64,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: BytesMut::new(),
            decoder: Decoder::new(Limits::default()),
            sent_before: 0,
            sent: 0,
        })
    }

    /// Whether nothing has come while it lay idle: neither a close nor bytes nobody asked for. Costs no
    /// system call unless something did come.
    pub(super) fn is_open(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends a request and waits for its answer. After an error the connection is of no more use.
    pub(super) async fn exchange(
        &mut self,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Broken> {
        let broken = |reason| Broken {
            reason,
            arrived: true,
        };
        let headers = forwarded(outgoing.head, outgoing.request_id);
        self.buffer.clear();
        codec::encode_request(&mut self.buffer, outgoing.line, headers, outgoing.body)
            .map_err(|error| broken(error.to_string()))?;
        self.write(progress)
            .await
            .map_err(|error| broken(format!("while sending: {error}")))?;
        self.decoder.reset();
        loop {
            self.buffer.reserve(READ);
            let read = self.stream.read_buf(&mut self.buffer).await;
            let read =
                read.map_err(|error| broken(format!("while waiting for its answer: {error}")))?;
            match self.decoder.decode(&mut self.buffer, read == 0) {
                Ok(codec::Progress::Done(answer)) => return Ok(answer),
                Ok(codec::Progress::NeedMore) => {}
                Err(error) => {
                    return Err(Broken {
                        reason: error.to_string(),
                        arrived: error != Malformed::NoAnswer || self.may_have_arrived().await,
                    });
                }
            }
        }
    }

    async fn write(&mut self, progress: &mut Progress) -> io::Result<()> {
        self.sent_before = self.sent;
        let length = self.buffer.len();
        let written = self.stream.write(&self.buffer).await?;
        *progress = Progress::Sent;
        // A request that fits a socket buffer leaves in one write; the rest is for those that don't.
        if let Some(rest) = self.buffer.get(written..) {
            self.stream.write_all(rest).await?;
        }
        self.sent += length as u64;
        self.buffer.clear();
        Ok(())
    }

    /// After the other side's close: whether it may have taken in any of the request.
    ///
    /// The close says how much had come by then, as does whatever is received later. So if the system at the
    /// other end has not acknowledged a byte of the request, and has refused it since (the connection is
    /// reset, not only closed), nobody there has read it.
    async fn may_have_arrived(&self) -> bool {
        for _ in 0..LOOKS {
            match self.fate() {
                Fate::Unknown => sleep(BETWEEN_LOOKS).await,
                Fate::Refused => return false,
                Fate::Arrived => return true,
            }
        }
        true
    }

    #[cfg(target_os = "linux")]
    fn fate(&self) -> Fate {
        /// `TCP_CLOSE` in the system's numbering of states: here the connection was reset.
        const RESET: u8 = 7;
        let Ok(info) = pingora_core::protocols::l4::ext::get_tcp_info(self.stream.as_raw_fd())
        else {
            return Fate::Arrived;
        };
        // The system counts the connection's own first byte too.
        if info.tcpi_bytes_acked > self.sent_before + 1 {
            Fate::Arrived
        } else if info.tcpi_state == RESET {
            Fate::Refused
        } else {
            Fate::Unknown
        }
    }

    /// Elsewhere nobody tells.
    #[cfg(not(target_os = "linux"))]
    fn fate(&self) -> Fate {
        Fate::Arrived
    }
}

/// What became of the last request's bytes at the other end.
enum Fate {
    Unknown,
    Refused,
    Arrived,
}

/// The headers that go on to the substation: what the client said of its request, not of its connection.
fn forwarded<'a>(
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
