//! An exchange over HTTP/1.1.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
};

use rustls::{ClientConnection, StreamOwned};
use switchyard_faults::PATIENCE;

use super::{Body, Cut, Head, Rig, Way};
use crate::{secure::name, streams::rig::EASY};

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

pub(in crate::streams) struct Http1 {
    stream: Box<dyn Stream>,
    /// The same socket, to end its sending side.
    socket: TcpStream,
    arrived: Vec<u8>,
    is_chunked: bool,
    left: Left,
}

/// What is left of the answer's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Bytes(usize),
    Chunks,
    /// Until the connection closes.
    All,
}

impl Http1 {
    pub(super) fn begin(
        rig: &Rig,
        way: Way,
        target: (&str, &str),
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Self {
        let mut this = Self::connect(rig, way);
        if way == Way::Later {
            this.ask(("GET", EASY), &[], Body::None);
            assert_eq!(this.head().unwrap().status, 200);
            assert_eq!(this.rest(), b"ok");
        }
        this.ask(target, headers, body);
        this
    }

    /// A connection on which nothing was asked.
    pub(in crate::streams) fn connect(rig: &Rig, way: Way) -> Self {
        let socket = TcpStream::connect(rig.address(way)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        let own = socket.try_clone().unwrap();
        let stream: Box<dyn Stream> = if way.is_tls() {
            let client = rig.certificate.client(&["http/1.1"]);
            let connection = ClientConnection::new(client, name()).unwrap();
            Box::new(StreamOwned::new(connection, own))
        } else {
            Box::new(own)
        };
        Self {
            stream,
            socket,
            arrived: Vec::new(),
            is_chunked: false,
            left: Left::Bytes(0),
        }
    }

    /// Sends the next request of the connection.
    pub(in crate::streams) fn ask(
        &mut self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        for (name, value) in headers {
            head.extend([*name, ": ", *value, "\r\n"]);
        }
        let framing = match body {
            Body::None => String::new(),
            Body::Whole(bytes) => format!("content-length: {}\r\n", bytes.len()),
            Body::Announced(length) => format!("content-length: {length}\r\n"),
            Body::Pieces => "transfer-encoding: chunked\r\n".to_owned(),
        };
        head.push_str(&framing);
        self.is_chunked = matches!(body, Body::Pieces);
        let mut bytes = (head + "\r\n").into_bytes();
        if let Body::Whole(body) = body {
            bytes.extend(body);
        }
        assert!(self.raw(&bytes));
    }

    /// Sends these bytes as they are. False if the other side takes no more.
    pub(in crate::streams) fn raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok() && self.stream.flush().is_ok()
    }

    pub(super) fn send(&mut self, piece: &[u8]) -> bool {
        if !self.is_chunked {
            return self.raw(piece);
        }
        let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
        chunk.extend(piece);
        chunk.extend(b"\r\n");
        self.raw(&chunk)
    }

    pub(super) fn end(&mut self) {
        if self.is_chunked {
            self.raw(b"0\r\n\r\n");
        }
    }

    /// Ends the sending side of the connection.
    pub(in crate::streams) fn shut(&mut self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads what has come. False at the end of the connection.
    fn more(&mut self) -> bool {
        let mut piece = vec![0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(read @ 1..) => {
                self.arrived.extend_from_slice(&piece[..read]);
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                panic!("nothing came, and no end")
            }
            _ => false,
        }
    }

    pub(in crate::streams) fn head(&mut self) -> Option<Head> {
        let mut interim = Vec::new();
        loop {
            let mut head = self.any_head()?;
            if head.status >= 200 || head.status == 101 {
                self.left = left(&head);
                head.interim = interim;
                return Some(head);
            }
            interim.push(head.status);
        }
    }

    pub(super) fn interim(&mut self) -> u16 {
        self.any_head().expect("an interim answer").status
    }

    fn any_head(&mut self) -> Option<Head> {
        let end = loop {
            match self.arrived.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end,
                None => self.more().then_some(())?,
            }
        };
        let text: Vec<u8> = self.arrived.drain(..end + 4).collect();
        let text = String::from_utf8(text).unwrap();
        let mut lines = text.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers = lines.map(|line| line.split_once(':').unwrap());
        Some(Head {
            status,
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                .collect(),
            interim: Vec::new(),
        })
    }

    pub(in crate::streams) fn expect(&mut self, text: &str) {
        super::expect(text, || self.piece());
    }

    /// Reads what still comes, until the connection ends.
    pub(in crate::streams) fn discard(&mut self) {
        while self.more() {}
    }

    pub(super) fn piece(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        match self.left {
            Left::Bytes(0) => Ok(None),
            Left::Bytes(left) => {
                if self.arrived.is_empty() && !self.more() {
                    return Err(Cut);
                }
                let here = left.min(self.arrived.len());
                self.left = Left::Bytes(left - here);
                Ok(Some(self.arrived.drain(..here).collect()))
            }
            Left::Chunks => self.chunk(),
            Left::All => {
                if self.arrived.is_empty() && !self.more() {
                    return Ok(None);
                }
                Ok(Some(std::mem::take(&mut self.arrived)))
            }
        }
    }

    fn chunk(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        let line = loop {
            match self.arrived.windows(2).position(|two| two == b"\r\n") {
                Some(end) => break end,
                None => self.more().then_some(()).ok_or(Cut)?,
            }
        };
        let length = std::str::from_utf8(&self.arrived[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        while self.arrived.len() < line + 2 + length + 2 {
            self.more().then_some(()).ok_or(Cut)?;
        }
        let chunk: Vec<u8> = self.arrived.drain(..line + 2 + length + 2).collect();
        if length == 0 {
            self.left = Left::Bytes(0);
            return Ok(None);
        }
        Ok(Some(chunk[line + 2..line + 2 + length].to_vec()))
    }

    pub(in crate::streams) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        while let Some(piece) = self.piece().unwrap() {
            rest.extend(piece);
        }
        rest
    }

    /// Whether the proxy has closed the connection behind what was read.
    pub(in crate::streams) fn is_ended(&mut self) -> bool {
        self.arrived.is_empty() && !self.more()
    }
}

fn left(head: &Head) -> Left {
    let header = |name: &str| head.headers.get(name);
    if head.status == 101 {
        Left::All
    } else if header("transfer-encoding").is_some() {
        Left::Chunks
    } else if let Some(length) = header("content-length") {
        Left::Bytes(length.parse().unwrap())
    } else if matches!(head.status, 204 | 304) {
        Left::Bytes(0)
    } else {
        Left::All
    }
}
