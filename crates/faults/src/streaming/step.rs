//! What a streaming backend does with a request.

use std::{
    io::{self, BufReader, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Mutex,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use socket2::SockRef;

use super::{Streamed, body};

/// How long a step that waits looks for the end of the connection before it looks for a permit again.
const LOOK: Duration = Duration::from_millis(2);

/// One thing to do. Bytes are those of the wire.
#[derive(Clone, Debug)]
pub enum Step {
    /// Write these bytes.
    Write(Vec<u8>),
    /// Write these bytes as one chunk of a chunked body. No bytes are its end.
    Chunk(Vec<u8>),
    /// Write these bytes over and over until the other side leaves.
    Forever(Vec<u8>),
    /// Read the body of the request to its end.
    ReadBody,
    /// Read this many bytes of the body, which has a Content-Length.
    Read(usize),
    /// Send back what comes, until the other side ends its sending; then end too.
    Echo,
    /// Wait until the test releases it. Reads nothing meanwhile.
    Await,
    /// Wait until the other side leaves. Reads nothing meanwhile.
    Hang,
    /// Close the connection.
    Close,
    /// Reset the connection.
    Reset,
}

impl Step {
    /// Writes this text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Write(text.as_bytes().to_vec())
    }

    /// Writes the head of an answer with this status line and these headers, each of which ends its line.
    #[must_use]
    pub fn head(status: &str, headers: &str) -> Self {
        Self::Write(format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes())
    }

    /// Writes the head of a stream of server-sent events.
    #[must_use]
    pub fn events() -> Self {
        let headers = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n";
        Self::head("200 OK", headers)
    }

    /// Writes one event, in a chunk.
    #[must_use]
    pub fn event(data: &str) -> Self {
        Self::Chunk(format!("data: {data}\n\n").into_bytes())
    }
}

/// What follows a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Next,
    Close,
    /// The other side has left.
    Left,
}

/// A connection, and the request on it.
pub(super) struct Stage<'a> {
    stream: &'a TcpStream,
    reader: &'a mut BufReader<TcpStream>,
    request: Option<&'a Mutex<Streamed>>,
    permits: Option<&'a Mutex<usize>>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        stream: &'a TcpStream,
        reader: &'a mut BufReader<TcpStream>,
        request: &'a Mutex<Streamed>,
        permits: &'a Mutex<usize>,
    ) -> Self {
        Self {
            request: Some(request),
            permits: Some(permits),
            ..Self::alone(stream, reader)
        }
    }

    /// Of a request that nothing is noted of.
    pub(super) fn alone(stream: &'a TcpStream, reader: &'a mut BufReader<TcpStream>) -> Self {
        Self {
            stream,
            reader,
            request: None,
            permits: None,
        }
    }

    fn note(&self, piece: &[u8]) {
        if let Some(request) = self.request {
            request.lock().unwrap().body.extend_from_slice(piece);
        }
    }

    /// Whether a permit was there to take.
    fn is_permitted(&self) -> bool {
        self.permits.is_some_and(|permits| {
            let mut permits = permits.lock().unwrap();
            let is_permitted = *permits > 0;
            *permits -= usize::from(is_permitted);
            is_permitted
        })
    }

    /// Waits until the other side has left, or `is_over`.
    fn wait(&self, mut is_over: impl FnMut() -> bool) -> Then {
        loop {
            if is_over() {
                return Then::Next;
            }
            if has_left(self.stream, LOOK) {
                return Then::Left;
            }
        }
    }

    fn read_body(&mut self) -> io::Result<()> {
        let Some(request) = self.request else {
            return Ok(());
        };
        let head = request.lock().unwrap().head.clone();
        let note = |piece: &[u8]| request.lock().unwrap().body.extend_from_slice(piece);
        body::read(self.reader, &head, note)?;
        request.lock().unwrap().is_whole = true;
        Ok(())
    }

    fn echo(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        loop {
            let read = self.reader.read(&mut piece)?;
            if read == 0 {
                return self.stream.shutdown(Shutdown::Write);
            }
            self.note(&piece[..read]);
            self.stream.write_all(&piece[..read])?;
        }
    }
}

impl Step {
    pub(super) fn perform(self, stage: &mut Stage<'_>) -> Then {
        let mut stream = stage.stream;
        let done = match self {
            Self::Write(bytes) => stream.write_all(&bytes),
            Self::Chunk(bytes) => {
                let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunk.extend(bytes);
                chunk.extend(b"\r\n");
                stream.write_all(&chunk)
            }
            Self::Forever(bytes) => loop {
                if let Err(error) = stream.write_all(&bytes) {
                    break Err(error);
                }
            },
            Self::ReadBody => stage.read_body(),
            Self::Read(length) => {
                let mut piece = vec![0; length];
                let read = stage.reader.read_exact(&mut piece);
                read.map(|()| stage.note(&piece))
            }
            Self::Echo => return stage.echo().map_or(Then::Left, |()| Then::Close),
            Self::Await => return stage.wait(|| stage.is_permitted()),
            Self::Hang => return stage.wait(|| false),
            Self::Close => return Then::Close,
            Self::Reset => {
                // What was written before may be lost with it.
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                return Then::Close;
            }
        };
        done.map_or(Then::Left, |()| Then::Next)
    }
}

/// Whether the other side has closed, or at least its sending side, whatever it sent before. Looks for as long as `wait`.
fn has_left(stream: &TcpStream, wait: Duration) -> bool {
    let mut polled = [PollFd::new(stream, PollFlags::RDHUP)];
    let wait = Timespec::try_from(wait).unwrap();
    match poll(&mut polled, Some(&wait)) {
        Ok(0) | Err(Errno::INTR) => false,
        Ok(_) | Err(_) => true,
    }
}
