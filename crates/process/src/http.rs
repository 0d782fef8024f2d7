//! A blocking HTTP/1.1 client for the ports of this workspace's programs.
//!
//! One request a connection, without a body, and an answer that ends with its connection. That is enough
//! for a health check, for the admin port's commands and for its stream of events, and needs no runtime.
//! It knows neither redirects nor chunked bodies: the requests say `connection: close`, and the
//! servers here send what they stream without chunks then. What a client with TLS trusts, its caller says.
//!
//! ```no_run
//! use std::io::BufRead;
//! use std::time::Duration;
//! use switchyard_process::http::{Client, Url};
//!
//! let url = Url::parse("http://localhost:9901/events")?;
//! let client = Client::new(url.authority(), Duration::from_secs(5));
//! for line in client.get(url.path())?.into_body().lines() {
//!     println!("{}", line?);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use ::http::Uri;
use thiserror::Error;

mod stream;

use stream::{Stream, not_http};

pub use stream::Tls;

/// The most bytes of an answer's head that are read.
const MAX_HEAD: u64 = 64 * 1024;

/// Why a URL cannot be asked.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum UrlError {
    /// It cannot be parsed.
    #[error("not a URL")]
    Malformed,
    /// Its scheme is missing, or is neither `http` nor `https`.
    #[error("only http:// and https:// are supported")]
    Scheme,
    /// It names no host.
    #[error("without a host")]
    NoHost,
    /// Its host is a number that programs read differently, such as `127.1`.
    #[error(
        "its host is ambiguous: write an IPv4 address as four decimal numbers without leading zeros"
    )]
    Ambiguous,
    /// No certificate can be for its host.
    #[error("no certificate can be for its host")]
    NoName,
}

/// A URL, in the parts that a request needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Url {
    is_tls: bool,
    host: String,
    authority: String,
    path: String,
}

impl Url {
    /// Parses `http://HOST[:PORT][/PATH]`, and the same with `https`. HOST is a name or an address, an IPv6 address in
    /// brackets. The port is 80 or 443 if none is given, and the path `/`.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let uri: Uri = url.parse().map_err(|_| UrlError::Malformed)?;
        let (is_tls, usual) = match uri.scheme_str() {
            Some("http") => (false, 80),
            Some("https") => (true, 443),
            _ => return Err(UrlError::Scheme),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or(UrlError::NoHost)?;
        switchyard_address::check_host(host).map_err(|_| UrlError::Ambiguous)?;
        // `Uri` has no port both where none is written and where the written one is no port.
        let is_bare = uri
            .authority()
            .is_some_and(|authority| authority.as_str().ends_with(host));
        let port = match uri.port_u16() {
            Some(port) => port,
            None if is_bare => usual,
            None => return Err(UrlError::Malformed),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            is_tls,
            host: host.to_owned(),
            authority: format!("{host}:{port}"),
            path: path.to_owned(),
        })
    }

    /// Whether its scheme is `https`.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// The host, an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `HOST:PORT`, an IPv6 address in brackets.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path with the query, `/` at least.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Error {
    /// No connection, no answer in time, or an answer that breaks off within its head.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// One side speaks TLS and the other does not, or the server's certificate is refused. Says what to do.
    #[error("{0}")]
    Tls(String),
    /// The answer has no HTTP status.
    #[error("it does not speak HTTP")]
    NotHttp {
        /// The answer's first line, without its end. It is empty if the connection ended without an answer.
        line: String,
    },
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            error => io::Error::other(error),
        }
    }
}

/// Sends requests to one server.
#[derive(Clone, Debug)]
pub struct Client {
    authority: String,
    timeout: Duration,
    bearer: Option<String>,
    tls: Option<Tls>,
}

impl Client {
    /// A client of `authority`, which is `HOST:PORT`. `timeout`, above zero, bounds each attempt to
    /// connect, each write and each read, and so also the silence within a streamed answer.
    /// Looking up a host name has the system's own bound.
    pub fn new(authority: impl Into<String>, timeout: Duration) -> Self {
        Self {
            authority: authority.into(),
            timeout,
            bearer: None,
            tls: None,
        }
    }

    /// The same client, but over TLS, if this says how.
    #[must_use]
    pub fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// The same client, but its requests carry this token, if there is one, as `authorization: Bearer`.
    #[must_use]
    pub fn with_bearer(self, token: Option<String>) -> Self {
        Self {
            bearer: token,
            ..self
        }
    }

    /// `HOST:PORT`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Sends a `GET` of `path`, and reads the answer up to its body.
    pub fn get(&self, path: &str) -> Result<Response, Error> {
        self.send("GET", path)
    }

    /// Sends a `POST` to `path` without a body, and reads the answer up to its body.
    pub fn post(&self, path: &str) -> Result<Response, Error> {
        self.send("POST", path)
    }

    /// Sends a `GET` of `path` to each of the host's `addresses` in turn. Returns the first answer that `is_good`, else
    /// the last answer or error.
    pub(crate) fn get_from_any(
        &self,
        addresses: impl IntoIterator<Item = SocketAddr>,
        path: &str,
        is_good: impl Fn(&Response) -> bool,
    ) -> Result<Response, Error> {
        let mut last = Err(no_address().into());
        for address in addresses {
            let stream = TcpStream::connect_timeout(&address, self.timeout);
            let answer = stream
                .map_err(Error::from)
                .and_then(|stream| self.exchange(stream, "GET", path));
            if answer.as_ref().is_ok_and(&is_good) {
                return answer;
            }
            // An answer tells more than an address where nothing listens.
            if last.is_err() || answer.is_ok() {
                last = answer;
            }
        }
        last
    }

    fn send(&self, method: &str, path: &str) -> Result<Response, Error> {
        self.exchange(self.connect()?, method, path)
    }

    fn exchange(&self, stream: TcpStream, method: &str, path: &str) -> Result<Response, Error> {
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        let mut stream = match &self.tls {
            None => Stream::Plain(stream),
            Some(tls) => tls.shake(stream)?,
        };
        stream.write_all(self.head(method, path).as_bytes())?;
        let mut body = BufReader::new(stream);
        let (status, status_line) = read_head(&mut body)?;
        Ok(Response {
            status,
            status_line,
            body,
        })
    }

    /// In one write: a server may answer, and close, once it has the whole head.
    fn head(&self, method: &str, path: &str) -> String {
        let host = &self.authority;
        let bearer = self.bearer.as_ref();
        let bearer = bearer.map_or_else(String::new, |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        // A GET has no body, and says nothing of one.
        let length = if method == "GET" {
            ""
        } else {
            "content-length: 0\r\n"
        };
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{bearer}{length}connection: close\r\n\r\n"
        )
    }

    /// Tries the host's addresses in turn: `localhost` is two on most systems, and one of them may refuse.
    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = no_address();
        for address in self.authority.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "the host has no address")
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Response {
    status: u16,
    status_line: String,
    body: BufReader<Stream>,
}

impl Response {
    /// The status, such as 200.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is one of 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer's first line, without its end, such as `HTTP/1.1 200 OK`.
    #[must_use]
    pub fn status_line(&self) -> &str {
        &self.status_line
    }

    /// The body as it arrives. It ends with the connection.
    /// A read fails with [`WouldBlock`](io::ErrorKind::WouldBlock) or
    /// [`TimedOut`](io::ErrorKind::TimedOut) if nothing arrives within the client's time-out.
    #[must_use]
    pub fn into_body(self) -> impl BufRead + Send {
        self.body
    }

    /// The whole body, but no more than `limit` bytes of it. Bytes that are not UTF-8 become U+FFFD.
    pub fn text(self, limit: u64) -> io::Result<String> {
        let mut bytes = Vec::new();
        self.body.take(limit).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Reads an answer up to its body. Returns the status and the line that it stands in.
fn read_head(stream: &mut impl BufRead) -> Result<(u16, String), Error> {
    let mut head = stream.take(MAX_HEAD);
    let status_line = read_line(&mut head)?.trim_end().to_owned();
    let mut words = status_line.split(' ');
    let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/"));
    let status = words.next().and_then(|word| word.parse().ok());
    let Some(status) = status.filter(|_| is_http) else {
        return Err(not_http(status_line));
    };
    loop {
        let line = read_line(&mut head)?;
        if line == "\r\n" || line == "\n" {
            return Ok((status, status_line));
        }
        if line.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
}

/// One line with its end. It is empty at the end of the stream.
fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

#[cfg(test)]
mod tests;
