//! A connection to a substation that carries one request at a time: the request is written in one piece, and its
//! answer is read whole.

use std::io;

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Outgoing, Progress,
    delivery::{delivery, may_have_arrived},
};
use switchyard_http1::{Answer, Decoded, Decoder, Limits, Malformed, encode_request};

/// Buffer space reserved for each read, in bytes: enough for a usual answer.
const READ: usize = 2048;

/// Why a connection can no longer be used.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) reason: String,
    /// Whether the substation may have received any of the request.
    pub(super) arrived: bool,
}

/// A connection, its buffer and its decoder.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    buffer: BytesMut,
    decoder: Decoder,
    /// Bytes written since the connection was made.
    pub(super) sent: u64,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self::of(stream, 0))
    }

    /// A connection over which `sent` bytes have been written and every request has been answered.
    pub(super) fn of(stream: TcpStream, sent: u64) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            decoder: Decoder::new(Limits::default()),
            sent,
        }
    }

    /// Whether nothing arrived while the connection was idle: neither a close nor unsolicited bytes. Makes a system
    /// call only if something did arrive.
    pub(super) fn is_open(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        matches!(read, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends a request and waits for its answer. After an error the connection cannot be used again.
    pub(super) async fn round_trip(
        &mut self,
        outgoing: &Outgoing<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Broken> {
        let broken = |reason| Broken {
            reason,
            arrived: true,
        };
        let headers = outgoing.headers();
        self.buffer.clear();
        encode_request(&mut self.buffer, outgoing.line, headers, outgoing.body)
            .map_err(|error| broken(error.to_string()))?;
        let begins = self.sent;
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
                Ok(Decoded::Done(answer)) => return Ok(answer),
                Ok(Decoded::NeedMore) => {}
                Err(error) => {
                    let check = || delivery(&self.stream, begins);
                    return Err(Broken {
                        reason: error.to_string(),
                        arrived: error != Malformed::NoAnswer || may_have_arrived(check).await,
                    });
                }
            }
        }
    }

    async fn write(&mut self, progress: &mut Progress) -> io::Result<()> {
        let length = self.buffer.len();
        let written = self.stream.write(&self.buffer).await?;
        *progress = Progress::Sent;
        // A request that fits the socket buffer leaves in one write; a larger one needs more.
        if let Some(rest) = self.buffer.get(written..) {
            self.stream.write_all(rest).await?;
        }
        self.sent += length as u64;
        self.buffer.clear();
        Ok(())
    }
}
