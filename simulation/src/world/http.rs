//! HTTP/1.1 as actors read it: as much as proxies and clients of the simulation write, and no more.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes of a head: what is longer is no message of the simulation.
const MOST: usize = 1 << 20;

/// What begins a message, and its body.
#[derive(Debug, Default)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) first: String,
    /// Header names in lower case, and their values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// A request.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// The method.
    pub(crate) method: String,
    target: String,
    message: MessageParts,
    /// The body.
    pub(crate) body: Vec<u8>,
}

type MessageParts = Vec<(String, String)>;

/// Why there is no whole message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The connection ended before its first byte.
    Before,
    /// The connection ended within it.
    Within,
    /// What came is no message.
    Malformed,
}

/// Reads messages from a connection.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    buffer: Vec<u8>,
}

impl Message {
    /// The value of a header.
    #[must_use]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The status of an answer.
    #[must_use]
    pub(crate) fn status(&self) -> Option<u16> {
        self.first.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
    }
}

impl Request {
    /// The path, without a query.
    #[must_use]
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The value of a header.
    #[must_use]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.message, name)
    }
}

impl From<Message> for Request {
    fn from(message: Message) -> Self {
        let mut words = message.first.split(' ').map(str::to_owned);
        Self {
            method: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            message: message.headers,
            body: message.body,
        }
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

impl Reader {
    /// Reads one message.
    pub(crate) async fn message(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Message, End> {
        let head = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break self.buffer.drain(..at + 4).collect::<Vec<u8>>();
            }
            if self.buffer.len() > MOST {
                return Err(End::Malformed);
            }
            let was_empty = self.buffer.is_empty();
            if !self.more(stream).await.unwrap_or_default() {
                return Err(if was_empty { End::Before } else { End::Within });
            }
        };
        let mut message = parse(&head).ok_or(End::Malformed)?;
        if message.header("transfer-encoding").is_some() {
            message.body = self.chunks(stream).await?;
        } else if let Some(length) = message.header("content-length") {
            let length = length.parse().map_err(|_| End::Malformed)?;
            message.body = self.bytes(stream, length).await?;
        }
        Ok(message)
    }

    /// Waits until the other side sends more or leaves. True: more has come.
    pub(crate) async fn more(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        let read = stream.read_buf(&mut self.buffer).await?;
        Ok(read > 0)
    }

    async fn bytes(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        length: usize,
    ) -> Result<Vec<u8>, End> {
        while self.buffer.len() < length {
            if !self.more(stream).await.unwrap_or_default() {
                return Err(End::Within);
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    async fn chunks(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, End> {
        let mut body = Vec::new();
        loop {
            let line = loop {
                if let Some(at) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                    break self.bytes(stream, at + 2).await?;
                }
                if !self.more(stream).await.unwrap_or_default() {
                    return Err(End::Within);
                }
            };
            let line = String::from_utf8_lossy(&line);
            let length = usize::from_str_radix(line.trim(), 16).map_err(|_| End::Malformed)?;
            let chunk = self.bytes(stream, length + 2).await?;
            body.extend(chunk.iter().take(length));
            if length == 0 {
                return Ok(body);
            }
        }
    }
}

fn parse(head: &[u8]) -> Option<Message> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.trim_end().split("\r\n");
    let first = lines.next()?.to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers = lines.map(header).collect::<Option<_>>()?;
    Some(Message {
        first,
        headers,
        body: Vec::new(),
    })
}
