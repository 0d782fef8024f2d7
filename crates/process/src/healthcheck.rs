//! The health check of a container engine.
//!
//! An image that holds nothing but one binary has no shell and no `curl`. So the binary itself is started
//! a second time, sends one `GET` to the process that runs, and reports the answer by its exit code.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use thiserror::Error;

use crate::http::{Client, Error as HttpError, Response, Tls, Url, UrlError};

/// For connecting, for writing and for each read: a healthy process answers on loopback in a millisecond.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Why a process is not known to be healthy.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unhealthy {
    /// The URL cannot be asked.
    #[error(
        "{0}: {1}; must be http://HOST:PORT/PATH or the same with https, such as http://127.0.0.1:5001/ready"
    )]
    Url(String, UrlError),
    /// One side speaks TLS and the other does not, or the certificate is not trusted. The second is what to do.
    #[error("{0}: {1}")]
    Tls(String, String),
    /// No answer, or none in time.
    #[error("{url}: no answer: {source}; is it running, and does it listen there?")]
    Silent {
        /// The URL of the request.
        url: String,
        /// What went wrong.
        source: io::Error,
    },
    /// An answer other than `200`.
    #[error("{url}: answered {answer:?} instead of 200")]
    Answer {
        /// The URL of the request.
        url: String,
        /// The answer's first line.
        answer: String,
    },
}

/// Sends one `GET` to `url`, and accepts only a `200`. If the host has several addresses, as `localhost` has, one of them
/// must answer so: another program may listen at the others. Blocks for some seconds an address at most.
///
/// `trust` makes what a client over TLS trusts, or says which file does not fit; it is asked only if the URL is `https`.
pub fn healthcheck(
    url: &str,
    trust: impl FnOnce() -> Result<Arc<ClientConfig>, String>,
) -> Result<(), Unhealthy> {
    let wrong = |error| Unhealthy::Url(url.to_owned(), error);
    let target = Url::parse(url).map_err(wrong)?;
    let tls = if target.is_tls() {
        let trust = trust().map_err(|why| Unhealthy::Tls(url.to_owned(), why))?;
        Some(Tls::new(trust, target.host()).map_err(wrong)?)
    } else {
        None
    };
    match target.authority().to_socket_addrs() {
        Ok(addresses) => ask(url, (&target, tls), addresses),
        Err(source) => {
            let url = url.to_owned();
            Err(Unhealthy::Silent { url, source })
        }
    }
}

fn ask(
    url: &str,
    (target, tls): (&Url, Option<Tls>),
    addresses: impl IntoIterator<Item = SocketAddr>,
) -> Result<(), Unhealthy> {
    let url = url.to_owned();
    let is_healthy = |response: &Response| response.status() == 200;
    let client = Client::new(target.authority(), TIMEOUT).with_tls(tls);
    let answer = match client.get_from_any(addresses, target.path(), is_healthy) {
        Ok(response) if is_healthy(&response) => return Ok(()),
        Ok(response) => response.status_line().to_owned(),
        Err(HttpError::NotHttp { line }) => line,
        Err(HttpError::Tls(why)) => return Err(Unhealthy::Tls(url, why)),
        Err(HttpError::Io(source)) => return Err(Unhealthy::Silent { url, source }),
    };
    Err(Unhealthy::Answer { url, answer })
}

#[cfg(test)]
mod tests;
