//! The health check of a container engine.
//!
//! An image that holds nothing but one binary has no shell and no `curl`. So the binary itself is started
//! a second time, sends one `GET` to the process that runs, and reports the answer by its exit code.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::http::{Client, Error as HttpError, Url};

/// For connecting, for writing and for each read: a healthy process answers on loopback in a millisecond.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Why a process is not known to be healthy.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unhealthy {
    /// The URL cannot be asked.
    #[error("{0}: must be http://HOST:PORT/PATH, such as http://127.0.0.1:5001/ready")]
    Url(String),
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

/// Sends one `GET` to `url`, and accepts only a `200`. Blocks for some seconds at most.
pub fn healthcheck(url: &str) -> Result<(), Unhealthy> {
    let target = Url::parse(url).map_err(|_| Unhealthy::Url(url.to_owned()))?;
    let url = url.to_owned();
    let answer = match Client::new(target.authority(), TIMEOUT).get(target.path()) {
        Ok(response) if response.status() == 200 => return Ok(()),
        Ok(response) => response.status_line().to_owned(),
        Err(HttpError::NotHttp { line }) => line,
        Err(HttpError::Io(source)) => return Err(Unhealthy::Silent { url, source }),
    };
    Err(Unhealthy::Answer { url, answer })
}

#[cfg(test)]
mod tests;
