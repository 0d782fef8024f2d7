//! The client of the admin port: a stream of snapshots, and the commands drain and undrain.

use std::{
    io::{self, BufRead},
    sync::mpsc::Sender,
    thread,
    time::Duration,
};

use serde_json::Value;
use switchyard_bounded::file::read_text;
use switchyard_credentials::client_of;
use switchyard_process::http::{self, Client, Response, Tls, Url, UrlError};
use switchyard_status::{History, StatusSnapshot};

use super::{Error, Options};

/// After this long without data the connection counts as lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// The status of a request without the right token.
const UNAUTHORISED: u16 = 401;
/// The most bytes that are read of a history: several times as many as five minutes take.
const HISTORY: u64 = 1024 * 1024;
/// The largest file of a token, in bytes.
const LARGEST_TOKEN: usize = 4 * 1024;
/// The most bytes that are read of an error's text.
const MOST: u64 = 64 * 1024;

/// What the stream brings.
#[derive(Debug)]
pub(super) enum Update {
    /// The last imbalances, the oldest first; unknown ones are left out.
    Past(Vec<f64>),
    /// The newest snapshot.
    Snapshot(Box<StatusSnapshot>),
    /// The connection is lost, and why.
    Lost(String),
}

/// A drain, or an undrain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) name: String,
    pub(super) is_draining: bool,
    /// What one proxy alone drains, it ends by itself, also without its store.
    pub(super) is_local: bool,
}

/// The address of the admin port, and its token.
#[derive(Clone, Debug)]
pub(super) struct AdminClient(Client);

impl AdminClient {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let invalid = |reason: UrlError| Error::Address {
            url: options.admin.clone(),
            reason: reason.to_string(),
        };
        let url = Url::parse(&options.admin).map_err(invalid)?;
        let tls = if url.is_tls() {
            let trust = client_of(options.ca.as_deref()).map_err(Error::Trust)?;
            let name = options.server_name.as_deref().unwrap_or(url.host());
            Some(Tls::new(trust, name).map_err(invalid)?)
        } else {
            None
        };
        let token = options.token_file.as_deref().map(|path| {
            let text = read_text(path, LARGEST_TOKEN).map_err(|reason| Error::Token {
                path: path.to_owned(),
                reason,
            })?;
            Ok::<_, Error>(text.trim().to_owned())
        });
        let client = Client::new(url.authority(), PATIENCE).with_tls(tls);
        Ok(Self(client.with_bearer(token.transpose()?)))
    }

    /// `HOST:PORT`.
    pub(super) fn address(&self) -> &str {
        self.0.authority()
    }

    /// Starts a thread that sends updates until the receiver is gone.
    pub(super) fn follow(&self, updates: Sender<Update>) -> io::Result<()> {
        let client = self.clone();
        thread::Builder::new()
            .name("snapshots".into())
            .spawn(move || {
                loop {
                    let why = match client.snapshots(&updates) {
                        Ok(()) => "the admin port closed the connection".to_owned(),
                        Err(error) => error.to_string(),
                    };
                    if updates.send(Update::Lost(why)).is_err() {
                        return;
                    }
                    thread::sleep(PAUSE);
                }
            })?;
        Ok(())
    }

    fn snapshots(&self, updates: &Sender<Update>) -> io::Result<()> {
        // A chart is no reason to show nothing: an older proxy has no past.
        if let Ok(past) = self.past() {
            // If nothing waits for it, the next update tells.
            let _ = updates.send(Update::Past(past));
        }
        let mut stream = good(self.0.get("/events"))?.into_body();
        let mut line = String::new();
        while stream.read_line(&mut line)? > 0 {
            if let Some(json) = line.strip_prefix("data: ") {
                let snapshot = serde_json::from_str(json)?;
                if updates.send(Update::Snapshot(snapshot)).is_err() {
                    break;
                }
            }
            line.clear();
        }
        Ok(())
    }

    /// The imbalances that the proxy has kept.
    fn past(&self) -> io::Result<Vec<f64>> {
        let answer = good(self.0.get("/history"))?;
        let History { series, .. } = serde_json::from_str(&answer.text(HISTORY)?)?;
        let values = series.get("imbalance").into_iter().flatten();
        Ok(values.copied().flatten().map(f64::from).collect())
    }

    /// Drains or undrains a substation.
    pub(super) fn drain(&self, order: &Order) -> Result<(), String> {
        let Order {
            name,
            is_draining,
            is_local,
        } = order;
        let word = if *is_draining { "drain" } else { "undrain" };
        let query = if *is_local { "?local=true" } else { "" };
        // The configuration accepts only names that need no quoting.
        let asked = self.0.post(&format!("/substations/{name}/{word}{query}"));
        good(asked).map(drop).map_err(|error| error.to_string())
    }
}

/// The answer, if it is a success; otherwise its message as an error.
fn good(answer: Result<Response, http::Error>) -> io::Result<Response> {
    let answer = answer?;
    if answer.is_success() {
        return Ok(answer);
    }
    let status = answer.status();
    let mut why = message(status, &answer.text(MOST)?);
    if status == UNAUTHORISED {
        why.push_str("; name its file: `switchyard top --token-file FILE`");
    }
    Err(io::Error::other(why))
}

/// The message of an error answer.
fn message(status: u16, body: &str) -> String {
    let body: Option<Value> = serde_json::from_str(body).ok();
    let message = body
        .as_ref()
        .and_then(|body| body.pointer("/error/message")?.as_str());
    message.map_or_else(
        || format!("the admin port answered {status}"),
        str::to_owned,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_http_url() {
        let authority = |url: &str| {
            let options = Options {
                admin: url.to_owned(),
                token_file: None,
                ca: None,
                server_name: None,
            };
            AdminClient::new(&options).map(|client| client.address().to_owned())
        };
        assert_eq!(
            authority("http://127.0.0.1:9901").unwrap(),
            "127.0.0.1:9901"
        );
        assert_eq!(authority("http://[::1]:9901/").unwrap(), "[::1]:9901");
        assert_eq!(
            authority("http://proxy.example").unwrap(),
            "proxy.example:80"
        );
        for url in ["127.0.0.1:9901", "ftp://127.0.0.1:9901", "", "http://"] {
            let error = authority(url).unwrap_err().to_string();
            assert!(error.contains("write it as in http://"), "{error}");
        }
    }

    #[test]
    fn an_error_has_the_message_of_the_answer() {
        let body = r#"{"error": {"code": "overloaded", "message": "32 viewers are connected"}}"#;
        assert_eq!(message(503, body), "32 viewers are connected");
        assert_eq!(message(502, "<html>"), "the admin port answered 502");
    }
}
