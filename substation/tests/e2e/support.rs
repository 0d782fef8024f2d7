//! A running substation, and a client that sends raw bytes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use substation::{Config, Substation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Long enough for the slowest machine, short enough to end a hung test.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A substation served on a port of its own.
pub(crate) struct Running {
    pub(crate) substation: Substation,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(crate) async fn start(config: Config) -> Self {
        let substation = Substation::new(config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let served = tokio::spawn(substation::run(substation.clone(), listener, shutdown));
        Self {
            substation,
            address,
            stop,
            served,
        }
    }

    pub(crate) async fn of(capacity_kw: f64) -> Self {
        Self::start(Config::new("substation1", capacity_kw)).await
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, request: &str) -> Answer {
        self.client().await.ask(request).await
    }

    pub(crate) async fn charge(&self, body: &str) -> Answer {
        self.ask(&post(body)).await
    }

    /// The value of a series in `/metrics`.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        self.ask(&get("/metrics")).await.metric(series)
    }

    /// Begins to stop it, without waiting.
    pub(crate) fn begin_stop(self) -> JoinHandle<std::io::Result<()>> {
        self.stop.send(()).unwrap();
        self.served
    }

    pub(crate) async fn stop(self) {
        timeout(DEADLINE, self.begin_stop())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

pub(crate) fn post(body: &str) -> String {
    format!(
        "POST /charge HTTP/1.1\r\nhost: s\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(crate) fn get(path: &str) -> String {
    request("GET", path)
}

pub(crate) fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: s\r\n\r\n")
}

/// A connection, and what has arrived on it beyond the last answer.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer as received.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn ask(&mut self, request: &str) -> Answer {
        self.send(request.as_bytes()).await;
        self.answer().await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next answer on the connection; fails if none comes.
    pub(crate) async fn answer(&mut self) -> Answer {
        timeout(DEADLINE, self.next())
            .await
            .expect("no answer in time")
            .expect("closed, no answer")
    }

    /// Waits until the other side has closed, and returns what it still sent.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.buffer);
        let _ = timeout(DEADLINE, self.stream.read_to_end(&mut rest))
            .await
            .expect("not closed");
        rest
    }

    async fn next(&mut self) -> Option<Answer> {
        loop {
            if let Some(answer) = self.parse() {
                return Some(answer);
            }
            if self.stream.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    fn parse(&mut self) -> Option<Answer> {
        let text = String::from_utf8(self.buffer.clone()).unwrap();
        let (head, rest) = text.split_once("\r\n\r\n")?;
        let answer = Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: String::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let body = rest.get(..length)?.to_owned();
        self.buffer.drain(..head.len() + 4 + length);
        Some(Answer { body, ..answer })
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        serde_json::from_str(&self.body).unwrap()
    }

    /// The code of a refusal. Every refusal has the same three fields.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        let error = json["error"].as_object().unwrap();
        assert_eq!(
            error.keys().collect::<Vec<_>>(),
            ["code", "message", "request_id"]
        );
        assert!(
            error
                .values()
                .all(|value| value.as_str().is_some_and(|text| !text.is_empty()))
        );
        json["error"]["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn metric(&self, series: &str) -> f64 {
        let found: Vec<_> = self
            .body
            .lines()
            .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .collect();
        assert_eq!(found.len(), 1, "one series {series} in\n{}", self.body);
        found[0].parse().unwrap()
    }
}

/// Waits for a condition, and fails if it does not come true.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = timeout(DEADLINE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("not in time: {what}"));
}
