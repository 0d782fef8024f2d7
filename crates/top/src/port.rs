//! The admin port as `top` speaks to it: a stream of pictures, and two commands.
//!
//! Plain blocking HTTP/1.1. The stream ends with its connection, so its lines are all there is to it.

use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    path::Path,
    sync::mpsc::Sender,
    thread,
    time::Duration,
};

use http::Uri;
use serde_json::Value;

use super::Error;
use switchyard_status::Picture;

/// Without a word for so long, the connection is as good as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// The most of a head, and of an error's text, that is read.
const MOST: u64 = 64 * 1024;

/// What comes from the port.
#[derive(Debug)]
pub(super) enum News {
    /// How it is now.
    Picture(Box<Picture>),
    /// It can't be seen, and why.
    Lost(String),
}

/// Where the admin port is, and what it wants.
#[derive(Clone, Debug)]
pub(super) struct Port {
    /// `HOST:PORT`.
    authority: String,
    token: Option<String>,
}

impl Port {
    pub(super) fn new(url: &str, token_file: Option<&Path>) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::Address {
            url: url.to_owned(),
            reason: reason.to_owned(),
        };
        let uri: Uri = url.parse().map_err(|_| wrong("not a URL"))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("only http:// is spoken on the admin port"));
        }
        let host = uri.host().ok_or_else(|| wrong("without a host"))?;
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let token = token_file.map(|path| {
            let text = fs::read_to_string(path).map_err(|source| Error::Token {
                path: path.to_owned(),
                source,
            })?;
            Ok::<_, Error>(text.trim().to_owned())
        });
        Ok(Self {
            authority,
            token: token.transpose()?,
        })
    }

    /// `HOST:PORT`.
    pub(super) fn address(&self) -> &str {
        &self.authority
    }

    /// Sends news until nobody takes them, from a thread of its own.
    pub(super) fn follow(&self, news: Sender<News>) -> io::Result<()> {
        let port = self.clone();
        thread::Builder::new()
            .name("pictures".into())
            .spawn(move || {
                loop {
                    let why = match port.pictures(&news) {
                        Ok(()) => "it ended the connection".to_owned(),
                        Err(error) => error.to_string(),
                    };
                    if news.send(News::Lost(why)).is_err() {
                        return;
                    }
                    thread::sleep(PAUSE);
                }
            })?;
        Ok(())
    }

    fn pictures(&self, news: &Sender<News>) -> io::Result<()> {
        let mut stream = self.ask("GET", "/events")?;
        let mut line = String::new();
        while stream.read_line(&mut line)? > 0 {
            if let Some(json) = line.strip_prefix("data: ") {
                let picture = serde_json::from_str(json)?;
                if news.send(News::Picture(picture)).is_err() {
                    break;
                }
            }
            line.clear();
        }
        Ok(())
    }

    /// Takes a substation out, or lets it in again.
    pub(super) fn drain(&self, name: &str, is_draining: bool) -> Result<(), String> {
        let word = if is_draining { "drain" } else { "undrain" };
        // A name needs no quoting anywhere: the configuration sees to it.
        let asked = self.ask("POST", &format!("/substations/{name}/{word}"));
        asked.map(drop).map_err(|error| error.to_string())
    }

    /// Sends a request, and reads up to the body of a good answer; of another its message is the error.
    fn ask(&self, method: &str, path: &str) -> io::Result<BufReader<TcpStream>> {
        let mut addresses = self.authority.to_socket_addrs()?;
        let address = addresses.next().ok_or(io::ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let token = self.token.as_ref();
        let token = token.map_or_else(String::new, |token| {
            format!("authorization: Bearer {token}\r\n")
        });
        let host = &self.authority;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{token}content-length: 0\r\nconnection: close\r\n\r\n"
        )?;
        let mut stream = BufReader::new(stream);
        let status = status(&mut stream)?;
        if (200..300).contains(&status) {
            return Ok(stream);
        }
        let mut body = String::new();
        stream.take(MOST).read_to_string(&mut body)?;
        Err(io::Error::other(message(status, &body)))
    }
}

/// The status of an answer; what follows is its body.
fn status(stream: &mut impl BufRead) -> io::Result<u16> {
    let mut head = stream.take(MOST);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("it does not speak HTTP"))?;
    while line != "\r\n" {
        line.clear();
        if head.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(status)
}

/// What an error answer says.
fn message(status: u16, body: &str) -> String {
    let body: Option<Value> = serde_json::from_str(body).ok();
    let message = body
        .as_ref()
        .and_then(|body| body.pointer("/error/message")?.as_str());
    message.map_or_else(|| format!("it answered {status}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_of_http() {
        let authority = |url| Port::new(url, None).map(|port| port.authority);
        assert_eq!(
            authority("http://127.0.0.1:9901").unwrap(),
            "127.0.0.1:9901"
        );
        assert_eq!(authority("http://[::1]:9901/").unwrap(), "[::1]:9901");
        assert_eq!(
            authority("http://proxy.example").unwrap(),
            "proxy.example:80"
        );
        for url in ["127.0.0.1:9901", "https://127.0.0.1:9901", "", "http://"] {
            let error = authority(url).unwrap_err().to_string();
            assert!(error.contains("write it as in http://"), "{error}");
        }
    }

    #[test]
    fn an_answer_begins_with_its_status() {
        let mut answer = "HTTP/1.1 200 OK\r\ncontent-type: x\r\n\r\nbody".as_bytes();
        assert_eq!(status(&mut answer).unwrap(), 200);
        assert_eq!(answer, b"body");
        for broken in ["", "HTTP/1.1 200 OK\r\nunfinished", "220 mail.example\r\n"] {
            assert!(
                !matches!(status(&mut broken.as_bytes()), Ok(200)),
                "{broken}"
            );
        }
    }

    #[test]
    fn an_error_says_what_the_answer_says() {
        let body = r#"{"error": {"code": "overloaded", "message": "32 look already"}}"#;
        assert_eq!(message(503, body), "32 look already");
        assert_eq!(message(502, "<html>"), "it answered 502");
    }
}
