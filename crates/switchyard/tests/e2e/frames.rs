//! HTTP/2 frame by frame, to send what no well-behaved client sends.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
};

use h2::Reason;
use switchyard_faults::PATIENCE;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// `POST /request_charge`, over `http`: each field by its number in HPACK's table, or as a literal.
fn head(with_authority: bool) -> Vec<u8> {
    const PATH: &[u8] = b"/request_charge";
    const HOST: &[u8] = b"localhost";
    let mut block = vec![0x83, 0x86, 0x04, u8::try_from(PATH.len()).unwrap()];
    block.extend(PATH);
    if with_authority {
        block.extend([0x01, u8::try_from(HOST.len()).unwrap()]);
        block.extend(HOST);
    }
    block
}

/// A charge; without `is_whole`, its body is missing.
pub(crate) fn charge(stream: u32, is_whole: bool) -> Vec<u8> {
    let end = if is_whole { END_STREAM } else { 0 };
    frame(HEADERS, END_HEADERS | end, stream, &head(true))
}

/// The charge with more headers, as HPACK has them.
pub(crate) fn charge_with(stream: u32, headers: &[u8]) -> Vec<u8> {
    let block = [&head(true), headers].concat();
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
}

/// A header in HPACK, which the table of the connection keeps as its newest.
pub(crate) fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0x40];
    for text in [name, value] {
        match text.len().checked_sub(127) {
            None => bytes.push(u8::try_from(text.len()).unwrap()),
            Some(mut rest) => {
                bytes.push(127);
                while rest >= 128 {
                    bytes.push(u8::try_from(rest % 128).unwrap() | 128);
                    rest /= 128;
                }
                bytes.push(u8::try_from(rest).unwrap());
            }
        }
        bytes.extend(text.as_bytes());
    }
    bytes
}

/// The header that the table of the connection has kept last, in HPACK.
pub(crate) const NEWEST: u8 = 0x80 + 62;

pub(crate) fn ping() -> Vec<u8> {
    frame(PING, 0, 0, &[7; 8])
}

pub(crate) fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

/// A request without an authority, which is malformed.
pub(crate) fn nameless(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &head(false))
}

pub(crate) fn reset(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}

/// The status that a block of headers begins with. Of those that HPACK's own table lacks, tests meet 431 alone; the table of
/// the connection has it from its second time on.
fn status_of(block: &[u8]) -> u16 {
    match block {
        [0x88, ..] => 200,
        [0x8c, ..] => 400,
        [0x48, 0x83, 0x69, 0x90, 0xff, ..] | [0xbe..=0xff, ..] => 431,
        _ => panic!("an unknown status: {block:02x?}"),
    }
}

/// A received frame.
pub(crate) struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// Whether it is the last frame of this stream.
    pub(crate) fn is_end_of(&self, stream: u32) -> bool {
        self.stream == stream && self.kind <= HEADERS && self.flags & END_STREAM != 0
    }
}

/// The setting that no stream may be sent anything (RFC 9113 §6.5.2).
pub(crate) fn no_window() -> Vec<u8> {
    const INITIAL_WINDOW_SIZE: u8 = 4;
    frame(SETTINGS, 0, 0, &[0, INITIAL_WINDOW_SIZE, 0, 0, 0, 0])
}

/// A connection that sends only what a test writes.
pub(crate) struct Raw(TcpStream);

impl Raw {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut raw = Self(stream);
        raw.write(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())
            .unwrap();
        raw
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    pub(crate) fn charge(&mut self, stream: u32) {
        self.write(&charge(stream, true)).unwrap();
    }

    /// A round trip: the proxy has then read everything sent before. `None` once the connection has ended.
    pub(crate) fn ping(&mut self) -> Option<()> {
        self.write(&ping()).ok()?;
        loop {
            let frame = self.next()?;
            if frame.kind == PING && frame.flags & ACK != 0 {
                return Some(());
            }
        }
    }

    pub(crate) fn until(&mut self, is_it: impl Fn(&Frame) -> bool) {
        while !is_it(&self.next().expect("it goes on")) {}
    }

    /// Reads to the end of this stream, and returns the status of its answer.
    pub(crate) fn status(&mut self, stream: u32) -> u16 {
        let mut status = 0;
        loop {
            let frame = self.next().expect("it goes on");
            if frame.stream == stream && frame.kind == HEADERS {
                status = status_of(&frame.payload);
            }
            if frame.is_end_of(stream) || frame.stream == stream && frame.kind == RST_STREAM {
                return status;
            }
        }
    }

    /// Reads to the end, and returns the reason of the GOAWAY, if one came.
    pub(crate) fn until_end(&mut self) -> Option<Reason> {
        let mut reason = None;
        while let Some(frame) = self.next() {
            if frame.kind == GOAWAY {
                let code = frame.payload[4..8].try_into().unwrap();
                reason = Some(u32::from_be_bytes(code).into());
            }
        }
        reason
    }

    fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        match self.0.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                panic!("nothing comes, and it does not end either")
            }
            Err(_) => return None,
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).ok()?;
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes(head[5..9].try_into().unwrap()),
            payload,
        })
    }
}
