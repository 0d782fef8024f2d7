//! What a container engine asks to learn whether the process in a container is well.
//!
//! An image that holds nothing but one binary has no shell and no `curl`, so the binary asks itself: a second
//! process of it sends one `GET` to the first and says by its exit code what came back. The proxy's
//! `healthcheck` command is this one too. It blocks, and needs no runtime: the process that asks does nothing else.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use http::Uri;
use thiserror::Error;

/// For connecting, for writing and for each read: a healthy process answers on loopback in a millisecond.
const PATIENCE: Duration = Duration::from_secs(2);
/// The status line and then some; the rest of the answer is nobody's concern here.
const ENOUGH: u64 = 512;

/// Why something is not known to be well.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unhealthy {
    /// It cannot be asked.
    #[error("{0}: must be http://HOST:PORT/PATH, such as http://127.0.0.1:5001/ready")]
    Url(String),
    /// Nobody answers there, or not in time.
    #[error("{url}: no answer: {source}; is it running, and does it listen there?")]
    Silent {
        /// What was asked.
        url: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// It answers, and says that it is not well.
    #[error("{url}: answered {answer:?} instead of 200")]
    Answer {
        /// What was asked.
        url: String,
        /// The answer's first line.
        answer: String,
    },
}

/// Asks `url` once, and is content with a `200` only.
pub fn healthcheck(url: &str) -> Result<(), Unhealthy> {
    let uri: Uri = url.parse().map_err(|_| Unhealthy::Url(url.to_owned()))?;
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let (Some("http"), Some(authority)) = (uri.scheme_str(), authority) else {
        return Err(Unhealthy::Url(url.to_owned()));
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let answer = ask(authority, path).map_err(|source| Unhealthy::Silent {
        url: url.to_owned(),
        source,
    })?;
    match answer.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(Unhealthy::Answer {
            url: url.to_owned(),
            answer: answer.lines().next().unwrap_or_default().to_owned(),
        }),
    }
}

/// The beginning of the answer.
fn ask(authority: &str, path: &str) -> std::io::Result<String> {
    let address = authority.to_socket_addrs()?.next();
    let address = address.ok_or_else(|| std::io::Error::other("the host has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ENOUGH).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers one request with these bytes, and returns what was asked.
    fn told(answer: &'static str) -> (Result<(), Unhealthy>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ready", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request[..read].to_vec()).unwrap()
        });
        (healthcheck(&url), server.join().unwrap())
    }

    #[test]
    fn only_a_200_is_well() {
        let (health, request) = told("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        health.unwrap();
        assert!(request.starts_with("GET /ready HTTP/1.1\r\nhost: 127.0.0.1:"));
        for answer in [
            "HTTP/1.1 503 Service Unavailable\r\n\r\n200 ",
            "HTTP/1.1 2000 \r\n\r\n",
            "200",
            "",
        ] {
            let (health, _) = told(answer);
            let unhealthy = health.unwrap_err();
            assert!(matches!(unhealthy, Unhealthy::Answer { .. }), "{unhealthy}");
        }
    }

    #[test]
    fn nobody_there_is_not_well() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let unhealthy = healthcheck(&format!("http://{address}/ready")).unwrap_err();
        assert!(matches!(unhealthy, Unhealthy::Silent { .. }), "{unhealthy}");
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in [
            "",
            "127.0.0.1:5001",
            "https://127.0.0.1:1/",
            "http:///ready",
        ] {
            let unhealthy = healthcheck(url).unwrap_err();
            assert!(matches!(unhealthy, Unhealthy::Url(_)), "{url}: {unhealthy}");
        }
    }
}
