//! A client that shows answers exactly as they arrive.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::PATIENCE;

/// One parsed answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, with the names as received.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    /// Its body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The code of an error.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The message of an error.
    #[must_use]
    pub fn message(&self) -> String {
        self.json()["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// A persistent connection, and the bytes received beyond the last answer.
#[derive(Debug)]
pub struct Connection(pub TcpStream, Vec<u8>);

impl Connection {
    /// Connects.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// The same over a stream that is connected already.
    #[must_use]
    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream, Vec::new())
    }

    /// Sends these bytes unchanged.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// The next final answer. Interim answers are skipped.
    pub fn answer(&mut self) -> Answer {
        loop {
            let answer = self.any_answer().expect("an answer");
            if answer.status >= 200 {
                return answer;
            }
        }
    }

    /// The next answer, or none if the connection ends first.
    pub fn any_answer(&mut self) -> Option<Answer> {
        let end = loop {
            let end = self.1.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            match end {
                Some(end) => break end,
                None => self.more()?,
            }
        };
        let head = String::from_utf8(self.1.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut answer = Answer {
            status,
            headers,
            body: Vec::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        while self.1.len() < length {
            self.more()?;
        }
        answer.body = self.1.drain(..length).collect();
        Some(answer)
    }

    /// Reads the bytes that are available. None if the connection has ended.
    fn more(&mut self) -> Option<()> {
        let mut piece = [0; 2048];
        let read = self.0.read(&mut piece).ok()?;
        self.1.extend_from_slice(&piece[..read]);
        (read > 0).then_some(())
    }

    /// Whether the other side has closed it.
    pub fn is_ended(&mut self) -> bool {
        self.1.is_empty() && matches!(self.0.read(&mut [0]), Ok(0) | Err(_))
    }
}

/// A whole request; each of `headers` ends its own line.
#[must_use]
pub fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
}

/// A `POST` on a connection of its own.
#[must_use]
pub fn post(address: SocketAddr, path: &str, body: &str) -> Answer {
    raw(
        address,
        request("POST", path, "connection: close\r\n", body),
    )
}

/// A `GET` on a connection of its own.
#[must_use]
pub fn get(address: SocketAddr, path: &str) -> Answer {
    raw(address, request("GET", path, "connection: close\r\n", ""))
}

/// Sends these bytes unchanged, and returns the first final answer.
pub fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Answer {
    let mut connection = Connection::open(address);
    connection.send(bytes);
    connection.answer()
}
