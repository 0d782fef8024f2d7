//! The admin port as `top` speaks to it: a stream of snapshots, and two commands.

use std::{
    fs,
    io::{self, BufRead},
    path::Path,
    sync::mpsc::Sender,
    thread,
    time::Duration,
};

use serde_json::Value;
use switchyard_process::http::{self, Client, Response, Url};
use switchyard_status::StatusSnapshot;

use super::Error;

/// Without a word for so long, the connection is as good as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// The most of an error's text that is read, in bytes.
const MOST: u64 = 64 * 1024;

/// What comes from the port.
#[derive(Debug)]
pub(super) enum Update {
    /// How it is now.
    Snapshot(Box<StatusSnapshot>),
    /// It can't be seen, and why.
    Lost(String),
}

/// Where the admin port is, and what it wants.
#[derive(Clone, Debug)]
pub(super) struct AdminClient(Client);

impl AdminClient {
    pub(super) fn new(url: &str, token_file: Option<&Path>) -> Result<Self, Error> {
        let url = Url::parse(url).map_err(|reason| Error::Address {
            url: url.to_owned(),
            reason: reason.to_string(),
        })?;
        let token = token_file.map(|path| {
            let text = fs::read_to_string(path).map_err(|source| Error::Token {
                path: path.to_owned(),
                source,
            })?;
            Ok::<_, Error>(text.trim().to_owned())
        });
        let client = Client::new(url.authority(), PATIENCE);
        Ok(Self(client.with_bearer(token.transpose()?)))
    }

    /// `HOST:PORT`.
    pub(super) fn address(&self) -> &str {
        self.0.authority()
    }

    /// Sends news until nobody takes them, from a thread of its own.
    pub(super) fn follow(&self, news: Sender<Update>) -> io::Result<()> {
        let client = self.clone();
        thread::Builder::new()
            .name("snapshots".into())
            .spawn(move || {
                loop {
                    let why = match client.snapshots(&news) {
                        Ok(()) => "it ended the connection".to_owned(),
                        Err(error) => error.to_string(),
                    };
                    if news.send(Update::Lost(why)).is_err() {
                        return;
                    }
                    thread::sleep(PAUSE);
                }
            })?;
        Ok(())
    }

    fn snapshots(&self, news: &Sender<Update>) -> io::Result<()> {
        let mut stream = good(self.0.get("/events"))?.into_body();
        let mut line = String::new();
        while stream.read_line(&mut line)? > 0 {
            if let Some(json) = line.strip_prefix("data: ") {
                let snapshot = serde_json::from_str(json)?;
                if news.send(Update::Snapshot(snapshot)).is_err() {
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
        let asked = self.0.post(&format!("/substations/{name}/{word}"));
        good(asked).map(drop).map_err(|error| error.to_string())
    }
}

/// A good answer up to its body; of another its message is the error.
fn good(answer: Result<Response, http::Error>) -> io::Result<Response> {
    let answer = answer?;
    if answer.is_success() {
        return Ok(answer);
    }
    let status = answer.status();
    Err(io::Error::other(message(status, &answer.text(MOST)?)))
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
        let authority = |url| AdminClient::new(url, None).map(|client| client.address().to_owned());
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
    fn an_error_says_what_the_answer_says() {
        let body = r#"{"error": {"code": "overloaded", "message": "32 look already"}}"#;
        assert_eq!(message(503, body), "32 look already");
        assert_eq!(message(502, "<html>"), "it answered 502");
    }
}
